"""The text of a settings file, TOML or YAML, as a layer: every key with its line.

dynaconf opens the files (see `load`) but does not parse them: of its own readers the TOML one falls back to
an older dialect, with a warning, when the file is not UTF-8, neither tells a line, and the YAML one raises
whatever its vendored parser raises.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import accumulate

import yaml

from otel_tickrmeter.settings.faults import Fault
from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.layer import Layer, read_tree

TOML_SUFFIXES = (".toml",)
YAML_SUFFIXES = (".yaml", ".yml")

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*([A-Za-z0-9_."'\s-]+?)\s*=""")
_TOML_LINE = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")
# What PyYAML lets through besides its own error, for such as "!!bool x", "!!int ''", "!!timestamp x",
# "2001-99-99" and a thousand brackets.
_YAML_LEAKS = (ValueError, LookupError, AttributeError, TypeError, RecursionError, OverflowError)


def read_file_text(raw: bytes, path: str, schema: Schema) -> Layer:
    """The layer of one file's content; `path` names it in locations and tells its format.

    Whatever the content is, the outcome is values, faults or both.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Layer({}, (Fault(f"{path}:{line}", "", "is not UTF-8"),))
    read = _read_yaml if path.endswith(YAML_SUFFIXES) else _read_toml
    return read(text, path, schema)


def _read_toml(text: str, path: str, schema: Schema) -> Layer:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _TOML_LINE.search(str(error))
        line = (at and at[1]) or text.rstrip().count("\n") + 1
        reason = _TOML_LINE.sub("", str(error)).strip()
        return Layer({}, (Fault(f"{path}:{line}", "", f"is not valid TOML: {reason}"),))
    except (ValueError, RecursionError):
        # A number of thousands of digits, or brackets a thousand deep.
        return Layer({}, (Fault(path, "", "is not valid TOML: it has a value that cannot be read"),))
    return read_tree(tree, _locator(path, _toml_lines(text)), schema)


def _toml_lines(text: str) -> dict[str, int]:
    """Lines of the keys, which tomllib does not tell; a multi-line text may mislead it."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _TABLE.match(line):
            table = _bare(header[1])
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            key = _bare(assignment[1])
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines


def _bare(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.lower().split("."))


def _read_yaml(text: str, path: str, schema: Schema) -> Layer:
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Layer({})
        for key, number in _yaml_keys(node, schema.tables):
            if key in lines:
                faults.append(Fault(f"{path}:{number}", key, f"is given twice, first in line {lines[key]}"))
            lines.setdefault(key, number)
        tree = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it has a character that is not allowed"
        # What stands in the quotes is the file's own text, so may be a secret: "undefined alias 'hunter2'".
        reason = problem.partition("'")[0]
        location = f"{path}:{mark.line + 1}" if mark else path
        return Layer({}, (Fault(location, "", f"is not valid YAML: {reason.strip()}"),))
    except _YAML_LEAKS:
        return Layer({}, (Fault(path, "", "is not valid YAML: it has a value that cannot be read"),))
    if not isinstance(tree, Mapping):
        return Layer({}, (Fault(path, "", "must be a table of keys"),))
    layer = read_tree(tree, _locator(path, lines), schema)
    return Layer(layer.found, (*faults, *layer.faults))


def _yaml_keys(node: yaml.Node, tables: Collection[str], prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(name, yaml.ScalarNode):
            key = f"{prefix}{name.value.lower()}"
            yield key, name.start_mark.line + 1
            # Not deeper than our own tables: an alias inside its own anchor has no end.
            if key in tables:
                yield from _yaml_keys(value, tables, f"{key}.")


def _locator(path: str, lines: Mapping[str, int]) -> Callable[[str], str]:
    def locate(key: str) -> str:
        # A key inside an inline table has the line of the table.
        names = list(accumulate(key.split("."), "{}.{}".format))
        line = next((lines[name] for name in reversed(names) if name in lines), None)
        return path if line is None else f"{path}:{line}"

    return locate
