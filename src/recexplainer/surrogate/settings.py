"""Settings of the surrogate: the backbone and its training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, model_validator

from recexplainer.settings import Settings
from recexplainer.surrogate.preference_settings import PreferenceSettings
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.tasks.example import Task


class NanoSettings(Settings):
    """The shape of `nano`, the embedded backbone: a small Llama with a vocabulary of its own."""

    width: int = Field(default=192, ge=16)
    """Width of its embeddings and states."""
    layers: int = Field(default=3, ge=1)
    """Transformer blocks."""
    heads: int = Field(default=3, ge=1)
    """Attention heads."""
    inner: int = Field(default=512, ge=16)
    """Width inside its feed-forward layers."""
    vocabulary: int = Field(default=8000, ge=400)
    """The most tokens its BPE vocabulary may hold."""
    context: int = Field(default=1024, ge=64)
    """Most tokens of prompt and answer together."""


class PretrainedSettings(Settings):
    """How a pretrained backbone is held, and the LoRA that is trained on it; `nano` has no use for these."""

    rank: int = Field(default=16, ge=1)
    """LoRA's rank."""
    alpha: int = Field(default=32, gt=0)
    """LoRA's scale, divided by the rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout before LoRA."""
    targets: tuple[str, ...] | None = None
    """Names of the layers that get LoRA; None: all linear layers but the output, whatever the architecture."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """How its own weights are held; `auto`: bfloat16 on a GPU that has it, else float32."""
    four_bit: bool = False
    """Hold its own weights in 4 bits (bitsandbytes)."""
    sharded: bool = False
    """Split its own weights among the processes that torchrun starts (FSDP2); each then holds a share of them."""
    gradient_checkpointing: bool = False
    """Work states out again on the way back instead of keeping them: less memory, more time."""
    context: int = Field(default=1024, ge=64)
    """Most tokens of prompt and answer together (the paper: 1,024)."""

    @model_validator(mode="after")
    def _splits_what_can_be_split(self) -> PretrainedSettings:
        if self.sharded and self.four_bit:
            raise ValueError("weights in 4 bits cannot be sharded: set one of four_bit and sharded")
        return self


class SurrogateSettings(Settings):
    """How a surrogate is built and trained."""

    backbone: str = "nano"
    """`nano`, the name of a causal language model on the hub, or a folder that holds one."""
    nano: NanoSettings = NanoSettings()
    """The shape of `nano`."""
    pretrained: PretrainedSettings = PretrainedSettings()
    """Any other backbone: its weights and LoRA."""
    connector_width: int = Field(default=1024, ge=8)
    """Width of the hidden layer of the two connectors (equation 1)."""
    learning_rate: float = Field(default=6e-4, gt=0)
    """Peak learning rate of AdamW."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the learning rate rises (the paper: 0.1)."""
    epochs: dict[Form, PositiveFloat] = Field(default_factory=lambda: dict.fromkeys(FORMS, 1.0))
    """Passes over the examples, for each form; a form that is not named makes one."""
    shares: dict[Form, dict[Task, Annotated[float, Field(ge=0, le=1)]]] = Field(default_factory=dict)
    """Share of a task's examples that a form learns from, drawn from the seed; a task that is not named keeps all.
    Rationales are long, and only the form that explains needs many."""
    item_examples: int = Field(default=30_000, ge=0)
    """Titles named from item vectors in the first phase; the user connector then starts from the item connector."""
    tokens_per_batch: int = Field(default=448, ge=64)
    """Token budget of a batch, padding included. A small model learns from many small steps."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's weight decay."""
    hybrid_shares: tuple[float, float, float] = (0.2, 0.2, 0.6)
    """Shares of hybrid's examples put as behavior, intention and hybrid (paper section 2.4 has all three)."""
    start_hybrid_from: Literal["scratch", "intention"] = "intention"
    """Whether hybrid goes on from the weights of intention, which read the same vectors, or from new ones."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic of the training steps; `auto` takes bfloat16 where the processor has it."""
    checkpoint_minutes: float = Field(default=3.0, gt=0)
    """About how often a checkpoint is written, to go on from after a stop."""
    seed: int = 0
    """Seed of weights, phrasings and order."""

    preference: PreferenceSettings | None = None
    """Preference training on f's verdict of explanations, of the form that explains (`explanations.form`) and of no
    other, once it is aligned; None: none."""

    def decisive(self) -> dict[str, Any]:
        """The settings that decide what comes out, as JSON values: not how weights are spread over processes."""
        return self.model_dump(mode="json", exclude={"pretrained": {"sharded"}, "preference": True})

    @property
    def sharded(self) -> bool:
        """Whether processes share the weights of a backbone; `nano` is whole in each."""
        return self.backbone != "nano" and self.pretrained.sharded
