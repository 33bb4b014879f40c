"""A list of things that can be asked for: which fields they have, and how each is read.

Things are whatever their fleet keeps. A field is read when it is wanted: of thousands of things a page is
shown, and only what sorts and chooses is read of the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

FieldValue = str | float | bool | None
"""What a field holds. What a publisher sent may be in a text."""

FieldKind = Literal["text", "whole", "number", "share", "flag", "moment"]
"""What values are, if they are not None: a share is from 0 to 1, a moment is Unix seconds."""


@dataclass(frozen=True, slots=True)
class ViewField:
    """One field of a thing.

    Attributes:
        name: What it is called, its unit at the end.
        kind: What its values are.
        meaning: A sentence.
        read: Reads it from a thing; quick, and never raises.
        chooses: Whether things may be chosen by its value. Texts and flags only.
    """

    name: str
    kind: FieldKind
    meaning: str
    read: Callable[[Any], FieldValue]
    chooses: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A list that belongs to a thing, in a bounded number: the relays of a board.

    Attributes:
        name: What it is called.
        meaning: A sentence.
        fields: The fields of what is in it.
        things: Gives it, of the thing.
    """

    name: str
    meaning: str
    fields: tuple[ViewField, ...]
    things: Callable[[Any], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class View:
    """A list of things.

    Attributes:
        path: Where it is found; the first field is what a single thing is asked for by.
        meaning: A sentence.
        fields: The fields of each.
        order: The name of a field that sorts when nobody says otherwise, with a minus the largest first.
        things: Gives all of them, a bounded number.
        find: Finds one; None for a list whose things have no page of their own.
        parts: The lists that a single one has besides.
    """

    path: str
    meaning: str
    fields: tuple[ViewField, ...]
    order: str
    things: Callable[[], Sequence[Any]]
    find: Callable[[str], Any] | None = None
    parts: tuple[Part, ...] = ()
