"""An Example: a question about the recommender and the answer that it gave, without wording and without form.

How it reads (behavior, intention, hybrid) is decided in `surrogate/prompt.py`; how it is phrased in `tasks/wording`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from recexplainer.evidence.evidence import Evidence

Task = Literal["retrieval", "ranking", "classification", "discrimination", "chat", "reconstruction", "rationale"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, slots=True)
class Example:
    """One question and its answer.

    Attributes:
        task: Which of the tasks it belongs to.
        aspect: Which group of phrasings of the task it takes: discrimination has `title`, `description`, `genres`,
            `brand`, `features`, `similar`, and `title-of` (which item has this description or these features:
            behavior only); reconstruction has `history`, `summary`; rationale has `surrogate`, `evidence`,
            and `for`, `against` (which history item speaks most for the item, or against it); the other tasks have
            one group, "".
        user: The user's own id, or "" for a made-up history.
        history: Item indices shown to the recommender, oldest first, already cut to its `max_history`.
        items: Item indices asked about (ranking: the candidates in the order shown).
        answer_items: The answer when it is titles: retrieval one, ranking and reconstruction several, in order.
        answer_text: The answer when it is words ("Yes", a description, a rationale); "" when it is titles.
        question: The text asked, for `chat` and for discrimination's `title-of`; "" elsewhere.
        evidence: What f said when asked, for `rationale` with evidence; None elsewhere.
        ask: The view that the reader wants, in words that follow the question; "" for none.
    """

    task: Task
    aspect: str = ""
    user: str = ""
    history: tuple[int, ...] = ()
    items: tuple[int, ...] = ()
    answer_items: tuple[int, ...] = ()
    answer_text: str = ""
    question: str = ""
    evidence: Evidence | None = None
    ask: str = ""
