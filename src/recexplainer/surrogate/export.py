"""Questions for a server that holds the backbone alone: input embeddings in which every vector of f is in its place.

Read with `merged=True` the backbone is a plain model; the connectors do their work here, before it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.batching import EncodedSet, to_device
from recexplainer.surrogate.model import Surrogate


@torch.no_grad()
def prompt_embeddings(surrogate: Surrogate, questions: EncodedSet) -> list[Tensor]:
    """Input embeddings of each question, `Float[length, width]` on the processor, in the backbone's own type.

    Args:
        surrogate: Whose backbone will answer; its chat template is around the question.
        questions: Questions without answers (`encode_questions`, `Explainer.questions`).
    """
    padding = surrogate.tokenizer.pad_token_id
    embedded: list[Tensor] = []
    for row in range(len(questions)):
        batch = to_device(questions.left_padded([row], padding), surrogate.device)
        del batch["attention_mask"]
        embedded.append(surrogate.embed(**batch)[0].cpu())
    return embedded


def write_prompts(path: Path, surrogate: Surrogate, questions: EncodedSet, ids: Sequence[str]) -> None:
    """Write the input embeddings of questions into one safetensors file, a tensor for each question under its id.

    Args:
        path: The file.
        surrogate: As in `prompt_embeddings`.
        questions: As in `prompt_embeddings`.
        ids: `[questions]`, what to find each by.

    Raises:
        SurrogateError: Ids are missing, too many, or used twice.
    """
    if not len(set(ids)) == len(ids) == len(questions):
        raise SurrogateError(
            f"{len(questions)} questions need as many different ids, but {len(set(ids))} were given.",
            location=str(path),
            hint="Give each question an id of its own.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(zip(ids, prompt_embeddings(surrogate, questions), strict=True)), path)
