"""A page of a list, and a single thing with its parts, as JSON."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, cast

from otel_tickrmeter.views.view import FieldValue, View, ViewField
from otel_tickrmeter.web.query import PageQuery

MAX_PART = 500
"""So many things of a part are shown."""


def page_of(view: View, query: PageQuery) -> dict[str, Any]:
    """The page as JSON has it: `total` is the number of all things that were chosen.

    Things without a value of the field that sorts come last, whichever is first.
    """
    things = _chosen(view, query)
    shown = _sorted(things, view, query)[query.offset : query.offset + query.limit]
    return {
        "total": len(things),
        "offset": query.offset,
        "limit": query.limit,
        "items": [as_object(view.fields, things[place]) for place in shown],
    }


def thing_of(view: View, key: str) -> dict[str, Any] | None:
    """A single thing with its parts; None when there is none. Of a part MAX_PART are shown."""
    thing = None if view.find is None else view.find(key)
    if thing is None:
        return None
    found = as_object(view.fields, thing)
    for part in view.parts:
        things = part.things(thing)
        found[part.name] = [as_object(part.fields, each) for each in things[:MAX_PART]]
    return found


def as_object(fields: Iterable[ViewField], thing: object) -> dict[str, Any]:
    """The fields of a thing, by name."""
    return {field.name: shown(field, field.read(thing)) for field in fields}


def shown(field: ViewField, value: FieldValue) -> FieldValue:
    """The value as JSON has it: a moment in RFC 3339, and nothing that JSON cannot say."""
    if type(value) is float and not isfinite(value):
        return None
    if field.kind == "moment" and isinstance(value, int | float):
        return rfc3339(value)
    return value


def rfc3339(unix_seconds: float) -> str:
    """A moment as text, in UTC."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _chosen(view: View, query: PageQuery) -> Sequence[Any]:
    things = view.things()
    for field in view.fields:
        if field.name in query.chosen:
            wanted, read = query.chosen[field.name], field.read
            things = [thing for thing in things if read(thing) == wanted]
    return things


def _sorted(things: Sequence[Any], view: View, query: PageQuery) -> list[int]:
    """The places of the things, in the order of the page."""
    (read,) = (field.read for field in view.fields if field.name == query.order)
    values = [read(thing) for thing in things]
    known = [place for place, value in enumerate(values) if value is not None]
    unknown = [place for place, value in enumerate(values) if value is None]
    # Thousands of them, in the thread that handles messages: no function of ours is called for each.
    known.sort(key=cast("Callable[[int], Any]", values.__getitem__), reverse=query.descending)
    return known + unknown
