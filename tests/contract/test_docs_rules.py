"""The rules that tests are named after are written down, each has its tests, and the tests say where.

Each fleet has a page of its own; its tests and modules are told by their names.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    "tickrmeter": ("docs/messages.md", "## What a careful exporter keeps\n"),
    "autocore": ("docs/autocore.md", "## What a careful monitor keeps\n"),
}
NAMED = re.compile(r"\btest_rule_(\d+)_")
SPOKEN_OF = re.compile(r"\b[Rr]ules? (\d+)(?:(?:, | and | to )(\d+))*")
TESTS = {
    path: path.read_text(encoding="utf-8")
    for folder in ("unit", "property", "integration")
    for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))
}
PROGRAM = {path: path.read_text(encoding="utf-8") for path in (ROOT / "otel_tickrmeter").rglob("*.py")}
FLEETS = pytest.mark.parametrize("fleet", PAGES)


def of(fleet: str, texts: Mapping[Path, str]) -> dict[Path, str]:
    """Return those of a fleet; what names no fleet is of the first."""
    return {
        path: text
        for path, text in texts.items()
        if ("autocore" in str(path.relative_to(ROOT))) == (fleet == "autocore")
    }


@FLEETS
def test_every_rule_has_tests_and_every_test_a_rule(fleet: str) -> None:
    named = {int(number) for text in of(fleet, TESTS).values() for number in NAMED.findall(text)}
    assert named == {*_rules(fleet)}


@FLEETS
def test_rules_are_numbered_in_order(fleet: str) -> None:
    assert _rules(fleet) == list(range(1, len(_rules(fleet)) + 1))


@FLEETS
def test_who_names_a_rule_says_where_it_stands(fleet: str) -> None:
    page, _ = PAGES[fleet]
    silent = [
        path.name
        for path, text in of(fleet, TESTS).items()
        if (NAMED.search(text) and page not in (ast.get_docstring(ast.parse(text)) or ""))
        or (SPOKEN_OF.search(text) and page not in text)
    ]
    assert silent == []


@FLEETS
def test_the_program_does_not_speak_of_rules_by_number_without_their_place(fleet: str) -> None:
    page, _ = PAGES[fleet]
    assert [
        path.name for path, text in of(fleet, PROGRAM).items() if SPOKEN_OF.search(text) and page not in text
    ] == []


def _rules(fleet: str) -> list[int]:
    page, heading = PAGES[fleet]
    section = (ROOT / page).read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    return [int(number) for number in re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE)]
