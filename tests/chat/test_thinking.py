"""Marks of thinking, as reasoning models write them."""

from __future__ import annotations

import pytest

from recexplainer.chat.thinking import opened_thinking, split_thinking

HARMONY = "<|channel|>analysis<|message|>We think<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>"


@pytest.mark.parametrize(
    ("text", "answer", "unfinished"),
    [
        ("Yes", "Yes", False),
        (" I think <b>so</b>.\n", " I think <b>so</b>.\n", False),
        ("analysis of the text: good", "analysis of the text: good", False),
        ("<think>No?</think>\nYes", "Yes", False),
        ("<think>\n\n</think>\n\nYes", "Yes", False),
        ("<THINKING type='x'>No?</thinking> Yes", "Yes", False),
        ("<reasoning>No?</reasoning>Yes", "Yes", False),
        ("<seed:think>No?</seed:think>Yes", "Yes", False),
        ("No?</think>Yes", "Yes", False),
        ("<think>marks like <think> are</think>Yes", "Yes", False),
        ("<think>No?</think>Yes, <think>hm</think>it is", "Yes, it is", False),
        ("<think>No?", "", True),
        ("<think>No?</think>Yes <think>but", "Yes", True),
        ("[THINK]No?[/THINK]Yes", "Yes", False),
        ("◁think▷No?◁/think▷Yes", "Yes", False),
        (HARMONY, "Yes", False),
        ("<|channel|>analysis<|message|>We think", "", True),
        ("<|channel|>final<|message|>Yes", "Yes", False),
        ("analysisWe think. assistantfinalYes", "Yes", False),
        ("<|channel>thought\nNo?\n<channel|>Yes", "Yes", False),
        ("<|START_THINKING|>No?<|END_THINKING|><|START_RESPONSE|>Yes<|END_RESPONSE|>", "Yes", False),
        ("<|begin_of_thought|>No?<|end_of_thought|>\n<|begin_of_solution|>Yes<|end_of_solution|>", "Yes", False),
        ("<unused94>thought\nNo?<unused95>Yes", "Yes", False),
        ("Here is my thought process:\nNo?\nHere is my response:\nYes", "Yes", False),
        ("Here is my response: Yes", "Here is my response: Yes", False),
        ("<think>No?</think><answer>Yes</answer>", "Yes", False),
        ("<answer>Yes</answer>", "Yes", False),
        ("Yes.<|im_end|>", "Yes.", False),
        ("Yes.</s>", "Yes.", False),
        ("Yes.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nNo.", "Yes.", False),
    ],
)
def test_the_answer_is_told_from_thinking(text: str, answer: str, unfinished: bool) -> None:
    assert split_thinking(text) == (answer, unfinished)


@pytest.mark.parametrize(("prompt", "mark"), [("…assistant\n<think>\n", "<think>\n"), ("<think> is a mark", "")])
def test_a_prompt_that_opens_thinking(prompt: str, mark: str) -> None:
    assert opened_thinking(prompt) == mark
