"""YAML as a tree of keys with their lines: what stands there, before anybody asks what it means.

Values are read as the toolkit reads them: any scalar may be a text, a key without a value is as if left out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import yaml

from otel_tickrmeter.settings.faults import Fault, unknown

_NULL = "tag:yaml.org,2002:null"
_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
# What PyYAML lets through besides its own error.
_YAML_LEAKS = (ValueError, LookupError, AttributeError, TypeError, RecursionError, OverflowError)


@dataclass(slots=True)
class Collected:
    """Faults of one file, with their places; `path` is how the file is named in them."""

    path: str
    faults: list[Fault] = field(default_factory=list)

    def add(self, line: int, key: str, message: str) -> None:
        """Note a fault; line 0 stands for the whole file."""
        self.faults.append(Fault(f"{self.path}:{line}" if line else self.path, key, message))


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value, which is not null."""

    key: str
    line: int
    node: yaml.Node

    def text(self, collected: Collected) -> str | None:
        """The value as a text; None, and a fault, when it is a list or a table."""
        if isinstance(self.node, yaml.ScalarNode):
            return str(self.node.value)
        collected.add(self.line, self.key, "must be a text")
        return None

    def flag(self, collected: Collected) -> bool | None:
        """The value as true or false; None, and a fault, when it is neither."""
        if isinstance(self.node, yaml.ScalarNode) and self.node.style is None:
            word = self.node.value.lower()
            if word in _TRUE or word in _FALSE:
                return word in _TRUE
        collected.add(self.line, self.key, "must be true or false")
        return None

    def whole(self, collected: Collected) -> int | None:
        """The value as a whole number; None, and a fault, when it is none."""
        node = self.node
        if isinstance(node, yaml.ScalarNode) and node.style is None and _INTEGER.fullmatch(node.value):
            return int(node.value)
        collected.add(self.line, self.key, "must be a whole number")
        return None

    def items(self, collected: Collected) -> tuple["Entry", ...]:
        """The entries of a list, all with its key; a fault when it is none."""
        if not isinstance(self.node, yaml.SequenceNode):
            collected.add(self.line, self.key, "must be a list")
            return ()
        return tuple(Entry(self.key, node.start_mark.line + 1, node) for node in self.node.value)


def read_root(raw: bytes, collected: Collected) -> Entry | None:
    """The whole of a file; None when it is empty, or at fault."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        collected.add(raw.count(b"\n", 0, error.start) + 1, "", "is not UTF-8")
        return None
    try:
        node = yaml.SafeLoader(text).get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it has a character that is not allowed"
        # What stands in the quotes is the file's own text, so may be a secret.
        reason = str(problem).partition("'")[0].strip()
        collected.add(mark.line + 1 if mark else 0, "", f"is not valid YAML: {reason}")
        return None
    except _YAML_LEAKS:
        collected.add(0, "", "is not valid YAML: it has a value that cannot be read")
        return None
    return None if node is None or node.tag == _NULL else Entry("", 1, node)


def table_of(
    entry: Entry | None,
    collected: Collected,
    known: Iterable[str] | None = None,
    *,
    named_by_hand: bool = False,
) -> Mapping[str, Entry]:
    """The keys of a table that have a value; none, and a fault, when it is no table.

    Args:
        entry: The table; None: it was not given.
        collected: Gets what is at fault: keys that are not `known`, or are given twice.
        known: Every key there may be; None: any.
        named_by_hand: A key without a value is one with an empty text, and not left out: a user without a
            hash must not be as if there were no user.
    """
    if entry is None:
        return {}
    if not isinstance(entry.node, yaml.MappingNode):
        collected.add(entry.line, entry.key, "must be a table of keys")
        return {}
    found: dict[str, Entry] = {}
    seen: dict[str, int] = {}
    for name, value in entry.node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode):
            collected.add(line, entry.key, "has a key that is no text")
            continue
        key = f"{entry.key}.{name.value}" if entry.key else name.value
        if known is not None and name.value not in known:
            collected.faults.append(_unknown(f"{collected.path}:{line}", entry.key, name.value, known))
        elif name.value in seen:
            collected.add(line, key, f"is given twice, first in line {seen[name.value]}")
        elif value.tag != _NULL:
            found[name.value] = Entry(key, line, value)
        elif named_by_hand:
            found[name.value] = Entry(key, line, yaml.ScalarNode(_NULL, ""))
        seen.setdefault(name.value, line)
    return found


def _unknown(location: str, table: str, name: str, known: Iterable[str]) -> Fault:
    fault = unknown(location, name, known)
    return Fault(location, f"{table}.{fault.key}" if table else fault.key, fault.message)
