"""A writer that is not of this package, whose texts are read here before they are shown: it need not know claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from recexplainer.claims.verifier import Verifier
from recexplainer.errors import SettingsError
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.chat_answers import AnswerCheck
from recexplainer.explanations.realised_writer import RealisedWriter
from recexplainer.explanations.writing import Style, Writer, Written

_HINT = "A writer has a `name`, and `write(users, evidence, style)` gives back a Written for each pair, in their order."


class ForeignWriter:
    """Somebody's writer, held to what a chat model is held to; where a text fails, the wording of the evidence stands.

    Raises SettingsError where it is no writer.
    """

    def __init__(self, writer: Writer, verifier: Verifier, realised: RealisedWriter) -> None:
        name = cast("Any", getattr(writer, "name", None))
        if not isinstance(name, str) or not name or not callable(getattr(writer, "write", None)):
            raise SettingsError(f"This is no writer: {writer!r:.80}.", location="writer", hint=_HINT)
        self.name, self._writer, self._check, self._realised = name, writer, AnswerCheck(verifier), realised

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
        """The text of each pair, `[pairs]`. Raises SettingsError where these are not as many texts."""
        given = cast("Any", self._writer.write(users, evidence, style))
        written = cast("list[Any]", list(given) if isinstance(given, list | tuple) else [given])
        wrong = [one for one in written if not (isinstance(one, Written) and isinstance(cast("Any", one.text), str))]
        if wrong or len(written) != len(evidence):
            what = f"It gave back {wrong[0]!r:.80}" if wrong else f"It gave back {len(written)} texts"
            raise SettingsError(f"{what} for {len(evidence)} pairs.", location=f"writer {self.name!r}", hint=_HINT)
        cases = zip(written, users, evidence, strict=True)
        return [self._read(one, user, known, style) for one, user, known in cases]

    def _read(self, written: Written, user: str, evidence: Evidence, style: Style) -> Written:
        checked = self._check.check(written.text, evidence)
        kept = self._check.without_faults(checked, evidence)
        if kept:
            cut = f"{kept.left_out} of its sentences left out" if kept.left_out else ""
            note = "; ".join(filter(None, (written.note, cut)))
            return replace(
                written, text=kept.text, claims=kept.claims, writer=self.name, problems=(), abstained="", note=note
            )
        why = checked.faults[0].line if checked.faults else "no sentence of it is understood"
        note = f"the text of {self.name} is not shown: {why}"
        return replace(self._realised.realise(user, evidence, style), attempts=written.attempts, note=note)


def held(writer: Writer, verifier: Verifier, realised: RealisedWriter) -> Writer:
    """A writer of this package as it is; any other as a `ForeignWriter`."""
    own = type(writer).__module__.startswith("recexplainer.")
    return writer if own and not isinstance(writer, type) else ForeignWriter(writer, verifier, realised)
