"""Settings of the surrogate: the backbone, its alignment and its preference training. Reading them needs no torch."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, model_validator

from recexplainer.settings import Settings
from recexplainer.surrogate.gguf import find_gguf
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.tasks.example import Task


class NanoSettings(Settings):
    """The shape of `nano`, the embedded backbone: a small Llama with its own vocabulary. Keys as in transformers."""

    renamed = MappingProxyType(
        {
            "width": "hidden_size",
            "inner": "intermediate_size",
            "heads": "num_attention_heads",
            "layers": "num_hidden_layers",
            "vocabulary": "vocab_size",
            "context": "max_length",
        }
    )

    hidden_size: int = Field(default=192, ge=16)
    """Width of its embeddings and hidden states."""
    num_hidden_layers: int = Field(default=3, ge=1)
    """Transformer blocks."""
    num_attention_heads: int = Field(default=3, ge=1)
    """Attention heads."""
    intermediate_size: int = Field(default=512, ge=16)
    """Width inside its feed-forward layers."""
    vocab_size: int = Field(default=8000, ge=400)
    """The most tokens that its BPE vocabulary may hold."""
    max_length: int = Field(default=1024, ge=64)
    """Most tokens of prompt and answer together."""


class PretrainedSettings(Settings):
    """How a pretrained backbone is loaded, and the LoRA that is trained on it; `nano` does not use these."""

    renamed = MappingProxyType({"context": "max_length"})

    rank: int = Field(default=16, ge=1)
    """LoRA's rank."""
    alpha: int = Field(default=32, gt=0)
    """LoRA's scale, divided by the rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout before LoRA."""
    targets: tuple[str, ...] | None = None
    """Names of the layers that get LoRA; None: all linear layers but the output, whatever the architecture."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of its own weights; `auto`: bfloat16 where arithmetic is faster in it, else float32. LoRA is in float32."""
    four_bit: bool = False
    """Quantise its own weights to 4 bits (bitsandbytes)."""
    sharded: bool = False
    """Split its own weights among the processes that torchrun starts (FSDP2); each then holds a share of them."""
    gradient_checkpointing: bool = False
    """Recompute hidden states in the backward pass instead of keeping them: less memory, more time."""
    max_length: int = Field(default=1024, ge=64)
    """Most tokens of prompt and answer together (the paper: 1,024)."""
    system_message: str = ""
    """Put before each question in place of the chat template's own system message; "": none at all, where the template
    can do without."""

    @model_validator(mode="after")
    def _refuse_sharded_four_bit(self) -> PretrainedSettings:
        if self.sharded and self.four_bit:
            raise ValueError("weights in 4 bits cannot be sharded: set one of four_bit and sharded")
        return self


class PreferenceSettings(Settings):
    """How a surrogate learns to prefer, of its own explanations, those that the recommender supports (DPO)."""

    questions: int = Field(default=2000, ge=2)
    """Most pairs of user and item that texts are sampled for; of more, so many are drawn from the seed."""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of these questions that nothing is learned from; the scores before and after are measured on them."""
    evidence: float = Field(default=0.3, ge=0, le=1)
    """Share of the questions with evidence in the prompt; for the others the surrogate explains by itself."""
    texts: int = Field(default=6, ge=2)
    """Texts sampled for each question; the best and the worst may become a pair."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature of the sampling: higher is more varied."""
    margin: float = Field(default=0.1, ge=0, lt=1)
    """How much more the best must score than the worst, from 0 to 1, for the two to be learned from."""
    beta: float = Field(default=0.1, gt=0)
    """Strength of the tie to the reference, the surrogate before this training (Rafailov et al. 2023)."""
    likelihood: float = Field(default=0.2, ge=0)
    """Weight of the preferred text's own likelihood, so that it does not fall with the other's (Pang et al. 2024)."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak learning rate of AdamW; about a third of alignment's."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    epochs: int = Field(default=2, ge=1)
    """Passes over the pairs; alignment is measured after each."""
    tokens_per_batch: int = Field(default=4096, ge=64)
    """Token budget of a batch, both texts of a pair and padding included."""
    guard: float = Field(default=0.01, ge=0)
    """How far alignment may fall, in the guard's own unit: 0.01 is one point of accuracy. Beyond it all is undone."""
    seed: int = 0
    """Seed of the questions, the sampling and the order."""


class TitleSettings(Settings):
    """How the vector of an item is read as its title, beside the one embedding that it becomes (the paper: not at all).

    A pretrained backbone can write a title that it reads, but learns late to take one apart that a vector holds.
    """

    renamed = MappingProxyType({"positions": "most_positions"})

    most_positions: int = Field(default=32, ge=1)
    """How many embeddings it becomes at most: one for each token of the title, as which it starts; the last is the mean
    of the tokens that are left. Prompts become longer."""
    width: int = Field(default=2048, ge=8)
    """Width of the hidden layer of this connector; about as many as there are items, to tell all of them apart."""
    learning_rate: float = Field(default=5e-6, gt=0)
    """Peak learning rate of this connector. It is wide, so that a step of AdamW moves what it writes by the width of
    its hidden layer: what it starts with lasts only at a far lower rate than the other weights have."""


CorpusCatalogue = Literal["books", "courses", "games", "household", "music", "steam", "travel", "videos", "world"]
"""What the package's explanations of the corpus are about; `world` and `steam` are games, too."""


