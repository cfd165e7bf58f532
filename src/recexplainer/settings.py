"""The base of all settings: frozen, checked, unknown keys refused.

Each package keeps its own settings beside the code that they control; the recipe puts them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Settings(BaseModel):
    """Base of every settings class; documented field by field in its subclasses.

    Attributes:
        renamed: The present name of each renamed key; an old name is refused by an error that names the present one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @model_validator(mode="before")
    @classmethod
    def _refuse_old_names(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for old in cls.renamed.keys() & values.keys():
                raise ValueError(f"the setting {old!r} is called {cls.renamed[old]!r} now")
        return values
