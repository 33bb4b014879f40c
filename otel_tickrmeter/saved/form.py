"""Tables of plain values: what they are called, what their cells are, and how cells are written.

Who has a state hands out columns, cheaply, at one moment; making cells of them can wait for a thread.
"""

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

Tables = Mapping[str, Mapping[str, Iterable[Any]]]
"""Columns, all of one table equally long, by the names of table and column."""

_FIGURE_BYTES = 8


class SavedError(ValueError):
    """What was saved cannot be what was handed out."""


class Cell(StrEnum):
    """What a cell is: in memory, and in the file where that differs.

    FIGURES are an array of integers, of 64 bits ("q") when read, little-endian in the file. NESTED is
    a tuple of plain values and tuples, and a list when read; JSON in the file.
    """

    WHOLE = "INTEGER"
    NUMBER = "REAL"
    TEXT = "TEXT"
    FIGURES = "BLOB"
    NESTED = "JSON"


@dataclass(frozen=True, slots=True)
class Form:
    """What a table is called, and what its columns hold; cells of those in `optional` may be None."""

    name: str
    columns: Mapping[str, Cell]
    optional: frozenset[str] = frozenset()


def rows_of(form: Form, tables: Tables) -> Iterator[tuple[Any, ...]]:
    """The rows of one of the tables, as they are in memory; their cells go as the form's columns."""
    columns = tables[form.name]
    return zip(*(columns[name] for name in form.columns), strict=True)


def to_rows(form: Form, columns: Mapping[str, Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as they are written, made one by one."""
    return zip(*(map(_WRITE[cell], columns[name]) for name, cell in form.columns.items()), strict=True)


def from_rows(form: Form, rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """The columns of a table as they were handed out.

    Raises:
        SavedError: A cell is not of its kind.
    """
    columns = {}
    for place, (name, cell) in enumerate(form.columns.items()):
        written = [row[place] for row in rows]
        unlike = set(map(type, written)) - {
            _WRITTEN[cell],
            type(None) if name in form.optional else _WRITTEN[cell],
        }
        if unlike:
            raise SavedError(
                f"{form.name}.{name} holds {', '.join(sorted(kind.__name__ for kind in unlike))}"
            )
        try:
            columns[name] = list(map(_READ[cell], written))
        except (ValueError, struct.error) as error:
            raise SavedError(f"{form.name}.{name}: {error}") from error
    return columns


def _pack(figures: "array[int]") -> bytes:
    return struct.pack(f"<{len(figures)}q", *figures)


def _unpack(written: bytes) -> "array[int]":
    return array("q", struct.unpack(f"<{len(written) // _FIGURE_BYTES}q", written))


def _same(cell: object) -> object:
    return cell


_WRITE: Mapping[Cell, Callable[[Any], object]] = {
    Cell.WHOLE: _same,
    Cell.NUMBER: _same,
    Cell.TEXT: _same,
    Cell.FIGURES: _pack,
    Cell.NESTED: lambda nested: orjson.dumps(nested).decode(),
}
_READ: Mapping[Cell, Callable[[Any], object]] = {
    Cell.WHOLE: _same,
    Cell.NUMBER: _same,
    Cell.TEXT: _same,
    Cell.FIGURES: _unpack,
    Cell.NESTED: orjson.loads,
}
_WRITTEN: Mapping[Cell, type] = {
    Cell.WHOLE: int,
    Cell.NUMBER: float,
    Cell.TEXT: str,
    Cell.FIGURES: bytes,
    Cell.NESTED: str,
}
