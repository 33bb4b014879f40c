"""Sizes of files as people write them: "100 MB", "1GiB", or a number of bytes."""

import re
from decimal import Decimal

_UNITS = {"GiB": 2**30, "GB": 10**9, "MiB": 2**20, "MB": 10**6, "KiB": 2**10, "kB": 10**3, "B": 1}
_BYTES = {name.lower(): size for name, size in _UNITS.items()} | {"": 1}
_TEXT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([a-z]*)")


def parse_size(value: object) -> int:
    """Bytes that `value` stands for; at least one.

    Raises:
        ValueError: it is no size.
    """
    size = 0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _TEXT.fullmatch(value.strip().lower())):
        size = int(Decimal(match[1]) * _BYTES.get(match[2], 0))
    if not 1 <= size <= 10**15:
        raise ValueError('must be a size such as "100 MB" or "1 GiB", or a number of bytes')
    return size


def format_size(size: int) -> str:
    """The shortest text that `parse_size` reads back as exactly `size`."""
    name, unit = next((name, unit) for name, unit in _UNITS.items() if size % unit == 0)
    return f"{size // unit} {name}"
