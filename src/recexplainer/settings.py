"""The base of all settings: frozen, checked, unknown keys refused.

Each room keeps its own settings beside the code that they steer; the recipe puts them together.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of every settings class; documented field by field in its subclasses."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
