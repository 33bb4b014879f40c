"""The README's tables are what the program prints."""

from pathlib import Path

import pytest

from otel_tickrmeter.cli import main
from otel_tickrmeter.configuration import settings_table

README = Path(__file__).parents[2] / "README.md"


def test_metric_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    assert _between("metrics") == capsys.readouterr().out.strip()


def test_settings_table() -> None:
    assert _between("settings") == settings_table().strip()


def _between(name: str) -> str:
    text = README.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    assert text.count(begin) == text.count(end) == 1
    return text.partition(begin)[2].partition(end)[0].strip()
