"""The logits of any causal language model at chosen positions, and the check that a model can be a backbone.

The logits are always those of the model's own `forward`, with its scale and softcap. Nothing here knows a family by
its name.
"""

from __future__ import annotations

from threading import get_ident
from typing import Any

import torch
from torch import Tensor

from recexplainer.errors import SurrogateError, first_line
from recexplainer.surrogate.loading import LOADING_ERRORS

_LENGTH, _SHORTER = 6, 4  # tokens of the check
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}  # of the standard deviation of logits
_LOW_PRECISION_TOLERANCE = 0.3


def logits_at(backbone: Any, embeddings: Tensor, positions: Tensor) -> Tensor:
    """The model's logits, `Float[positions, vocabulary]`, at positions in the flattened batch.

    `embeddings` is `Float[batch, length, width]`, right-padded. The output layer sees the states at `positions` alone.
    """
    return outputs_at(backbone, embeddings, positions, use_cache=False).logits


def outputs_at(backbone: Any, embeddings: Tensor, positions: Tensor, **how: Any) -> Any:
    """What the model's `forward` gives, its `logits` as those of `logits_at`; `how` are more of its arguments."""
    thread = get_ident()

    def keep(_: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        if get_ident() != thread or given[0].shape[:2] != embeddings.shape[:2]:
            return None
        return given[0].flatten(0, 1)[positions][None], *given[1:]

    hook = backbone.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        output = backbone(inputs_embeds=embeddings, **how)
    finally:
        hook.remove()
    logits = output.logits
    # A model that computes its logits elsewhere gives them for all positions.
    output.logits = logits[0] if logits.shape[:2] == (1, len(positions)) else logits.flatten(0, 1)[positions]
    return output


@torch.no_grad()
def verify_backbone(backbone: Any, name: str) -> None:
    """Run a backbone on a few tokens in each way in which it will be used; SurrogateError if they do not agree.

    Token ids and their embeddings must give the same logits, also in a batch, padded on the right as in training and
    on the left as in generation, with a vector in place of a word, and with its cache. It takes four passes.
    """
    training = backbone.training
    backbone.eval()
    try:
        problem = _disagreement(backbone)
    except LOADING_ERRORS as error:
        problem = f"given embeddings in place of token ids, it fails: {first_line(error)}"
    finally:
        backbone.train(training)
    if problem:
        raise SurrogateError(
            f"This model cannot be a backbone: {problem}",
            location=f"{name}, {type(backbone).__name__}",
            hint="Choose another model: a decoder that takes embeddings (`inputs_embeds`) as it takes token ids, also "
            "in generate. Of one that should, check the weights and `surrogate.pretrained.dtype`.",
        )


def _disagreement(backbone: Any) -> str:
    """What does not agree; "" if all does."""
    table = backbone.get_input_embeddings()
    device = table.weight.device
    size = min(table.num_embeddings, backbone.config.get_text_config().vocab_size)
    # Spread over the vocabulary, without its ends, where special tokens are.
    ids = torch.linspace(size // 10, size - size // 10 - 1, _LENGTH + 1, device=device).long()
    own = backbone(input_ids=ids[None], use_cache=False).logits[0].float()
    if not bool(own.isfinite().all()):
        return "its logits are not finite."

    def differ(found: Tensor, expected: Tensor) -> bool:
        worst = float((found.float() - expected).abs().max() / own.std().clamp_min(1e-9))
        return not worst < _TOLERANCE.get(backbone.dtype, _LOW_PRECISION_TOLERANCE)

    # First, since some models keep something of a generation that would disturb the next batch.
    first, second = _generated(backbone, ids)
    rows = ids[:_LENGTH].repeat(3, 1)
    rows[1, _SHORTER:] = 0
    embedded = table(rows).clone()
    embedded[2, _SHORTER] = embedded[0, 0].roll(1)  # no word's
    by_embeddings = logits_at(backbone, embedded, torch.arange(rows.numel(), device=device)).view(*rows.shape, -1)
    if differ(by_embeddings[0], own[:_LENGTH]):
        return "its logits are others when it is given embeddings in place of token ids."
    if differ(by_embeddings[1:, :_SHORTER], own[:_SHORTER]):
        return "its logits depend on what follows, or on the other rows of a batch."
    if not differ(by_embeddings[2, _SHORTER:], own[_SHORTER:_LENGTH]):
        return "a vector in place of a word changes nothing."
    if differ(first, own[[_LENGTH - 1, _SHORTER - 1]]) or differ(second, own[[_LENGTH, _SHORTER]]):
        return "it generates otherwise in a batch of prompts of different lengths, padded on the left."
    return ""


def _generated(backbone: Any, ids: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of two steps of generation in a left-padded batch, each `Float[2, vocabulary]`."""
    prompts = ids[:_LENGTH].repeat(2, 1)
    prompts[1] = prompts[1].roll(_LENGTH - _SHORTER)
    mask = torch.ones_like(prompts)
    mask[1, : _LENGTH - _SHORTER] = 0
    forced = ids[[_LENGTH, _SHORTER]][:, None]

    def only_forced(_: Tensor, scores: Tensor) -> Tensor:
        return torch.full_like(scores, float("-inf")).scatter(1, forced, 0.0)

    output = backbone.generate(
        inputs_embeds=backbone.get_input_embeddings()(prompts),
        attention_mask=mask,
        max_new_tokens=2,
        do_sample=False,
        pad_token_id=0,
        eos_token_id=None,
        output_logits=True,
        return_dict_in_generate=True,
        logits_processor=[only_forced],
    )
    return output.logits[0], output.logits[1]
