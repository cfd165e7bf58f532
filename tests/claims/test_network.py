"""The reader's network: weights in six bits, and lessons made of labelled texts."""

from __future__ import annotations

from pathlib import Path

import torch

from recexplainer.claims.encoding import MARKS, Encoder, common_words, split_sentences, vocabulary
from recexplainer.claims.linking import NameLinker
from recexplainer.claims.losses import soft_maximum
from recexplainer.claims.network import ReaderNetwork, Shape, batch, load_network, pack, save_network, unpack
from recexplainer.data.attributes import Attributes


def test_a_matrix_in_six_bits_is_nearly_the_same() -> None:
    weight = torch.randn(8, 128, generator=torch.Generator().manual_seed(0))
    packed, scale = pack(weight)
    assert packed.dtype == torch.uint8 and packed.numel() == weight.numel() * 3 // 4
    restored = unpack(packed, scale)
    step = scale.float().repeat_interleave(64, 1)
    assert ((restored - weight).abs() <= step * 0.51).all()


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    shape = Shape(len(vocabulary()), layers=1, width=384, inner=128, positions=64)
    network = ReaderNetwork(shape).eval()
    save_network(network, tmp_path / "weights.safetensors")
    loaded = load_network(tmp_path / "weights.safetensors")
    ids, sorts, mask = (
        torch.tensor([[3, 4, 5]]),
        torch.zeros(1, 3, dtype=torch.long),
        torch.ones(1, 3, dtype=torch.bool),
    )
    with torch.no_grad():
        one, other = network(ids, sorts, mask), loaded(ids, sorts, mask)
    assert torch.allclose(one.names, other.names, atol=0.1)


def test_what_the_package_ships_with_is_small() -> None:
    folder = Path(__file__).parents[2] / "src" / "recexplainer" / "claims" / "reader"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 10_000_000


def test_a_text_alone_is_read_as_in_a_batch() -> None:
    network = load_network()
    linker, encoder = NameLinker(["Heat", "Brink"], Attributes([""] * 2, [()] * 2, [()] * 2, [{}] * 2)), Encoder([])
    texts = ("Yes, because of “Heat”.", "No. “Heat” speaks against “Brink”, and nothing else matters much here.")
    encoded = [encoder.encode(text, linker.link(text, (0,), 1), (0,), 1)[0] for text in texts]
    with torch.no_grad():
        alone, together = network(*batch(encoded[:1])), network(*batch(encoded))
    length = len(encoded[0].ids)
    assert torch.allclose(alone.names[0], together.names[0, :length], atol=1e-4)


def test_certain_titles_are_left_out_and_long_texts_are_read_in_parts() -> None:
    linker, encoder = (
        NameLinker(["The Long Title", "Brink"], Attributes([""] * 2, [()] * 2, [()] * 2, [{}] * 2)),
        Encoder([]),
    )
    text = "“The Long Title” lifts it. " * 90
    names = linker.link(text, (0,), 1)
    parts = encoder.encode(text, names, (0,), 1)
    assert len(parts) > 1 and sum(len(part.names) for part in parts) == 90
    words = {number: word for word, number in vocabulary().items()}
    pieces = [words[number] for number in parts[0].ids]
    assert pieces[:4] == ["[sentence]", "[h0]", "lifts", "it"] and "title" not in pieces


def test_sentences_end_neither_in_titles_nor_in_numbers() -> None:
    linker = NameLinker(["What? Now!", "B"], Attributes([""] * 2, [()] * 2, [()] * 2, [{}] * 2))
    text = "It is no. 4. “What? Now!” helped (a lot).\n- one\n- two"
    sentences = [text[start:end] for start, end in split_sentences(text, linker.link(text, (0,), 1))]
    assert sentences == ["It is no. 4.", "“What? Now!” helped (a lot).", "- one", "- two"]


def test_the_soft_maximum_by_hand() -> None:
    values = torch.tensor([[1.0], [1.0], [-3.0]])
    most = soft_maximum(values, torch.tensor([0, 0, 1]), 2)
    assert torch.allclose(most, torch.tensor([[1.0 + torch.log(torch.tensor(2.0)).item() / 2], [-3.0]]), atol=1e-4)


def test_the_vocabulary_has_every_mark_and_frequent_words_first() -> None:
    assert set(MARKS) <= vocabulary().keys()
    assert {"the", "because", "film"} <= common_words() and "buoyed" not in common_words()
