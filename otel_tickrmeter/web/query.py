"""Which page of a list is asked for: the query of a request, read and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from otel_tickrmeter.views.view import FieldValue, View

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
"""So many things are on one page."""
MAX_OFFSET = 1_000_000
_MOST_PARAMETERS = 32
_LONGEST_SHOWN = 64
_FLAGS: Mapping[str, bool] = {"true": True, "false": False}


class ParameterError(Exception):
    """A query parameter that cannot be used; the message says what it must be.

    Attributes:
        parameter: Its name, cut to a length that can be shown.
    """

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter[:_LONGEST_SHOWN]


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A page of a list.

    Attributes:
        chosen: By the name of a field the value that things must have.
        order: The name of the field that sorts.
        descending: Whether the largest comes first.
        offset: How many things come before the page.
        limit: How many are on it at most.
    """

    chosen: Mapping[str, FieldValue]
    order: str
    descending: bool
    offset: int
    limit: int


def read_query(query: str, view: View) -> PageQuery:
    """The page that a raw query asks for.

    Raises:
        ParameterError: A parameter is unknown, given twice, or has a value that it may not have.
    """
    given = _parameters(query)
    chosen: dict[str, FieldValue] = {}
    for field in view.fields:
        value = given.pop(field.name, None) if field.chooses else None
        if value is not None:
            chosen[field.name] = _flag(field.name, value) if field.kind == "flag" else value
    order = given.pop("sort", view.order)
    if order.removeprefix("-") not in {field.name for field in view.fields}:
        raise ParameterError("sort", "must be the name of a field, with a minus for the largest first")
    offset = _whole(given.pop("offset", "0"), "offset", 0, MAX_OFFSET)
    limit = _whole(given.pop("limit", str(DEFAULT_LIMIT)), "limit", 1, MAX_LIMIT)
    for name in given:
        raise ParameterError(name, "is not known here")
    return PageQuery(chosen, order.removeprefix("-"), order.startswith("-"), offset, limit)


def refuse_parameters(query: str) -> None:
    """Check a query where none is expected.

    Raises:
        ParameterError: There is a parameter.
    """
    for name in _parameters(query):
        raise ParameterError(name, "is not known here")


def read_word(query: str, name: str, words: Sequence[str]) -> str | None:
    """The value of the only parameter that there may be, one of some words; None without it.

    Raises:
        ParameterError: It is no such word, or there is another parameter.
    """
    given = _parameters(query)
    word = given.pop(name, None)
    for other in given:
        raise ParameterError(other, "is not known here")
    if word is not None and word not in words:
        raise ParameterError(name, f"must be one of {', '.join(words)}")
    return word


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise ParameterError("", f"at most {_MOST_PARAMETERS} parameters can be given") from error
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise ParameterError(name, "is given twice")
        given[name] = value
    return given


def _flag(name: str, value: str) -> bool:
    if value not in _FLAGS:
        raise ParameterError(name, "must be true or false")
    return _FLAGS[value]


def _whole(text: str, name: str, least: int, most: int) -> int:
    digits = len(text) <= len(str(most)) and text.isascii() and text.isdigit()
    if not digits or not least <= int(text) <= most:
        raise ParameterError(name, f"must be a whole number from {least} to {most}")
    return int(text)
