"""One source's contribution: the values it gives, each with its place, and what is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_tickrmeter.settings.faults import Fault, unknown
from otel_tickrmeter.settings.key import Schema


@dataclass(frozen=True, slots=True)
class Found:
    """A value as a source has it, not yet read; it stays out of `repr` because it may be a secret.

    Being neither text, list nor table, it passes through dynaconf as it is (see `load`).
    """

    value: object = field(repr=False)
    location: str


@dataclass(frozen=True, slots=True)
class Layer:
    """The known keys a source gives, under their dotted names, its faults, and notes worth a log line."""

    found: Mapping[str, Found]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


def read_tree(
    tree: Mapping[Any, object], locate: Callable[[str], str], schema: Schema, prefix: str = ""
) -> Layer:
    """The layer of a table and the tables in it; `locate` tells the place of a dotted key.

    Keys count in any case, as dynaconf has it. A key without a value (YAML's null) is not given.
    """
    keys, tables = schema.keys, schema.tables
    found: dict[str, Found] = {}
    faults: list[Fault] = []
    for name, value in tree.items():
        key = f"{prefix}{str(name).lower()}"
        if value is None and (key in keys or key in tables):
            continue
        if key in keys:
            found[key] = Found(value, locate(key))
        elif key not in tables:
            faults.append(unknown(locate(key), key, sorted(keys.keys() | tables)))
        elif isinstance(value, Mapping):
            inner = read_tree(value, locate, schema, f"{key}.")
            found |= inner.found
            faults += inner.faults
        else:
            faults.append(Fault(locate(key), key, "must be a table of keys"))
    return Layer(found, tuple(faults))


def nest(found: Mapping[str, Found]) -> dict[str, Any]:
    """The values under dotted keys as a table of tables."""
    tree: dict[str, Any] = {}
    for key, value in found.items():
        *tables, name = key.split(".")
        table = tree
        for part in tables:
            table = table.setdefault(part, {})
        table[name] = value
    return tree


def always(location: str) -> Callable[[str], str]:
    """For `read_tree`: every key is at `location`."""
    return lambda _: location
