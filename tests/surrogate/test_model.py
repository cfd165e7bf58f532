from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.surrogate.families import tiny_model
from tests.tiny import ARCHITECTURES, NANO, SETTINGS, alignment, fresh

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.frame import ChatFrame, chat_frame
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.training import encode_examples, new_surrogate


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("form", FORMS)
def test_saved_and_loaded_it_gives_identical_logits(form: Form, architecture: str, tmp_path: Path) -> None:
    surrogate = fresh(form, architecture)
    data = encode_examples(surrogate, alignment(), SETTINGS)
    batch = data.collate([data[row] for row in (0, 50, 110)])
    surrogate.save_pretrained(tmp_path / "surrogate")
    loaded = Surrogate.from_pretrained(tmp_path / "surrogate")
    with torch.inference_mode():
        assert torch.equal(loaded(**batch)["logits"], surrogate(**batch)["logits"])
    assert (loaded.form, loaded.max_length) == (form, surrogate.max_length)
    assert not loaded.training
    again = encode_examples(loaded, alignment(), SETTINGS)
    assert [one.ids.tolist() for one in again.encoded] == [one.ids.tolist() for one in data.encoded]


def test_nothing_saved_is_pickled(tmp_path: Path) -> None:
    fresh("hybrid").save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".jinja"}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_is_the_mean_over_labels_of_the_whole_model(architecture: str) -> None:
    surrogate = fresh("behavior", architecture)
    ids = torch.tensor([[5, 9, 30, 41, 7, 3]])
    with torch.inference_mode():
        whole = surrogate.backbone(input_ids=ids).logits[0].log_softmax(-1)
        loss = surrogate(ids, torch.tensor([7, 3]), torch.tensor([3, 4]), {})["loss"]
    assert float(loss) == pytest.approx(-(float(whole[3, 7]) + float(whole[4, 3])) / 2, rel=1e-4)


def test_a_form_with_vectors_needs_vectors() -> None:
    plain = fresh("behavior")
    with pytest.raises(SurrogateError, match="hybrid form reads vectors"):
        Surrogate(plain.backbone, plain.tokenizer, "hybrid", 0, 16)


def test_a_behavior_surrogate_has_no_connectors(tmp_path: Path) -> None:
    fresh("behavior").save_pretrained(tmp_path)
    assert not (tmp_path / "connectors.safetensors").exists()
    assert not any("connector" in name for name in fresh("behavior").state_dict())


def test_users_and_items_have_connectors_of_their_own() -> None:
    surrogate = fresh("hybrid")
    vector = torch.ones(1, surrogate.vector_width)
    assert not torch.allclose(surrogate.connector("user")(vector), surrogate.connector("item")(vector))


def test_max_length_is_the_smaller_of_what_model_and_tokenizer_take() -> None:
    surrogate = new_surrogate("behavior", alignment(), SETTINGS.model_copy(update={"nano": NANO}))
    assert surrogate.max_length == NANO.max_length
    surrogate.tokenizer.model_max_length = 100
    assert surrogate.max_length == 100


def test_an_empty_folder_is_no_surrogate(tmp_path: Path) -> None:
    with pytest.raises(SurrogateError, match="no surrogate in this folder") as caught:
        Surrogate.from_pretrained(tmp_path)
    assert str(tmp_path) in caught.value.location


@pytest.mark.parametrize(
    "described",
    [
        {"format_version": 3, "form": "hybrid", "vector_width": 16},
        {"format_version": 3, "form": "mixed", "vector_width": 16, "connector_width": 32},
        {"format_version": 3, "form": "hybrid", "vector_width": 16, "connector_width": 32, "depth": 2},
        {"format_version": 3, "form": "hybrid", "vector_width": 16, "connector_width": 31},
    ],
)
def test_a_description_that_does_not_fit_is_an_error(described: dict[str, object], tmp_path: Path) -> None:
    fresh("hybrid").save_pretrained(tmp_path)
    frame = json.loads((tmp_path / "surrogate.json").read_text())["frame"]
    (tmp_path / "surrogate.json").write_text(json.dumps(described | {"frame": frame}))
    with pytest.raises(SurrogateError, match="This surrogate cannot be read"):
        Surrogate.from_pretrained(tmp_path)


