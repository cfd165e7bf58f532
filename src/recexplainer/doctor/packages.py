"""Whether Python and the packages that this one needs are there, as its own metadata (pyproject.toml) name them."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_PACKAGE = "recexplainer"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: `good`; `absent`: something cannot be done without it; `broken`: nothing can.
        found: What was found.
        hint: What to do about it; "" where nothing is to be done.
    """

    name: str
    state: Literal["good", "absent", "broken"]
    found: str
    hint: str = ""


def check_packages() -> Iterator[Check]:
    """Python, then each package that is needed, then each extra."""
    try:
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet
    except ModuleNotFoundError:  # transformers, accelerate and peft all bring it
        yield Check("packaging", "broken", "not installed", f"pip install {_PACKAGE}")
        return
    try:
        own = metadata(_PACKAGE)
    except PackageNotFoundError:
        yield Check(_PACKAGE, "absent", "not installed, so what it needs is not known", "pip install -e .")
        return
    python, wanted = platform.python_version(), own["Requires-Python"]
    if SpecifierSet(wanted).contains(python, prereleases=True):
        yield Check("Python", "good", python)
    else:
        yield Check("Python", "broken", f"{python}, but {wanted} is needed", f"install Python {wanted}")
    required = [Requirement(line) for line in requires(_PACKAGE) or ()]
    yield from (_check(one) for one in required if _is_for(one, ""))
    for extra in own.get_all("Provides-Extra") or ():
        yield _check_extra(extra, [_check(one) for one in required if _is_for(one, extra) and not _is_for(one, "")])


def _is_for(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _check(requirement: Requirement) -> Check:
    hint = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return Check(requirement.name, "broken", "not installed", hint)
    if requirement.specifier.contains(found, prereleases=True):
        return Check(requirement.name, "good", found)
    return Check(requirement.name, "broken", f"{found}, but {requirement.specifier} is needed", hint)


def _check_extra(extra: str, checks: Sequence[Check]) -> Check:
    missing = ", ".join(f"{check.name} {check.found}" for check in checks if check.state != "good")
    if missing:
        return Check(f"[{extra}]", "absent", missing, f"pip install '{_PACKAGE}[{extra}]'")
    return Check(f"[{extra}]", "good", ", ".join(f"{check.name} {check.found}" for check in checks))
