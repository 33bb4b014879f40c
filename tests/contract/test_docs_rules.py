"""The rules that tests are named after are written down, each has its tests, and the tests say where."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = "docs/messages.md"
NAMED = re.compile(r"\btest_rule_(\d+)_")
SPOKEN_OF = re.compile(r"\b[Rr]ules? (\d+)(?:(?:, | and | to )(\d+))*")
TESTS = {
    path: path.read_text(encoding="utf-8")
    for folder in ("unit", "property", "integration")
    for path in sorted((ROOT / "tests" / folder).rglob("test_*.py"))
}


def test_every_rule_has_tests_and_every_test_a_rule() -> None:
    assert {int(number) for text in TESTS.values() for number in NAMED.findall(text)} == set(_rules())


def test_rules_are_numbered_in_order() -> None:
    assert _rules() == list(range(1, len(_rules()) + 1))


def test_who_names_a_rule_says_where_it_stands() -> None:
    silent = [
        path.name
        for path, text in TESTS.items()
        if (NAMED.search(text) and PAGE not in (ast.get_docstring(ast.parse(text)) or ""))
        or (SPOKEN_OF.search(text) and PAGE not in text)
    ]
    assert silent == []


def test_the_program_does_not_speak_of_rules_by_number_without_their_place() -> None:
    program = {path: path.read_text(encoding="utf-8") for path in (ROOT / "otel_tickrmeter").rglob("*.py")}
    assert [path.name for path, text in program.items() if SPOKEN_OF.search(text) and PAGE not in text] == []


def _rules() -> list[int]:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    section = page.partition("## What a careful exporter keeps\n")[2].partition("\n## ")[0]
    return [int(number) for number in re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE)]
