"""Whatever the chaos harness does is in docs/reliability.md, with what comes of it."""

from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS, NETWORK, RESTARTS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@pytest.mark.parametrize("name", [fault.name for fault in (*FAULTS, *NETWORK, *RESTARTS)])
def test_each_fault_has_one_row(name: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if f'chaos, "{name}"' in line]
    assert len(rows) == 1
