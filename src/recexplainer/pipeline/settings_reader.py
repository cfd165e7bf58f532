"""Reading settings from YAML with changes from a command line, and errors that name the key and what may be meant.

It works for any settings class and knows none of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import ValidationError

from recexplainer.errors import SettingsError
from recexplainer.settings import Settings

S = TypeVar("S", bound=Settings)
_SIGNS = re.compile(r"[^\w\[\]{}\"'~]+")  # text of separators; YAML would read :: as an object, and | as nothing


def read_settings(kind: type[S], path: Path, overrides: Sequence[str] = ()) -> S:
    """Read settings from a YAML file, with changes to what it holds: each `key.sub=value`, the value as YAML.

    Raises SettingsError where the file cannot be read, or a key is unknown, renamed, missing or of the wrong type. It
    names the file (or the change), the key, and the nearest key that there is.
    """
    values = _read_yaml(path)
    overridden = {_override(values, override) for override in overrides}
    return check_settings(kind, values, str(path), overridden)


def default_settings(kind: type[S], overrides: Sequence[str]) -> S:
    """The defaults of settings, with changes as `read_settings` takes them; raises as that."""
    values: dict[str, Any] = {}
    overridden = {_override(values, override) for override in overrides}
    return check_settings(kind, values, "the defaults", overridden)


def check_settings(kind: type[S], values: Mapping[str, Any], location: str, overridden: Collection[str] = ()) -> S:
    """Check nested values, which an error names by a location; `overridden` are keys given on the command line.

    Raises SettingsError as `read_settings` does, for the first problem; it states how many there are.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise _explain(kind, problems[0], len(problems) - 1, location, overridden) from error


def dotted_keys(kind: type[Settings], prefix: str = "") -> Iterator[str]:
    """All keys of a settings class, those of settings within it as `key.sub`."""
    for name, field in kind.model_fields.items():
        yield prefix + name
        inner = inner_settings(field.annotation)
        if inner is not None:
            yield from dotted_keys(inner, f"{prefix}{name}.")


def inner_settings(annotation: Any) -> type[Settings] | None:
    """The settings class in the type of a field, be it optional or not; None if the field is a plain value."""
    for choice in (annotation, *get_args(annotation)):
        if isinstance(choice, type) and issubclass(choice, Settings):
            return choice
    return None


def _read_yaml(path: Path) -> dict[str, Any]:
    at = str(path)
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        what, hint = f"The recipe cannot be read: {error}", "Give the path of a YAML file in UTF-8."
        raise SettingsError(what, location=at, hint=hint) from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The recipe is not YAML: {error}", location=at, hint="Correct the line named.") from error
    if not isinstance(values, dict):
        hint = "Write one `key: value` a line, as in recipes/."
        raise SettingsError("The recipe holds no settings.", location=at, hint=hint)
    return values


def _override(values: dict[str, Any], override: str) -> str:
    """Put one `key.sub=value` into the nested values; returns the key."""
    at, (key, sign, text) = f"--set {override}", override.partition("=")
    *above, last = key.strip().split(".")
    if not (sign and last and all(above)):
        what = "A setting on the command line is not of the form key.sub=value."
        raise SettingsError(what, location=at, hint="Write for example --set surrogate.epochs.hybrid=3.")
    try:
        value: Any = text if _SIGNS.fullmatch(text) else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"The value is not YAML: {error}", location=at, hint="Put quotes around it.") from error
    level = values
    for part in above:
        if not isinstance(level.get(part), dict):
            level[part] = {}
        level = level[part]
    level[last] = value
    return ".".join([*above, last])


def _explain(
    kind: type[Settings], problem: Any, others: int, location: str, overridden: Collection[str]
) -> SettingsError:
    parts, message = [str(part) for part in problem["loc"]], problem["msg"].removeprefix("Value error, ")
    given, level = problem["input"], _class_at(kind, parts)
    renamed = _renamed(level, given)
    key = ".".join([*parts, renamed[0]] if renamed else parts)
    at = f"--set {key}" if key in overridden else f"{location}, key {key}" if key else location
    more = f" ({others} more to correct after it)" if others else ""
    if renamed:
        name = ".".join([*parts, renamed[1]])
        return SettingsError(f"The setting {key!r} is called {name!r} now.", location=at, hint=f"Write {name!r}.")
    if problem["type"] == "extra_forbidden":
        return SettingsError(f"Unknown setting {key!r}{more}.", location=at, hint=_nearest(kind, parts))
    if problem["type"] == "missing":
        return SettingsError(f"The setting {key!r} is missing{more}.", location=at, hint="Add it.")
    what = f"The setting {key!r} cannot be {given!r}: {message}" if key else message
    return SettingsError(f"{what}{more}.", location=at, hint=_meaning(kind, parts))


def _renamed(level: type[Settings] | None, given: Any) -> tuple[str, str] | None:
    """The first key given by its old name, and its present name; None where there is none."""
    renamed = level.renamed if level and isinstance(given, dict) else {}
    return next(((old, new) for old, new in renamed.items() if old in given), None)


def _class_at(kind: type[Settings], parts: Sequence[str]) -> type[Settings] | None:
    """The settings class under a key; None where the key has a plain value, or is none."""
    level: type[Settings] | None = kind
    for part in parts:
        field = level.model_fields.get(part) if level else None
        level = inner_settings(field.annotation) if field else None
    return level


def _nearest(kind: type[Settings], parts: Sequence[str]) -> str:
    """The key that was probably meant: similar at the same place, or of the same name elsewhere."""
    *above, name = parts
    level = _class_at(kind, above)
    here = list(level.model_fields) if level else []
    similar = [".".join([*above, key]) for key in get_close_matches(name, here, n=1, cutoff=0.6)]
    elsewhere = [key for key in dotted_keys(kind) if key.rpartition(".")[2] == name]
    if found := similar or elsewhere:
        return f"Did you mean {found[0]!r}?"
    return f"Known here are: {', '.join('.'.join([*above, key]) for key in here)}."


def _meaning(kind: type[Settings], parts: Sequence[str]) -> str:
    """What the setting means, from its own documentation; of a value within it, what the whole means."""
    for end in range(len(parts), 0, -1):
        level = _class_at(kind, parts[: end - 1])
        field = level.model_fields.get(parts[end - 1]) if level else None
        if field and field.description:
            return f"What it means: {' '.join(field.description.split())}"
    return "Give a value of the right type." if parts else "Change one of the settings that are named here."
