"""Tiny real things that several packages test with: a dataset, a recommender, surrogates of two architectures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from transformers import GPT2Config, GPT2LMHeadModel

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.data.sample import make_world
from recexplainer.explanations.record import Explanation
from recexplainer.pipeline.execution import Manifest
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.recipe import load_recipe, recipe_text
from recexplainer.recommenders.fitting import SASRecSearchSettings, fit_towers
from recexplainer.recommenders.sasrec import SASRec
from recexplainer.recommenders.vectors import VectorRecommender
from recexplainer.storage import write_json
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import Form
from recexplainer.surrogate.settings import NanoSettings, SurrogateSettings
from recexplainer.surrogate.training import new_surrogate
from recexplainer.tasks.example import Examples, LabelledExamples
from recexplainer.tasks.mixture import MixtureSettings, build_examples

SEARCH = SASRecSearchSettings(
    hidden_sizes=(16,), dropouts=(0.1,), num_hidden_layers=(1,), max_history=6, epochs=3, patience=3, batch_size=32
)
NANO = NanoSettings(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=1500, max_length=1024
)
SETTINGS = SurrogateSettings(
    nano=NANO,
    connector_width=32,
    learning_rate=3e-3,
    connector_warmup_examples=120,
    tokens_per_batch=2048,
    precision="float32",
)
MIXTURE = MixtureSettings(
    limits={"retrieval": 60, "ranking": 40, "classification": 40, "discrimination": 40, "reconstruction": 20},
    chat_train=5,
    chat_test=2,
    rationale_surrogate=10,
    rationale_causes=10,
    rationale_evidence=10,
    rationale_test=6,
    classification_test_share=1.0,
)
ARCHITECTURES = ("llama", "gpt2")


@cache
def world() -> Dataset:
    return make_world(users=60, items=60)


@cache
def sasrec() -> SASRec:
    return fit_towers(SASRec, world(), leave_one_out(world()), SEARCH)[0]


def run_until_recommender(folder: Path, recommender: SASRec | VectorRecommender) -> Path:
    """A run of the world that ends at a recommender."""
    layout = RunLayout(folder)
    for name, made in (("dataset", world()), ("recommender", recommender)):
        made.save(complete(layout.stage(name)))
    layout.write_version()
    layout.recipe.write_text(recipe_text(load_recipe("demo")), encoding="utf-8")
    return folder


@cache
def examples() -> Examples:
    return build_examples(world(), leave_one_out(world()), sasrec(), MIXTURE)


def alignment() -> LabelledExamples:
    return LabelledExamples(world(), sasrec(), examples().train)


@cache
def fresh(form: Form, architecture: str = "llama") -> Surrogate:
    """A surrogate with new weights; shared between tests, so never trained."""
    nano = new_surrogate(form, alignment(), SETTINGS).eval()
    if architecture == "llama":
        return nano
    other = Surrogate(gpt2(nano.tokenizer), nano.tokenizer, form, nano.vector_width, nano.connector_width)
    return other.eval()


def gpt2(tokenizer: Any) -> GPT2LMHeadModel:
    """A GPT-2 of two layers: learned absolute positions, tied embeddings, other names for everything."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=1024,
        initializer_range=0.2,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return GPT2LMHeadModel(config)


def histories(count: int, length: Sequence[int] = (2, 3, 4, 5, 6)) -> list[tuple[int, ...]]:
    """Beginnings of histories in the world, of various lengths."""
    return [tuple(world().history(user)[: length[user % len(length)]].tolist()) for user in range(count)]


def explanation_of(titles: Sequence[str], text: str, **changes: Any) -> Explanation:
    """A text about the last item, for a user who had all others; the recommender ranks the item first."""
    item: int = changes.pop("item", len(titles) - 1)
    history: tuple[int, ...] = tuple(changes.pop("history", range(len(titles) - 1)))
    values: dict[str, Any] = {
        "method": "hybrid",
        "user": "u",
        "verdict": True,
        "probability": 0.9,
        "citations": (),
        "recommended": True,
        "score": 1.0,
        "rank": 1,
        "n_ranked": len(titles),
        "attributions": (),
    }
    named = tuple(titles[one] for one in history)
    return Explanation(
        history=history, history_titles=named, item=item, item_title=titles[item], text=text, **(values | changes)
    )


def complete(folder: Path) -> Path:
    """Mark a stage's folder as complete, whatever is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(stage=folder.name, settings={}, inputs={}, sources={})
    write_json(folder / RunLayout.MANIFEST, manifest.model_dump(mode="json"))
    return folder


def stages_made(run: Callable[..., None], *arguments: Any, **options: Any) -> list[str]:
    """The stages that a call of `run_recipe` or `run_stages` makes, as the pipeline logs them."""
    made: list[str] = []

    def note(record: Any) -> bool:
        if getattr(record, "state", "") == "finished":
            made.append(record.stage)
        return True

    logger = logging.getLogger("recexplainer.pipeline")
    level = logger.level
    logger.addFilter(note)
    logger.setLevel(logging.INFO)
    try:
        run(*arguments, **options)
    finally:
        logger.removeFilter(note)
        logger.setLevel(level)
    return made
