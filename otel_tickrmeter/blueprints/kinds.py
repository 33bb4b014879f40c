"""Kinds of parameters besides those of settings."""

from otel_tickrmeter.jobs.blueprint import FILE
from otel_tickrmeter.settings.kinds import ValueKind, number

_MOST_FILES = 1000


def _read_files(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MOST_FILES:
        raise ValueError(f"must be a list of 1 to {_MOST_FILES} files")
    return tuple(FILE.read(each) for each in value)


FILES = ValueKind(_read_files)
"""Names of files for `Work.file`."""


def json_number(least: float, most: float) -> ValueKind:
    """A kind: numbers in a range, whole or not; no text, which settings take for the environment's sake."""
    kind = number(least, most)
    return ValueKind(lambda value: kind.read(None if isinstance(value, str) else value))


SHARE = json_number(0, 1)
