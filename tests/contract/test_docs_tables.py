"""The tables of docs/ are what the program prints, and README leads to them in few lines."""

from pathlib import Path

import pytest

from otel_tickrmeter.blueprints.document import blueprints_markdown
from otel_tickrmeter.cli import main
from otel_tickrmeter.configuration import settings_table

ROOT = Path(__file__).parents[2]
LONGEST_README = 170
SCREEN_AND_A_HALF = 60
GENERATE = "if the change is meant: ./scripts/generate, and review the difference"


def test_metric_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    assert _table_of("metrics") == capsys.readouterr().out.strip(), GENERATE


def test_settings_table() -> None:
    assert _table_of("settings") == settings_table().strip(), GENERATE


def test_tables_of_parameters() -> None:
    assert _table_of("jobs") == blueprints_markdown().strip(), GENERATE


def test_readme_is_short() -> None:
    assert len(_readme()) <= LONGEST_README


def test_readme_soon_gets_to_the_demo_its_pictures_and_a_query() -> None:
    beginning = "\n".join(_readme()[:SCREEN_AND_A_HALF])
    for shown in ("./scripts/demo", "docs/images/prometheus-", "docs/images/dashboard-", "| `topk("):
        assert shown in beginning


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("[a-z]*.md")))
def test_readme_names_every_page(page: str) -> None:
    assert f"docs/{page}" in "\n".join(_readme())


def _readme() -> list[str]:
    return (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def _table_of(name: str) -> str:
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    assert text.count(begin) == text.count(end) == 1
    return text.partition(begin)[2].partition(end)[0].strip()
