"""What the reader takes from MiniLM (all-MiniLM-L6-v2): fewer layers, and fewer pieces of words.

It reads a folder with that model's `model.safetensors` and `vocab.txt`; what is learned after it does not know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

from recexplainer.claims.encoding import MARKS, UNKNOWN_PIECE, vocabulary
from recexplainer.claims.network import ReaderNetwork, Shape

VOCABULARY = 7000
"""How many pieces the reader's vocabulary has."""
_ALWAYS = re.compile(r"(?:##)?(?:[a-z]|\d{1,2}|[!-/:-@\[-`{-~“”‘’–—…•])|\d{1,4}|(?:st|nd|rd|th|##st|##nd|##rd|##th)")


def initial_network(base: Path, layers: int) -> ReaderNetwork:
    """A network with the weights of the MiniLM in a folder, as far as it has them; its last layer is always kept."""
    stored = {name.removeprefix("bert."): weight for name, weight in load_file(base / "model.safetensors").items()}
    words = {word: at for at, word in enumerate((base / "vocab.txt").read_text("utf-8").splitlines())}
    embeddings = stored["embeddings.word_embeddings.weight"]
    middle = embeddings[words["item"]]
    generator = torch.Generator().manual_seed(0)
    own = sorted(vocabulary(), key=vocabulary().__getitem__)
    noise = embeddings.std() * torch.randn(len(own), embeddings.shape[1], generator=generator)
    rows = [embeddings[words[word]] if word in words else middle + 0.3 * noise[at] for at, word in enumerate(own)]
    weights = {
        "words.weight": torch.stack(rows),
        "positions.weight": stored["embeddings.position_embeddings.weight"],
        "sorts.weight": stored["embeddings.token_type_embeddings.weight"][:1].repeat(Shape.sorts, 1),
        "norm.weight": stored["embeddings.LayerNorm.weight"],
        "norm.bias": stored["embeddings.LayerNorm.bias"],
    }
    depth = 1 + max(int(name.split(".")[2]) for name in stored if name.startswith("encoder.layer."))
    for layer, source in enumerate(torch.linspace(0, depth - 1, layers).round().int().tolist()):
        weights |= _layer(stored, f"encoder.layer.{source}.", f"layers.{layer}.")
    network = ReaderNetwork(Shape(len(own), layers))
    network.load_state_dict(weights, strict=False)
    return network


def _layer(stored: dict[str, Tensor], source: str, to: str) -> dict[str, Tensor]:
    same = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    weights: dict[str, Tensor] = {}
    for part in ("weight", "bias"):
        three = [stored[f"{source}attention.self.{name}.{part}"] for name in ("query", "key", "value")]
        weights[f"{to}self_attn.in_proj_{part}"] = torch.cat(three)
        weights |= {f"{to}{own}.{part}": stored[f"{source}{its}.{part}"] for own, its in same.items()}
    return weights


def trimmed_tokenizer(base: Path, texts: Sequence[str], size: int = VOCABULARY) -> Tokenizer:
    """The tokenizer of the MiniLM in a folder with fewer pieces: letters and numbers, those of the texts, the frequent.

    Its vocabulary has the more frequent words first, as BERT's has.
    """
    words = (base / "vocab.txt").read_text("utf-8").splitlines()
    whole = _word_piece(words)
    counts = Counter(number for text in texts for number in whole.encode(text, add_special_tokens=False).ids)
    used = {number for number, count in counts.items() if count > 1}
    kept = {number for number, word in enumerate(words) if number in used or _ALWAYS.fullmatch(word)}
    special = {number for number, word in enumerate(words) if word.startswith("[")}
    for number in range(len(words)):
        if len(kept - special) >= size - len(MARKS) - 2:
            break
        if words[number].isascii():
            kept.add(number)
    return _word_piece(["[PAD]", UNKNOWN_PIECE, *(words[number] for number in sorted(kept - special)), *MARKS])


def _word_piece(words: Sequence[str]) -> Tokenizer:
    made = Tokenizer(WordPiece({word: at for at, word in enumerate(words)}, unk_token=UNKNOWN_PIECE))
    made.normalizer = BertNormalizer(lowercase=True)
    made.pre_tokenizer = BertPreTokenizer()
    return made
