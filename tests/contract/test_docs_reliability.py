"""Every test that docs/reliability.md names for a fault is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| [A-Z]+\d+ ", line)]
NAMED = re.compile(r"`([a-z_/]*\.py)?::(test_\w+)`")


def named(row: str) -> list[tuple[str, str]]:
    """The tests of a row, each with its file: that of the one before it, where none is said."""
    found: list[tuple[str, str]] = []
    for path, test in NAMED.findall(row):
        found.append((path or found[-1][0], test))
    return found


@pytest.mark.parametrize("row", [pytest.param(row, id=row.split()[1]) for row in ROWS])
def test_each_fault_has_tests_that_are_there(row: str) -> None:
    tests = named(row)
    assert tests
    for path, test in tests:
        assert re.search(
            rf"^ *(?:async )?def {test}\(", (ROOT / "tests" / path).read_text(encoding="utf-8"), re.MULTILINE
        ), test


def test_every_fault_that_was_found_has_its_row() -> None:
    found = [row.split()[1] for row in ROWS]
    assert len(found) == len(set(found))
    assert {*(f"A{n}" for n in range(1, 9)), *(f"B{n}" for n in range(1, 17))} <= set(found)
