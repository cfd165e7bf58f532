"""*Main parameters*: two paragraphs in plain words that a platform could publish, as a draft for a person to edit.

Article 27 of the Digital Services Act (Regulation (EU) 2022/2065) asks platforms to say in plain language by which main
parameters they recommend, and what people can do about it. The first paragraph has nothing but findings that passed;
the second says how they were found. What people can do about it nobody can measure: that is left to be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.audit.findings import Finding

DRAFT = "Draft, made from measurements. A person must check, complete and edit it before it is published."
_NOTHING = "What decides the recommendations was not found: no figure is certain enough for a sentence."
_IMPLIED = {"popularity": ("history", "most_popular"), "last_item": ("whole_history",)}
"""What need not be said beside another sentence."""


@dataclass(frozen=True, slots=True)
class MainParameters:
    """A note that it is a draft, and two paragraphs."""

    note: str
    parameters: str
    method: str

    @property
    def text(self) -> str:
        """All of it, as Markdown."""
        return f"**{self.note}**\n\n{self.parameters}\n\n{self.method}\n"


def main_parameters(
    findings: Sequence[Finding], *, users: int, of_users: int, list_length: int, questions: int, date: str, service: str
) -> MainParameters:
    """The draft. `service` is what the recommender is called, `date` the day on which it was asked."""
    said = {one.name for one in findings if one.public and one.status != "unverified"}
    implied = {name for first in said & _IMPLIED.keys() if _supported(findings, first) for name in _IMPLIED[first]}
    sentences = [one.public for one in findings if one.name in said - implied]
    opening = f"The recommender “{service}” puts items in order by a score that it gives each of them for you."
    parameters = " ".join([opening, *(sentences or [_NOTHING])])
    undecided = [one.text for one in findings if one.status == "unverified"]
    method = [
        f"This was measured on {date}, on {users:,} of {of_users:,} users drawn at random and the first {list_length} "
        f"items recommended to each. The recommender scored {questions:,} histories for it.",
        "Each sentence holds for these users taken together, with a 95% interval that lies wholly on one side of a "
        "threshold stated beforehand; of a single user something else may be true.",
    ]
    method += undecided
    method.append("[To be added by a person: what people can do to change what is recommended to them, and where.]")
    return MainParameters(DRAFT, parameters, " ".join(method))


def _supported(findings: Sequence[Finding], name: str) -> bool:
    return any(one.name == name and one.status == "supported" for one in findings)
