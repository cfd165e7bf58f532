"""The surrogate: a backbone and its connectors. It does not know the recommender, only vectors of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

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
from recexplainer.surrogate.connector import Connector, EncoderInput, inject
from recexplainer.surrogate.encoding import PromptEncoder
from recexplainer.surrogate.hub import find_folder, share_folder
from recexplainer.surrogate.pretrained import has_lora, read_backbone, read_lora
from recexplainer.surrogate.prompt import Encoder, Form

FORMAT_VERSION = 2
"""Version of what `save_pretrained` writes; other versions are refused."""
_SIMILARITY_WIDTH = 2  # of what `batching.similarities` makes


class Description(Settings):
    """What stands in `surrogate.json`: the arguments of `Surrogate` beside the backbone."""

    format_version: Literal[2] = FORMAT_VERSION
    """Version of the folder's layout."""
    form: Form
    """What it is aligned in."""
    vector_width: int = Field(ge=0)
    """Width of the recommender's vectors."""
    connector_width: int = Field(ge=1)
    """Width of the hidden layer of the connectors."""


class Surrogate(nn.Module):
    """A causal language model that reads titles, vectors of a recommender, or both.

    Args:
        backbone: Any causal language model of transformers.
        tokenizer: Its tokenizer, with a chat template.
        form: What it is aligned in.
        vector_width: Width of the recommender's vectors; 0 for a behavior surrogate of one without vectors.
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
        self.connectors = nn.ModuleDict()
        if form != "behavior":
            inputs = {"user": vector_width, "item": vector_width, "similarity": _SIMILARITY_WIDTH}
            for encoder, width in inputs.items():
                self.connectors[encoder] = Connector(width, connector_width, self.embeddings.embedding_dim)
        self._prompt_encoder: PromptEncoder | None = None

    @property
    def embeddings(self) -> nn.Embedding:
        """The backbone's table of input embeddings."""
        return self.backbone.get_input_embeddings()

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.embeddings.weight.device

    @property
    def max_length(self) -> int:
        """Most tokens of prompt and answer together."""
        return min(self.backbone.config.max_position_embeddings, self.tokenizer.model_max_length)

    def connector(self, encoder: Encoder) -> Connector:
        """The connector of an encoder; the behavior form has none."""
        return cast(Connector, self.connectors[encoder])

    def prompt_encoder(self, titles: Sequence[str]) -> PromptEncoder:
        """What turns prompts about a catalogue into ids; the titles are tokenised at the first call only."""
        known = self._prompt_encoder
        if known is None or known.tokenizer is not self.tokenizer or known.titles != titles:
            known = self._prompt_encoder = PromptEncoder(self.tokenizer, titles, self.max_length)
        return known

    def embed(self, input_ids: Tensor, encoder_inputs: Mapping[str, EncoderInput]) -> Tensor:
        """Input embeddings, `Float[batch, length, width]`, each placeholder replaced by its projected vector.

        Args:
            input_ids: `Int[batch, length]`, any id at the placeholders.
            encoder_inputs: For `user`, `item`, `similarity`, as far as the batch has placeholders of them: `positions`,
                `Int[n]` in the flattened batch, and `vectors`, `Float[n, d]` (of similarity `Float[n, 2]`).
        """
        embeddings = self.embeddings(input_ids)
        for encoder, given in encoder_inputs.items():
            embeddings = inject(embeddings, given["positions"], self.connectors[encoder](given["vectors"]))
        return embeddings

    def forward(
        self, input_ids: Tensor, labels: Tensor, label_positions: Tensor, encoder_inputs: Mapping[str, EncoderInput]
    ) -> dict[str, Tensor]:
        """The loss on the answers of a right-padded batch; logits are made only where there is a label.

        Args:
            input_ids: `Int[batch, length]`.
            labels: `Int[labels]`, the answers' ids, one after the other.
            label_positions: `Int[labels]`, for each the position in the flattened batch whose state predicts it.
            encoder_inputs: As in `embed`.

        Returns:
            `loss` (mean over labels, nats; 0 where there is none) and `logits`, `Float[labels, vocabulary]`.
        """
        embeddings = self.embed(input_ids, encoder_inputs)
        states = self.backbone.base_model(inputs_embeds=embeddings, use_cache=False)
        chosen = states.last_hidden_state.flatten(0, 1)[label_positions]
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
            save_file(self.connectors.state_dict(), folder / "connectors.safetensors")
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
            SurrogateError: There is none of that name, it is not whole, of another version, or cannot be merged.
        """
        hub: dict[str, Any] = {"token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        folder = find_folder(name, revision=revision, **hub)
        described = _read_description(folder / "surrogate.json")
        backbone = read_backbone(folder / "backbone", merged=merged, **hub)
        tokenizer = AutoTokenizer.from_pretrained(folder / "backbone")
        surrogate = cls(backbone, tokenizer, described.form, described.vector_width, described.connector_width)
        if surrogate.form != "behavior":
            surrogate._read_connectors(folder / "connectors.safetensors")
        return surrogate.eval()

    def take_over(self, folder: Path) -> None:
        """Continue from a saved surrogate with the same backbone; a pretrained one keeps how it is held here.

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

    def _read_connectors(self, path: Path) -> None:
        try:
            self.connectors.load_state_dict(load_file(path))
        except (OSError, SafetensorError) as error:
            raise _damaged(f"its connectors cannot be read: {error}", path) from error
        except RuntimeError as error:
            raise _damaged("its connectors are not of the shape that surrogate.json gives", path) from error


def _read_description(path: Path) -> Description:
    if not path.exists():
        raise SurrogateError(
            "There is no surrogate in this folder.",
            location=str(path.parent),
            hint="Align one first: recexplainer run RECIPE.",
        )
    values = read_json(path)
    version = values.get("format_version", 1) if isinstance(values, dict) else None
    if version not in (None, FORMAT_VERSION):
        raise SurrogateError(
            f"This surrogate was saved in format {version}; this version of the package reads format {FORMAT_VERSION}.",
            location=str(path),
            hint="Align it again (recexplainer run RECIPE), or install the version that wrote it.",
        )
    try:
        return Description.model_validate(values)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise _damaged(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}", path) from error


def _damaged(what: str, path: Path) -> SurrogateError:
    return SurrogateError(
        f"This surrogate cannot be read: {what}.",
        location=str(path),
        hint="Copy or fetch it again.",
    )
