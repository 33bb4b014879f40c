"""What the file looks like: how it is told from others, and what there is beside the tables of whoever saves.

Each table has a checksum: SQLite notices what breaks its pages, not a digit that is another.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from otel_tickrmeter.saved.form import Cell, Form

APPLICATION_ID = 0x544D5354
"""SQLite's mark of whose file it is: "TMST"."""

VERSION = 1
"""Of the layout and of all tables: SQLite's `user_version`. Older ones must be read, newer ones cannot."""

MOMENT = Form(
    "saved",
    {
        "program": Cell.TEXT,
        "boot": Cell.TEXT,
        "monotonic_ns": Cell.WHOLE,
        "unix_ns": Cell.WHOLE,
        "stopped": Cell.WHOLE,
        "whose": Cell.TEXT,
    },
)
"""One row: which program saved it, when, whether nothing happened after it, and which of several programs."""

CHECKSUMS = Form("checksum", {"name": Cell.TEXT, "checksum": Cell.WHOLE})
"""A row for each table but this, the last one."""


def add_to_checksum(checksum: int, row: Sequence[Any]) -> int:
    """Go on with a checksum; 0 is that of nothing."""
    for cell in row:
        # Not repr: which characters are printable is another matter in each Python.
        checksum = crc32(cell if type(cell) is bytes else ascii(cell).encode(), checksum)
    return checksum


def create_statement(form: Form) -> str:
    """The statement that makes the table."""
    columns = ", ".join(f"[{name}] {_TYPES.get(cell, cell.value)}" for name, cell in form.columns.items())
    return f"CREATE TABLE [{form.name}] ({columns})"


# To SQLite a text, and one of a type that it does not know may become a number.
_TYPES = {Cell.NESTED: Cell.TEXT.value}
