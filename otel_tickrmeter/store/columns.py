"""Types of columns that mean the same in SQLite and PostgreSQL.

Left to themselves the two differ: SQLite keeps a NUL in a text that PostgreSQL refuses, makes NULL of a NaN
that PostgreSQL keeps, and knows no time zones. What one of them would not take, neither gets.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Double, Integer, Text, TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A time with a zone going in, one in UTC coming out; to the microsecond.

    Raises:
        ValueError: a time without a zone is given.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What the driver is given."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time needs a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """What makes what the program is given of what the driver gives: a text in SQLite.

        Not `process_result_value`: with that a day of a device's readings took twice as long.
        """
        del coltype
        if dialect.name == "sqlite":
            return lambda text: None if text is None else datetime.fromisoformat(f"{text}+00:00")
        # Mostly it is UTC already: a server's time zone usually is.
        return lambda value: value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


class PlainText(TypeDecorator[str]):
    """Text without NUL, which PostgreSQL cannot keep.

    Raises:
        ValueError: there is a NUL in it.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  its interface
        """What the driver is given."""
        if value is not None and "\0" in value:
            raise ValueError("a NUL in a text")
        return value


class Finite(TypeDecorator[float]):
    """A double that is a number.

    Raises:
        ValueError: it is NaN or infinite.
        OverflowError: an integer is beyond all doubles.
    """

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        """What the driver is given."""
        if value is None:
            return None
        value = float(value)
        if not math.isfinite(value):
            raise ValueError("not a finite number")
        return value


def big_integer() -> Any:  # noqa: ANN401  two types in one
    """The type of a key: in SQLite only INTEGER, of 64 bits there too, gets its numbers by itself."""
    return BigInteger().with_variant(Integer, "sqlite")


def json_text() -> JSON:
    """The type of an object kept as its text.

    Not PostgreSQL's JSONB, which refuses a NUL in a string: what devices said is kept.
    """
    return JSON(none_as_null=True)
