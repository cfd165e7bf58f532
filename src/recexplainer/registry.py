"""What other packages add to this one: those of its extras, and recommenders, readers, evaluations and chat models.

A package registers an object under an entry point group in its `pyproject.toml`, for example

    [project.entry-points."recexplainer.readers"]
    mine = "my_package.readers:MINE"

It knows the names of the groups, not what the objects do.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any, Literal

from recexplainer.errors import SettingsError

Extra = Literal["chat", "pretrained", "gguf", "figures", "tensorboard", "server"]
Group = Literal["recommenders", "readers", "evaluations", "chat_models"]


def require_extra(package: str, extra: Extra) -> None:
    """Raise SettingsError where a package of an extra is not installed; nothing is imported."""
    if find_spec(package) is None:
        raise SettingsError(
            f"The package {package!r} is needed for this, and is not installed.",
            location=f"extra {extra!r} of recexplainer",
            hint=f"pip install 'recexplainer[{extra}]'",
        )


@cache
def registered(group: Group) -> dict[str, EntryPoint]:
    """The entry points of a group by their names; nothing is imported."""
    return {point.name: point for point in entry_points(group=f"recexplainer.{group}")}


def load_registered(group: Group, name: str) -> Any:
    """The object that is registered under a name.

    Raises:
        SettingsError: Nothing is registered under that name, or it cannot be imported.
    """
    points = registered(group)
    if name not in points:
        known = ", ".join(sorted(points)) or "none"
        raise SettingsError(
            f"Nothing is registered as {name!r} in recexplainer.{group}.",
            location=f"entry points of the installed packages: {known}",
            hint="Install the package that registers it, or check the name.",
        )
    try:
        return points[name].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"What is registered as {name!r} cannot be imported: {error}",
            location=f"recexplainer.{group}: {points[name].value}",
            hint="Correct the entry point in that package's pyproject.toml.",
        ) from error