class OwnWordsSettings(Settings):
    """How an aligned surrogate learns to explain in its own words, from the package's explanations of the corpus."""

    passes: float = Field(default=1.0, ge=0)
    """How often each of the explanations is learned from; a share of them if below 1."""
    like_catalogues: tuple[CorpusCatalogue, ...] = ()
    """Catalogues of the corpus whose items are like one's own. Their explanations are put about one's own histories and
    items, where they name items by their titles alone."""
    like_passes: float = Field(default=4.0, ge=0)
    """How often each of those is learned from, in place of `passes`; each time about another pair."""
    replay: float = Field(default=0.1, ge=0, le=1)
    """Share of the examples of all tasks that are learned from again beside them, so that they are not forgotten."""
    learning_rate: float = Field(default=5e-4, gt=0)
    """Peak learning rate of AdamW."""


class SurrogateSettings(Settings):
    """How a surrogate is built and trained."""

    renamed = MappingProxyType(
        {
            "shares": "task_sampling",
            "hybrid_shares": "hybrid_form_sampling",
            "item_examples": "connector_warmup_examples",
        }
    )

    backbone: str = "nano"
    """`nano`, a name of `recexplainer backbone list`, the name of a causal language model on the hub, a folder that
    holds one, or a GGUF file."""
    nano: NanoSettings = NanoSettings()
    """The shape of `nano`."""
    pretrained: PretrainedSettings = PretrainedSettings()
    """Any other backbone: its weights and LoRA."""
    connector_width: int = Field(default=1024, ge=8)
    """Width of the hidden layer of the connectors (equation 1)."""
    titles: TitleSettings | None = None
    """Whether an item's vector is read as its title, too, where that is not there as text; None: it is not."""
    learning_rate: float = Field(default=6e-4, gt=0)
    """Peak learning rate of AdamW."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the learning rate rises (the paper: 0.1)."""
    epochs: dict[Form, PositiveFloat] = Field(default_factory=lambda: dict.fromkeys(FORMS, 1.0))
    """Passes over the examples, for each form; a form that is not named makes one."""
    task_sampling: dict[Form, dict[Task, Annotated[float, Field(ge=0, le=1)]]] = Field(default_factory=dict)
    """Share of a task's examples that a form learns from, drawn from the seed; a task that is not named keeps all.
    Rationales are long, and only the form that explains needs many."""
    connector_warmup_examples: int = Field(default=30_000, ge=0)
    """Titles named from item vectors in the first phase; the user connector then starts from the item connector."""
    connector_warmup_list: int = Field(default=1, ge=1)
    """How many of these items are named in one answer: lists take fewer tokens an item, and teach to write lists."""
    tokens_per_batch: int = Field(default=448, ge=64)
    """Token budget of a batch, padding included. A small model learns from many small steps."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's weight decay."""
    hybrid_form_sampling: tuple[float, float, float] = (0.2, 0.2, 0.6)
    """Shares of hybrid's examples put as behavior, intention and hybrid (paper section 2.4 has all three)."""
    start_hybrid_from: Literal["scratch", "intention"] = "intention"
    """Whether hybrid continues from the weights of intention, which read the same vectors, or from new ones."""
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Arithmetic of the training steps; `auto` takes what is fastest here. `int8` is for LoRA on a processor: the
    products of the backbone's own weights are of 8-bit integers, all else is in `pretrained.dtype`, LoRA in float32."""
    checkpoint_minutes: float = Field(default=3.0, gt=0)
    """Minutes between checkpoints, from which a stopped training is resumed."""
    seed: int = 0
    """Seed of weights, phrasings and order."""

    own_words: OwnWordsSettings | None = None
    """Learning to explain in its own words, only of the form that explains (`explanations.form`), once it is aligned;
    None: it keeps to the wording of rationales. It takes a pretrained backbone: the vocabulary of `nano` is too small.
    """
    preference: PreferenceSettings | None = None
    """Preference training by the recommender's verdict on explanations, only of the form that explains
    (`explanations.form`), once it is aligned and has its own words; None: none."""

    def cache_key(self) -> dict[str, Any]:
        """The settings that decide the trained weights, as JSON values: not how training is spread or interrupted."""
        how, apart = {"sharded", "gradient_checkpointing"}, ("own_words", "preference", "checkpoint_minutes")
        key = self.model_dump(mode="json", exclude={"pretrained": how} | dict.fromkeys(apart, True))
        # Without these it is as before there were such settings.
        later = {
            "connector_warmup_list": 1,
            "titles": None,
        }
        key |= {"backbone": "gguf"} if self.sources else {}
        return {name: value for name, value in key.items() if name not in later or value != later[name]}

    @property
    def sources(self) -> tuple[Path, ...]:
        """The GGUF file that the backbone is read from, known by its content wherever it is; () for any other."""
        file = find_gguf(Path(self.backbone).expanduser()) if self.is_pretrained else None
        return () if file is None else (file,)

    @property
    def is_pretrained(self) -> bool:
        """Whether the backbone knew language before it is aligned; `nano` learns from nothing."""
        return self.backbone != "nano"

    @property
    def can_use_int8(self) -> bool:
        """Whether a training has frozen weights that each process holds whole, in floating point."""
        return self.is_pretrained and not self.pretrained.sharded and not self.pretrained.four_bit

    @model_validator(mode="after")
    def _refuse_int8_without_frozen_weights(self) -> SurrogateSettings:
        if self.precision == "int8" and not self.can_use_int8:
            raise ValueError("precision int8 is for a pretrained backbone, without sharded and four_bit")
        return self

    @property
    def sharded(self) -> bool:
        """Whether processes share the weights of a backbone; `nano` is whole in each."""
        return self.is_pretrained and self.pretrained.sharded
