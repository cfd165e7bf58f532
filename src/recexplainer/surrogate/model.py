"""The surrogate g: a backbone and two connectors. It answers as f would; it does not know f, only vectors of f."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from recexplainer.errors import SurrogateError
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json, write_text
from recexplainer.surrogate.connector import Connector, inject
from recexplainer.surrogate.hub import find_folder, share_folder
from recexplainer.surrogate.pretrained import has_lora, read_backbone, read_lora
from recexplainer.surrogate.prompt import Form

MATCH_WIDTH = 2
"""Width of what a place for a match holds."""


class Description(Settings):
    """What stands in `surrogate.json`; the arguments of `Surrogate` beside the backbone."""

    form: Form
    """What it is aligned in."""
    vector_width: int = Field(ge=0)
    """Width of f's vectors."""
    connector_width: int = Field(ge=1)
    """Width of the hidden layer of the connectors."""


class Surrogate(nn.Module):
    """A causal language model that reads titles, vectors of f, or both.

    Args:
        backbone: Any causal language model of transformers.
        tokenizer: Its tokenizer, with a chat template.
        form: What it is aligned in.
        vector_width: Width of f's vectors; 0 for a behavior surrogate of an f without vectors.
        connector_width: Width of the hidden layer of the connectors.
    """

    def __init__(self, backbone: Any, tokenizer: Any, form: Form, vector_width: int, connector_width: int) -> None:
        super().__init__()
        if form != "behavior" and not vector_width:
            raise SurrogateError(
                f"The {form} form reads vectors, but this recommender has none.",
                location="forms",
                hint="Align in the behavior form, or give the recommender's user and item vectors.",
            )
        self.backbone, self.tokenizer = backbone, tokenizer
        self.form: Form = form
        self.vector_width, self.connector_width = vector_width, connector_width
        if form != "behavior":
            width = self.embeddings.embedding_dim
            self.user_connector = Connector(vector_width, connector_width, width)
            self.item_connector = Connector(vector_width, connector_width, width)
            self.match_connector = Connector(MATCH_WIDTH, connector_width, width)

    @property
    def embeddings(self) -> nn.Embedding:
        """The backbone's table of input embeddings."""
        return self.backbone.get_input_embeddings()

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.embeddings.weight.device

    @property
    def context(self) -> int:
        """Most tokens of prompt and answer together."""
        return min(self.backbone.config.max_position_embeddings, self.tokenizer.model_max_length)

    def embed(
        self,
        input_ids: Tensor,
        user_places: Tensor | None = None,
        user_vectors: Tensor | None = None,
        item_places: Tensor | None = None,
        item_vectors: Tensor | None = None,
        match_places: Tensor | None = None,
        match_vectors: Tensor | None = None,
    ) -> Tensor:
        """Input embeddings, `Float[batch, length, width]`, each place replaced by its projected vector.

        Args:
            input_ids: `Int[batch, length]`, any id at the places.
            user_places: `Int[places]` in the flattened batch; None without user vectors.
            user_vectors: `Float[places, d]`.
            item_places: `Int[places]`, likewise.
            item_vectors: `Float[places, d]`.
            match_places: `Int[places]`, likewise.
            match_vectors: `Float[places, 2]`, as `batching.matched` makes them.
        """
        embeddings = self.embeddings(input_ids)
        if user_places is not None and user_vectors is not None:
            embeddings = inject(embeddings, user_places, self.user_connector(user_vectors))
        if item_places is not None and item_vectors is not None:
            embeddings = inject(embeddings, item_places, self.item_connector(item_vectors))
        if match_places is not None and match_vectors is not None:
            embeddings = inject(embeddings, match_places, self.match_connector(match_vectors))
        return embeddings

    def forward(
        self,
        input_ids: Tensor,
        labels: Tensor,
        label_places: Tensor,
        user_places: Tensor | None = None,
        user_vectors: Tensor | None = None,
        item_places: Tensor | None = None,
        item_vectors: Tensor | None = None,
        match_places: Tensor | None = None,
        match_vectors: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The loss on the answers of a right-padded batch; logits are made only where there is a label.

        Args:
            input_ids: `Int[batch, length]`.
            labels: `Int[labels]`, the answers' ids, one after the other.
            label_places: `Int[labels]`, for each the place in the flattened batch whose state predicts it.
            user_places: As in `embed`.
            user_vectors: As in `embed`.
            item_places: As in `embed`.
            item_vectors: As in `embed`.
            match_places: As in `embed`.
            match_vectors: As in `embed`.

        Returns:
            `loss` (mean over labels, nats; 0 where there is none) and `logits`, `Float[labels, vocabulary]`.
        """
        embeddings = self.embed(
            input_ids, user_places, user_vectors, item_places, item_vectors, match_places, match_vectors
        )
        states = self.backbone.base_model(inputs_embeds=embeddings, use_cache=False)
        chosen = states.last_hidden_state.flatten(0, 1)[label_places]
        logits = self.backbone.get_output_embeddings()(chosen).float()
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
        return {"loss": loss, "logits": logits}

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the backbone with its tokenizer, the connectors, and what they are.

        Args:
            folder: Gets `backbone/` (all weights of `nano`, of a pretrained backbone LoRA alone),
                `connectors.safetensors` unless the form is behavior, and `surrogate.json`.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        disable_progress_bar()
        self.backbone.save_pretrained(folder / "backbone")
        self.tokenizer.save_pretrained(folder / "backbone")
        if self.form != "behavior":
            save_file(self._connectors(), folder / "connectors.safetensors")
        described = Description(form=self.form, vector_width=self.vector_width, connector_width=self.connector_width)
        write_json(folder / "surrogate.json", described.model_dump(mode="json"))

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        merged: bool = False,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: Path | str | None = None,
        local_files_only: bool = False,
    ) -> Surrogate:
        """Read what `save_pretrained` wrote, from a folder or from the Hugging Face Hub.

        Args:
            name: The folder, or OWNER/NAME on the hub.
            merged: Add LoRA's weights to the backbone's own, so that it is a plain model; `nano` is one already.
            revision: Branch, tag or commit on the hub; None: main.
            token: Access token of the hub; None: the one that `hf auth login` has kept.
            cache_dir: Where fetched files are kept; None: the hub's own cache.
            local_files_only: Ask the hub for nothing, take what was fetched before.

        Raises:
            SurrogateError: There is no surrogate of that name, it is not whole, or cannot be merged.
        """
        folder = find_folder(name, revision, token, cache_dir, local_files_only)
        described = _read_description(folder)
        backbone = read_backbone(
            folder / "backbone", merged=merged, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        tokenizer = AutoTokenizer.from_pretrained(folder / "backbone")
        surrogate = cls(backbone, tokenizer, described.form, described.vector_width, described.connector_width)
        if surrogate.form != "behavior":
            surrogate._read_connectors(folder / "connectors.safetensors")
        return surrogate.eval()

    def take_over(self, folder: Path) -> None:
        """Go on from what a surrogate with the same backbone has learned; a pretrained one stays as it is held here.

        Args:
            folder: What `save_pretrained` wrote, of the same form, or of another that reads the same vectors.

        Raises:
            SurrogateError: There is no surrogate in it, or it is not whole.
        """
        if has_lora(self.backbone):
            read_lora(self.backbone, folder / "backbone")
        else:
            other = Surrogate.from_pretrained(folder)
            self.backbone, self.tokenizer = other.backbone, other.tokenizer
        self._read_connectors(folder / "connectors.safetensors")

    def push_to_hub(
        self,
        repo_id: str,
        *,
        card: str = "",
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
    ) -> str:
        """Share it on the Hugging Face Hub as one commit; returns the commit's URL.

        Args:
            repo_id: OWNER/NAME; made if it is not there.
            card: Text of the card, `README.md` (`reports.model_card` writes one from results); "" shares none.
            private: Whether a new repository is private; None: as its owner has set.
            token: Access token; None: the one that `hf auth login` has kept.
            revision: Branch to commit to; None: main.

        Raises:
            SurrogateError: The hub is not reached, or does not take it.
        """
        with TemporaryDirectory() as aside:
            self.save_pretrained(Path(aside))
            if card:
                write_text(Path(aside) / "README.md", card)
            return share_folder(Path(aside), repo_id, private=private, token=token, revision=revision)

    def _connectors(self) -> dict[str, Tensor]:
        return {name: weight for name, weight in self.state_dict().items() if "_connector." in name}

    def _read_connectors(self, path: Path) -> None:
        own = self._connectors()
        try:
            read = load_file(path)
        except (OSError, SafetensorError) as error:
            raise _damaged(f"its connectors cannot be read: {error}", path) from error
        if {name: weight.shape for name, weight in read.items()} != {name: own[name].shape for name in own}:
            raise _damaged("its connectors are not of the shape that surrogate.json says", path)
        self.load_state_dict(read, strict=False)


def _read_description(folder: Path) -> Description:
    path = folder / "surrogate.json"
    if not path.exists():
        raise SurrogateError(
            "There is no surrogate in this folder.",
            location=str(folder),
            hint="Align one first: recexplainer run RECIPE.",
        )
    try:
        return Description.model_validate(read_json(path))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise _damaged(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}", path) from error


def _damaged(what: str, path: Path) -> SurrogateError:
    return SurrogateError(
        f"This is no surrogate that can be read: {what}.",
        location=str(path),
        hint="Copy or fetch it again; if a newer version wrote it, take that version.",
    )
