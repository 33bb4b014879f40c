"""The full text of a small exposition, kept under review."""

import pytest

from tests.golden.regenerate import FILES, golden_path, render


@pytest.mark.parametrize("name", FILES)
def test_exposition_is_the_golden_one(name: str) -> None:
    assert render(name).splitlines() == golden_path(name).read_text(encoding="utf-8").splitlines(), (
        "if the change is meant: python -m tests.golden.regenerate, and review the difference"
    )
