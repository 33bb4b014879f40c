"""Tables of plain values, and the clocks that their times are of."""

from array import array
from typing import Any

import pytest

from otel_tickrmeter.saved.form import Cell, Form, SavedError, from_rows, to_rows
from otel_tickrmeter.saved.moment import Moment, shift_between

FORM = Form("t", {cell.name: cell for cell in Cell}, optional=frozenset({"TEXT"}))
ROW = (1, 0.5, "a", b"\x01" + bytes(7) + b"\xff" * 8, '[1,[null,"x"],true]')


def test_cells_become_what_is_written_and_what_is_read() -> None:
    columns: dict[str, list[Any]] = {
        "WHOLE": [1, 2],
        "NUMBER": [0.5, 1.0],
        "TEXT": ["a", None],
        "FIGURES": [array("q", [1, -1]), array("Q", [3])],
        "NESTED": [(1, (None, "x"), True), {"a": 0.1}],
    }
    written = list(to_rows(FORM, columns))
    assert written[0] == ROW
    read = from_rows(FORM, written)
    assert read == {
        **columns,
        "FIGURES": [array("q", [1, -1]), array("q", [3])],
        "NESTED": [[1, [None, "x"], True], {"a": 0.1}],
    }


def test_columns_of_unlike_length_are_no_table() -> None:
    with pytest.raises(ValueError, match="zip"):
        list(to_rows(Form("t", {"a": Cell.WHOLE, "b": Cell.WHOLE}), {"a": [1], "b": []}))


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        (0, "1"),
        (0, None),
        (0, 1.0),
        (1, 1),
        (2, b"a"),
        (3, "x"),
        (3, bytes(7)),
        (4, b"[]"),
        (4, "[1"),
        (4, "\ud800"),
    ],
)
def test_a_cell_of_another_kind_is_noticed(place: int, cell: object) -> None:
    row = (*ROW[:place], cell, *ROW[place + 1 :])
    with pytest.raises(SavedError, match=rf"t\.{list(Cell)[place].name}"):
        from_rows(FORM, [ROW, row])


SAVED = Moment("boot", 1_000, 50_000)


@pytest.mark.parametrize(
    ("now", "shift_ns"),
    [
        (Moment("boot", 1_500, 50_500), 0),
        # The wall clock was set; the other one ran on.
        (Moment("boot", 1_500, 1), 0),
        (Moment("boot", 1_500, 10**18), 0),
        # Another run of the machine, 500 ns later.
        (Moment("other", 10, 50_500), -1_490),
        # Its wall clock went back: as if no time had passed.
        (Moment("other", 10, 7), -990),
        # A file of the future of this run: of another machine that says the same of itself, or of a mock.
        (Moment("boot", 10, 50_500), -1_490),
        (Moment("", 1_500, 50_100), 400),
    ],
)
def test_ages_outlast_a_restart(now: Moment, shift_ns: int) -> None:
    assert shift_between(SAVED, now) == shift_ns


def test_without_a_name_no_run_is_the_same() -> None:
    saved = Moment("", 1_000, 50_000)
    assert shift_between(saved, Moment("", 1_500, 50_100)) == 400