@pytest.mark.parametrize("version", [None, 2, 4])
def test_another_format_is_refused_in_one_line_before_weights_are_read(version: int | None, tmp_path: Path) -> None:
    described = {"form": "hybrid", "vector_width": 16, "connector_width": 32}
    described |= {} if version is None else {"format_version": version}
    (tmp_path / "surrogate.json").write_text(json.dumps(described))
    with pytest.raises(SurrogateError, match=f"saved in format {version or 1}; .* reads format 3") as caught:
        Surrogate.from_pretrained(tmp_path)
    assert "Align it again" in caught.value.hint


def test_the_frame_is_kept_with_the_surrogate(tmp_path: Path) -> None:
    """Whatever the chat template beside it says when it is read."""
    fresh("behavior").save_pretrained(tmp_path)
    template = tmp_path / "backbone" / "chat_template.jinja"
    template.write_text("Today " + template.read_text())
    loaded = Surrogate.from_pretrained(tmp_path)
    assert loaded.frame == fresh("behavior").frame != chat_frame(loaded.tokenizer)
    assert loaded.prompt_encoder(["A title"]).frame == loaded.frame


def test_an_answer_ends_at_its_stop_or_where_the_backbone_ends_a_text() -> None:
    plain = fresh("behavior", "gpt2")
    assert plain.stops == [plain.frame.stop]
    frame = ChatFrame((), (), stop=9)
    other = Surrogate(tiny_model("llama", plain.tokenizer), plain.tokenizer, "behavior", 0, 16, frame)
    other.backbone.generation_config.eos_token_id = [9, 11]
    assert other.stops == [9, 11, plain.tokenizer.eos_token_id]


@pytest.mark.parametrize("family", ["llama", "bloom", "mpt", "llava"])
def test_most_tokens_of_a_family_that_names_them_otherwise_or_has_no_limit(family: str) -> None:
    tokenizer = fresh("behavior").tokenizer
    surrogate = Surrogate(tiny_model(family, tokenizer), tokenizer, "behavior", 0, 16)
    assert surrogate.max_length == 1024


@pytest.mark.parametrize("family", ["llama", "gemma", "gemma3", "granite", "bloom"])
def test_vectors_begin_with_the_spread_of_words(family: str) -> None:
    """At the first layer, also where a family scales its embeddings."""
    backbone = tiny_model(family, fresh("behavior").tokenizer)
    surrogate = Surrogate(backbone, fresh("behavior").tokenizer, "hybrid", 8, 64)
    vectors = torch.randn(200, 8)
    surrogate.connector("item").start_for(vectors, surrogate.embedding_std())
    with torch.inference_mode():
        words, projected = surrogate.embeddings(torch.arange(100)), surrogate.connector("item")(vectors)
    assert 0.5 < float(words.std() / projected.std()) < 2


def test_a_backbone_that_is_incomplete_is_an_error(tmp_path: Path) -> None:
    fresh("behavior").save_pretrained(tmp_path)
    weights = load_file(tmp_path / "backbone" / "model.safetensors")
    weights.pop("model.norm.weight")
    save_file(weights, tmp_path / "backbone" / "model.safetensors", {"format": "pt"})
    with pytest.raises(SurrogateError, match=r"not whole: 1 missing, model\.norm\.weight"):
        Surrogate.from_pretrained(tmp_path)


@pytest.mark.parametrize("content", [None, b"half of a fi"])
def test_connectors_that_are_incomplete_are_an_error(content: bytes | None, tmp_path: Path) -> None:
    fresh("hybrid").save_pretrained(tmp_path)
    (tmp_path / "connectors.safetensors").unlink()
    if content:
        (tmp_path / "connectors.safetensors").write_bytes(content)
    with pytest.raises(SurrogateError, match="connectors cannot be read"):
        Surrogate.from_pretrained(tmp_path)
