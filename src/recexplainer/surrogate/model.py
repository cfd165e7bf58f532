"""The surrogate g: a backbone and two connectors. It answers as f would; it does not know f, only vectors of f."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from recexplainer.errors import SurrogateError
from recexplainer.storage import read_json, write_json
from recexplainer.surrogate.connector import Connector, inject
from recexplainer.surrogate.pretrained import has_lora, let_lora_learn
from recexplainer.surrogate.prompt import Form


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
                where="forms",
                mend="Align in the behavior form, or give the recommender's user and item vectors.",
            )
        self.backbone, self.tokenizer = backbone, tokenizer
        self.form: Form = form
        self.vector_width, self.connector_width = vector_width, connector_width
        if form != "behavior":
            width = self.embeddings.embedding_dim
            self.user_connector = Connector(vector_width, connector_width, width)
            self.item_connector = Connector(vector_width, connector_width, width)

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
    ) -> Tensor:
        """Input embeddings, `Float[batch, length, width]`, each place replaced by its projected vector.

        Args:
            input_ids: `Int[batch, length]`, any id at the places.
            user_places: `Int[places]` in the flattened batch; None without user vectors.
            user_vectors: `Float[places, d]`.
            item_places: `Int[places]`, likewise.
            item_vectors: `Float[places, d]`.
        """
        embeddings = self.embeddings(input_ids)
        if user_places is not None and user_vectors is not None:
            embeddings = inject(embeddings, user_places, self.user_connector(user_vectors))
        if item_places is not None and item_vectors is not None:
            embeddings = inject(embeddings, item_places, self.item_connector(item_vectors))
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

        Returns:
            `loss` (mean over labels, nats; 0 where there is none) and `logits`, `Float[labels, vocabulary]`.
        """
        embeddings = self.embed(input_ids, user_places, user_vectors, item_places, item_vectors)
        states = self.backbone.base_model(inputs_embeds=embeddings, use_cache=False)
        chosen = states.last_hidden_state.flatten(0, 1)[label_places]
        logits = self.backbone.get_output_embeddings()(chosen).float()
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
        return {"loss": loss, "logits": logits}

    def save(self, folder: Path) -> None:
        """Write the backbone with its tokenizer, the connectors, and what they are."""
        folder.mkdir(parents=True, exist_ok=True)
        disable_progress_bar()
        self.backbone.save_pretrained(folder / "backbone")
        self.tokenizer.save_pretrained(folder / "backbone")
        if self.form != "behavior":
            weights = {name: weight for name, weight in self.state_dict().items() if "_connector." in name}
            save_file(weights, folder / "connectors.safetensors")
        described = {
            "form": self.form,
            "vector_width": self.vector_width,
            "connector_width": self.connector_width,
        }
        write_json(folder / "surrogate.json", described)

    @classmethod
    def load(cls, folder: Path) -> Surrogate:
        """Read what `save` wrote. Raises SurrogateError if the folder holds no surrogate."""
        if not (folder / "surrogate.json").exists():
            raise SurrogateError(
                "There is no surrogate in this folder.",
                where=str(folder),
                mend="Align one first: recexplainer run RECIPE.",
            )
        described = read_json(folder / "surrogate.json")
        backbone = _read_backbone(folder / "backbone")
        surrogate = cls(backbone, AutoTokenizer.from_pretrained(folder / "backbone"), **described)
        if surrogate.form != "behavior":
            surrogate.load_state_dict(load_file(folder / "connectors.safetensors"), strict=False)
        return surrogate.eval()


def _read_backbone(folder: Path) -> Any:
    """The backbone; of a pretrained one only LoRA is in the folder, which says where the rest is."""
    disable_progress_bar()
    try:
        backbone = AutoModelForCausalLM.from_pretrained(folder)
    except OSError as error:
        raise SurrogateError(
            f"The backbone cannot be read: {str(error).strip().splitlines()[0]}",
            where=str(folder),
            mend="Of a pretrained backbone only what was learned is kept: its own weights must be where they were "
            "(`base_model_name_or_path` in adapter_config.json).",
        ) from error
    if has_lora(backbone):
        let_lora_learn(backbone)
    return backbone
