"""The surrogate: a backbone and its connectors, in a folder or on the Hugging Face Hub.

Of the recommender it knows vectors only. `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_TOKEN` work as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from recexplainer.errors import SurrogateError
from recexplainer.settings import Settings
from recexplainer.storage import read_json, write_json, write_text
from recexplainer.surrogate.connector import Connector, EncoderInput, inject
from recexplainer.surrogate.encoding import PromptEncoder
from recexplainer.surrogate.frame import ChatFrame, chat_frame
from recexplainer.surrogate.hub import find_folder, share_folder
from recexplainer.surrogate.llama import PlainLlama, can_read
from recexplainer.surrogate.loading import explained
from recexplainer.surrogate.logits import logits_at
from recexplainer.surrogate.pretrained import has_lora, merge_lora, read_backbone, read_lora
from recexplainer.surrogate.prompt import ENCODERS, Encoder, Form

_FORMAT_VERSION = 3  # of what `save_pretrained` writes
# What configurations name the most positions; some have no limit.
_LENGTH_KEYS = ("max_position_embeddings", "max_seq_len", "max_sequence_length", "seq_length")
_SAMPLED_EMBEDDINGS = 20_000
_SIMILARITY_WIDTH = 2  # of `batching.similarities`


class Description(Settings):
    """The content of `surrogate.json`: the arguments of `Surrogate` beside the backbone."""

    format_version: Literal[3] = _FORMAT_VERSION
    form: Form
    vector_width: int = Field(ge=0)
    connector_width: int = Field(ge=1)
    title_positions: int = Field(default=0, ge=0)
    title_width: int = Field(default=0, ge=0)
    frame: ChatFrame
    own_words: bool = False


class Surrogate(nn.Module):
    """A causal language model that reads titles, vectors of a recommender, or both.

    Args:
        backbone: Any causal language model of transformers.
        tokenizer: Its tokenizer, with a chat template.
        form: What it is aligned in.
        vector_width: Width of the recommender's vectors; 0 for a behavior surrogate of one without vectors.
        connector_width: Width of the hidden layer of the connectors.
        frame: What is around each question and answer; None: as the tokenizer's chat template writes it now.
        title_positions: How many embeddings, read as its title, at most follow the one that an item's vector becomes:
            one for each token of the title (the paper: none).
        title_width: Width of the hidden layer of the connector that writes these.
        own_words: Whether it has learned to explain in its own words, from explanations of the corpus.
    """

    def __init__(
        self,
        backbone: Any,
        tokenizer: Any,
        form: Form,
        vector_width: int,
        connector_width: int,
        frame: ChatFrame | None = None,
        *,
        title_positions: int = 0,
        title_width: int = 0,
        own_words: bool = False,
    ) -> None:
        super().__init__()
        self.own_words = own_words
        if form != "behavior" and not vector_width:
            raise SurrogateError(
                f"The {form} form reads vectors, but this recommender has none.",
                location="forms",
                hint="Align in the behavior form, or give the recommender's user and item vectors.",
            )
        self.backbone, self.tokenizer, self._frame = backbone, tokenizer, frame
        self.form: Form = form
        self.vector_width, self.connector_width = vector_width, connector_width
        self.title_positions, self.title_width = title_positions, title_width
        self.connectors = nn.ModuleDict()
        if form != "behavior":
            for encoder, positions in self._positions.items():
                if positions:
                    width = _SIMILARITY_WIDTH if encoder == "similarity" else vector_width
                    hidden = title_width if encoder == "title" else connector_width
                    self.connectors[encoder] = Connector(width, hidden, positions * self.embeddings.embedding_dim)
        self._prompt_encoder: PromptEncoder | None = None

    @property
    def embeddings(self) -> nn.Embedding:
        """The backbone's table of input embeddings."""
        return self.backbone.get_input_embeddings()

    @property
    def frame(self) -> ChatFrame:
        """What is around each question and answer; read from the chat template once, and kept with the surrogate."""
        if self._frame is None:
            self._frame = chat_frame(self.tokenizer)
        return self._frame

    @property
    def stops(self) -> list[int]:
        """The tokens that end an answer: the one it learns to end with, then those of backbone and tokenizer."""
        ends: Any = self.backbone.generation_config.eos_token_id
        every = [self.frame.stop, *(ends if isinstance(ends, list) else [ends]), self.tokenizer.eos_token_id]
        return [token for token in dict.fromkeys(every) if token is not None]

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.embeddings.weight.device

    @property
    def max_length(self) -> int:
        """Most tokens of prompt and answer together."""
        config = self.backbone.config.get_text_config()
        limits = (getattr(config, key, None) for key in _LENGTH_KEYS)
        return min([self.tokenizer.model_max_length, *filter(None, limits)])

    @torch.no_grad()
    def embedding_std(self) -> float:
        """Standard deviation of the embeddings of words as the model reads them: some scale them when looked up."""
        rows = self.embeddings.num_embeddings
        some = torch.arange(0, rows, max(1, rows // _SAMPLED_EMBEDDINGS), device=self.device)
        return float(self.embeddings(some).std())

    @property
    def _positions(self) -> dict[Encoder, int]:
        """How many embeddings each connector writes."""
        return {encoder: self.title_positions if encoder == "title" else 1 for encoder in ENCODERS}

    @torch.no_grad()
    def title_embeddings(self, titles: Sequence[str], positions: int = 1) -> Tensor:
        """Each title at so many positions, of the usual norm of a word's embedding: `Float[titles, positions * width]`.

        At the last position it is the mean embedding of the tokens that are left, at those before it one token each;
        where a title has fewer tokens, zeros follow.
        """
        usual, before = self.embedding_std() * self.embeddings.embedding_dim**0.5, positions - 1
        rows: list[Tensor] = []
        for ids in self.prompt_encoder(titles).title_ids:
            each = self.embeddings(torch.tensor(ids, device=self.device)).float()
            if len(ids) > positions:
                each = torch.cat([each[:before], each[before:].mean(0, keepdim=True)])
            rows.append(functional.pad(each, (0, 0, 0, positions - len(each))))
        return (usual * functional.normalize(torch.stack(rows), dim=-1)).flatten(1)

    def connector(self, encoder: Encoder) -> Connector:
        """The connector of an encoder; the behavior form has none."""
        return cast(Connector, self.connectors[encoder])

    def prompt_encoder(self, titles: Sequence[str]) -> PromptEncoder:
        """The encoder of prompts about a catalogue; its titles are tokenised at the first call only."""
        known = self._prompt_encoder
        if known is None or known.tokenizer is not self.tokenizer or known.titles != titles:
            known = PromptEncoder(self.tokenizer, titles, self.max_length, self.frame, self.title_positions)
            self._prompt_encoder = known
        return known

    def embed(self, input_ids: Tensor, encoder_inputs: Mapping[str, EncoderInput]) -> Tensor:
        """Input embeddings, `Float[batch, length, width]`, each placeholder replaced by its projected vector.

        `input_ids` is `Int[batch, length]`, with any ids at the placeholders. `encoder_inputs` has the encoders that
        the batch has placeholders of; the vectors are `Float[n, d]`, of `similarity` `Float[n, 2]`.
        """
        embeddings = self.embeddings(input_ids)
        for encoder, given in encoder_inputs.items():
            projected = self.connectors[encoder](given["vectors"])
            embeddings = inject(embeddings, given["positions"], given["taken"], projected)
        return embeddings

    def forward(
        self, input_ids: Tensor, labels: Tensor, label_positions: Tensor, encoder_inputs: Mapping[str, EncoderInput]
    ) -> dict[str, Tensor]:
        """The loss on the answers of a right-padded batch; logits are computed only where there is a label.

        `labels` are the answers' ids, `Int[labels]`; the states at `label_positions` of the flattened batch predict
        them. Returns `loss` (mean over labels, nats; 0 without one) and `logits`, `Float[labels, vocabulary]`.
        """
        embeddings = self.embed(input_ids, encoder_inputs)
        logits = logits_at(self.backbone, embeddings, label_positions).float()
        loss = functional.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
        return {"loss": loss, "logits": logits}

    def save_pretrained(self, folder: Path | str) -> None:
        """Write `surrogate.json`, `backbone/` (of a pretrained one LoRA alone) and any `connectors.safetensors`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        disable_progress_bar()
        self.backbone.save_pretrained(folder / "backbone")
        self.tokenizer.save_pretrained(folder / "backbone")
        if self.form != "behavior":
            save_file(self.connectors.state_dict(), folder / "connectors.safetensors")
        described = Description(
            form=self.form,
            vector_width=self.vector_width,
            connector_width=self.connector_width,
            title_positions=self.title_positions,
            title_width=self.title_width,
            frame=self.frame,
            own_words=self.own_words,
        )
        write_json(folder / "surrogate.json", described.model_dump(mode="json"))

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        merged: bool = False,
        frozen: bool = False,
        only_writes: bool = False,
        revision: str | None = None,
        token: str | None = None,
        cache_dir: Path | str | None = None,
        local_files_only: bool = False,
    ) -> Surrogate:
        """Read what `save_pretrained` wrote, from a folder or from the Hugging Face Hub.

        Args:
            name: The folder, or OWNER/NAME on the hub.
            merged: Add LoRA's weights to the backbone's own, so that it is a plain model; `nano` is one already.
            frozen: It will not be trained or saved: LoRA is read as part of the weights, which is faster.
            only_writes: It will write on the processor, nothing else: `nano` is there in less time, too.
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
        quick = only_writes and can_read(folder / "backbone")
        read: Any = PlainLlama if quick else partial(read_backbone, merged=merged, **hub)
        backbone = read(folder / "backbone")
        if frozen or only_writes:
            merge_lora(backbone)
        with explained(str(folder / "backbone"), "tokenizer"):
            kind: Any = PreTrainedTokenizerFast if quick else AutoTokenizer  # the second loads a configuration first
            tokenizer = kind.from_pretrained(folder / "backbone", trust_remote_code=False)
        sizes = described.vector_width, described.connector_width
        surrogate = cls(
            backbone,
            tokenizer,
            described.form,
            *sizes,
            described.frame,
            title_positions=described.title_positions,
            title_width=described.title_width,
            own_words=described.own_words,
        )
        if surrogate.form != "behavior":
            surrogate._read_connectors(folder / "connectors.safetensors")
        return surrogate.eval()

    def take_over(self, folder: Path) -> None:
        """Load the weights of a saved surrogate with the same backbone, whose form reads the same vectors.

        A pretrained backbone keeps its type and device. Raises SurrogateError if the folder has no complete surrogate.
        """
        if has_lora(self.backbone):
            read_lora(self.backbone, folder / "backbone")
        else:
            other = Surrogate.from_pretrained(folder)
            self.backbone, self.tokenizer, self._frame = other.backbone, other.tokenizer, other.frame
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
    if version not in (None, _FORMAT_VERSION):
        raise SurrogateError(
            f"This surrogate was saved in format {version}; this version reads format {_FORMAT_VERSION}.",
            location=str(path),
            hint="Align it again (recexplainer run RECIPE), or install the version that wrote it.",
        )
    try:
        return Description.model_validate(values)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise _damaged(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}", path) from error


def _damaged(what: str, path: Path) -> SurrogateError:
    return SurrogateError(f"This surrogate cannot be read: {what}.", location=str(path), hint="Copy or fetch it again.")
