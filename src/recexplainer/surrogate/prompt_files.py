"""Prompts as input embeddings, in a file, for a server that has the backbone alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate.utils import send_to_device
from safetensors.torch import save_file
from torch import Tensor

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.model import Surrogate


@torch.no_grad()
def prompt_embeddings(surrogate: Surrogate, questions: EncodedSet) -> list[Tensor]:
    """Input embeddings of each question in its chat template, `Float[length, width]` on the CPU, for a server.

    The server needs the backbone alone (`from_pretrained(…, merged=True)`): all vectors are in the embeddings. The
    questions are those of `encode_questions` or `PairExplainer.questions`.
    """
    embedded: list[Tensor] = []
    for row in range(len(questions)):
        inputs, _ = questions.left_padded([row], surrogate.tokenizer.pad_token_id)
        embedded.append(surrogate.embed(**send_to_device(inputs, surrogate.device))[0].cpu())
    return embedded


def write_prompts(path: Path, surrogate: Surrogate, questions: EncodedSet, ids: Sequence[str]) -> None:
    """Write `prompt_embeddings` into one safetensors file, each under its own id, `[questions]`.

    Raises SurrogateError if ids are missing, too many, or used twice.
    """
    if not len(set(ids)) == len(ids) == len(questions):
        raise SurrogateError(
            f"{len(questions)} questions need as many different ids, but {len(set(ids))} were given.",
            location=str(path),
            hint="Give each question an id of its own.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(zip(ids, prompt_embeddings(surrogate, questions), strict=True)), path)
