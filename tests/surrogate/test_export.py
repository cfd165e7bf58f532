from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.hub import TOKEN
from tests.tiny import ARCHITECTURES, SETTINGS, alignment, examples, fresh, sasrec, world
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from recexplainer.errors import SurrogateError
from recexplainer.surrogate import pretrained
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import has_lora
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.prompt_files import prompt_embeddings, write_prompts
from recexplainer.surrogate.settings import PretrainedSettings
from recexplainer.surrogate.training import encode_examples, new_surrogate

LONGEST = 24


@cache
def _kept(architecture: str) -> TemporaryDirectory[str]:
    folder = TemporaryDirectory()
    fresh("intention", architecture).backbone.save_pretrained(folder.name)
    fresh("intention", architecture).tokenizer.save_pretrained(folder.name)
    return folder


def base(architecture: str) -> Path:
    """A pretrained backbone in a folder: that of a fresh surrogate."""
    return Path(_kept(architecture).name)


def with_lora(form: Form, architecture: str) -> Surrogate:
    """A surrogate whose LoRA has an effect; fresh LoRA adds nothing."""
    lora = PretrainedSettings(rank=4, alpha=8, dropout=0.0)
    settings = SETTINGS.model_copy(update={"backbone": str(base(architecture)), "pretrained": lora})
    surrogate = new_surrogate(form, alignment(), settings).eval()
    torch.manual_seed(1)
    for name, weight in surrogate.backbone.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return surrogate


def some_logits(surrogate: Surrogate) -> torch.Tensor:
    data = encode_examples(surrogate, alignment(), SETTINGS)
    with torch.inference_mode():
        return surrogate(**data.collate(data.encoded[:8]))["logits"]


def questions(surrogate: Surrogate) -> EncodedSet:
    chosen = [one for one in examples().test if one.task in ("ranking", "rationale")]
    return encode_questions(surrogate, world(), sasrec(), chosen[:3] + chosen[-3:])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_merged_it_is_a_plain_model_with_the_same_logits(architecture: str, tmp_path: Path) -> None:
    with_lora("hybrid", architecture).save_pretrained(tmp_path / "lora")
    unmerged = Surrogate.from_pretrained(tmp_path / "lora")
    surrogate = Surrogate.from_pretrained(tmp_path / "lora", merged=True)
    assert (has_lora(unmerged.backbone), has_lora(surrogate.backbone)) == (True, False)
    torch.testing.assert_close(some_logits(surrogate), some_logits(unmerged), rtol=1e-4, atol=1e-4)
    plain = fresh("intention", architecture).backbone
    assert surrogate.backbone.state_dict().keys() == plain.state_dict().keys()
    assert not all(torch.equal(one, plain.state_dict()[name]) for name, one in surrogate.backbone.state_dict().items())
    surrogate.save_pretrained(tmp_path / "surrogate")
    assert (tmp_path / "surrogate" / "backbone" / "model.safetensors").is_file()
    assert not (tmp_path / "surrogate" / "backbone" / "adapter_config.json").exists()
    assert torch.equal(some_logits(Surrogate.from_pretrained(tmp_path / "surrogate")), some_logits(surrogate))


def test_nano_is_plain_already(tmp_path: Path) -> None:
    fresh("hybrid").save_pretrained(tmp_path)
    assert torch.equal(some_logits(Surrogate.from_pretrained(tmp_path, merged=True)), some_logits(fresh("hybrid")))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("form", FORMS)
def test_a_server_of_the_backbone_alone_generates_the_same_token_for_token(
    form: Form, architecture: str, tmp_path: Path
) -> None:
    surrogate = with_lora(form, architecture)
    encoded = questions(surrogate)
    decoder = Decoder(surrogate, world().titles)
    expected = decoder.greedy(encoded, LONGEST)
    write_prompts(tmp_path / "prompts.safetensors", surrogate, encoded, [f"q{row}" for row in range(len(encoded))])
    surrogate.save_pretrained(tmp_path / "lora")
    Surrogate.from_pretrained(tmp_path / "lora", merged=True).save_pretrained(tmp_path / "merged")
    server: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "merged" / "backbone")
    prompts = load_file(tmp_path / "prompts.safetensors")
    answers = []
    for row in range(len(encoded)):
        embedded = prompts[f"q{row}"]
        assert embedded.shape == (len(encoded.encoded[row].ids), surrogate.embeddings.embedding_dim)
        ids = server.generate(
            inputs_embeds=embedded[None],
            attention_mask=torch.ones(1, len(embedded), dtype=torch.long),
            max_new_tokens=LONGEST,
            do_sample=False,
            eos_token_id=surrogate.stops,
            pad_token_id=surrogate.tokenizer.pad_token_id,
        )[0].tolist()
        until = next((place for place, token in enumerate(ids) if token in surrogate.stops), len(ids))
        answers.append(surrogate.tokenizer.decode(ids[:until], skip_special_tokens=True).strip())
    assert answers == expected
    assert len(set(expected)) > 1, "different questions, different answers"


def test_vectors_fill_their_placeholders() -> None:
    surrogate = fresh("hybrid")
    encoded = questions(surrogate)
    one, embedded = encoded.encoded[0], prompt_embeddings(surrogate, encoded)[0]
    assert encoded.item_vectors is not None
    items = [(at, each.items[0]) for at, _, each in one.placeholders if each.encoder == "item"]
    vectors = torch.from_numpy(encoded.item_vectors[[item for _, item in items]])
    assert torch.allclose(embedded[[at for at, _ in items]], surrogate.connector("item")(vectors), atol=1e-6)
    words = sorted(set(range(len(one.ids))) - {at for at, _, _ in one.placeholders})
    assert torch.equal(embedded[words], surrogate.embeddings(torch.from_numpy(one.ids[words]).long()))


@pytest.mark.parametrize("ids", [["a"] * 6, ["a"], [str(number) for number in range(7)]])
def test_each_prompt_has_an_id_of_its_own(ids: list[str], tmp_path: Path) -> None:
    with pytest.raises(SurrogateError, match="6 questions need as many different ids"):
        write_prompts(tmp_path / "p.safetensors", fresh("hybrid"), questions(fresh("hybrid")), ids)
    assert not list(tmp_path.iterdir())


def test_a_quantised_backbone_cannot_be_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_lora("behavior", "llama").save_pretrained(tmp_path)
    whole = pretrained.read_weights(base("llama"))
    whole.config.quantization_config = BitsAndBytesConfig(load_in_4bit=True)  # 4 bits themselves need a GPU

    def quantised(name: str | Path, **hub: Any) -> Any:
        return whole

    monkeypatch.setattr(pretrained, "read_weights", quantised)
    with pytest.raises(SurrogateError, match="cannot be merged into a quantised") as caught:
        Surrogate.from_pretrained(tmp_path, merged=True)
    assert caught.value.location == str(base("llama"))


def test_lora_on_a_folder_of_this_machine_is_not_shared() -> None:
    with pytest.raises(SurrogateError, match="Only LoRA's weights would be shared") as caught:
        with_lora("behavior", "llama").push_to_hub("someone/tiny", token=TOKEN)
    assert "--merged" in caught.value.hint
