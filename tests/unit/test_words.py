"""The words of the code: functions are told what to do, or said to be what they give; a name is one thing."""

import ast
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.unit.test_architecture import FLEETS, PACKAGE, SOURCES, inside

# Nouns and pronouns that end like a verb in the third person.
NOUNS = {
    "bytes",
    "ids",
    "readings",
    "its",
    "lines",
    "messages",
    "seconds",
    "durations",
    "timeouts",
    "boots",
    "this",
}
# The same thing, named on both sides of a wall that neither looks over; and what Alembic asks of every step.
ON_BOTH_SIDES = {"Format", "revision", "down_revision"}
# Another fleet has parts of the same names; its simulator is apart from it.
HOUSES = [*(f"fleets.{fleet}.simulate." for fleet in FLEETS), *(f"fleets.{fleet}." for fleet in FLEETS)]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def first_word(doc: str) -> str:
    return doc.split(maxsplit=1)[0].rstrip(",;:.").lower()


@pytest.mark.parametrize("module", SOURCES)
def test_functions_are_described_in_one_mood(module: str) -> None:
    for function in functions(SOURCES[module]):
        word = first_word(ast.get_docstring(function) or "-")
        # "Reads the file", "Return the rows": what is read, and what is given, can be said at once.
        assert word != "return", function.name
        assert not word.isalpha() or not word.endswith("s") or word in NOUNS, f"{function.name}: {word}"


def public_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if not name.isupper():  # a type: constants are upper case
                yield name


def house_of(module: str) -> str:
    return next((house for house in HOUSES if inside(module, f"{PACKAGE}.{house}")), "")


def test_a_public_name_is_one_thing() -> None:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module, tree in SOURCES.items():
        for name in public_names(tree):
            if not name.startswith("_") and name not in ON_BOTH_SIDES and not name.endswith("T"):
                found[house_of(module), name].append(module)
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}
