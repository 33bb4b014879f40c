"""What a key of the settings is, and all keys that may be given, together."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from otel_tickrmeter.settings.kinds import ValueKind


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    `example` is TOML shown where there is no default to show; `default` tells what none means. `variable` is
    an environment variable without our prefix that gives it too. With `reload` a change takes effect while
    the program runs, as soon as the settings are read again; else after a restart.
    """

    name: str
    kind: ValueKind
    meaning: str
    example: str = ""
    default: str = ""
    secret: bool = False
    variable: str = ""
    reload: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`holds` takes the values of `keys`; the fault is put on the first of them that was given."""

    keys: tuple[str, ...]
    holds: Callable[..., bool]
    message: str


@dataclass(frozen=True, slots=True)
class Schema:
    """Every key under its dotted name, in the order of the settings file, and what must hold between them.

    `tables` has the dotted names of all tables.
    """

    keys: Mapping[str, Key]
    tables: frozenset[str]
    rules: tuple[Rule, ...]


def make_schema(keys: Iterable[Key], rules: Iterable[Rule]) -> Schema:
    """Put keys together, table by table, in the order in which tables and keys are first met."""
    by_table: dict[str, list[Key]] = {}
    for key in keys:
        by_table.setdefault(key.name.rpartition(".")[0], []).append(key)
    by_name = MappingProxyType({key.name: key for table in by_table.values() for key in table})
    tables = {name.rsplit(".", depth)[0] for name in by_name for depth in range(1, name.count(".") + 1)}
    return Schema(by_name, frozenset(tables), tuple(rules))
