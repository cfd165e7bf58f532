"""What is asked of the API: the bodies of requests. Users and items are named by their own ids."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ID_LENGTH, HISTORY_LENGTH, TEXT_LENGTH, MOST_ITEMS, MOST_INSTANCES = 500, 1000, 20_000, 100, 64

Id = Annotated[str, Field(min_length=1, max_length=ID_LENGTH)]
"""An own id, as in the data."""
Text = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH, pattern=r"\S")]
Count = Annotated[int, Field(ge=1, le=MOST_ITEMS)]
"""How many items a list has."""


class Body(BaseModel):
    """Base of all bodies: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Who(Body):
    """A user: of the data, or anybody with a history."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["user"]}, {"required": ["history"]}]})

    user: Id = ""
    """The id of a user of the data."""
    history: Annotated[list[Id], Field(min_length=1, max_length=HISTORY_LENGTH)] = []
    """The ids of the items that somebody else has had, oldest first."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.user) == bool(self.history):
            raise ValueError("give either user or history")
        return self


class Manner(Body):
    """Who writes, and how."""

    writer: Annotated[str, Field(max_length=ID_LENGTH)] | None = None
    """One that `/v1/models/NAME` lists: `realised` (no language model) or `surrogate`; else the first of these."""
    aspect: Annotated[str, Field(max_length=200)] = ""
    """What the reader wants to hear of: "from the view of genres"."""
    audience: Literal["", "customer", "analyst", "regulator"] = ""
    """For whom."""
    length: Literal["", "short", "long"] = ""
    """How long."""


class AboutItem(Who):
    """A user and an item."""

    item: Id
    """The id of the item asked about."""


class Explain(AboutItem, Manner):
    """A user and an item, and who is to write."""


class Check(AboutItem):
    """A text of anybody about a user and an item."""

    text: Text
    """What is to be checked."""


class Contrast(AboutItem):
    """A user and two items: why the one, and not the other."""

    other: Id
    """The id of the item that it is compared with."""

    @model_validator(mode="after")
    def _two_items(self) -> Self:
        if self.item == self.other:
            raise ValueError("item and other are the same")
        return self


class Recommend(Who):
    """A user whose list is asked for."""

    k: Count = 10
    """How many items."""


class WhatIf(Recommend):
    """A user whose history is edited."""

    without: Annotated[list[Id], Field(max_length=HISTORY_LENGTH)] = []
    """Items that leave the history."""
    add: Annotated[list[Id], Field(max_length=HISTORY_LENGTH)] = []
    """Items that are added to its end, in this order."""


class Instances(Manner):
    """Pairs to explain, as KServe's V1 protocol has them."""

    instances: Annotated[list[AboutItem], Field(min_length=1, max_length=MOST_INSTANCES)]
    """The pairs."""
