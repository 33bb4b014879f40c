"""The queries of the runbooks: what they name exists, so that they answer whoever is called at night."""

import re
from pathlib import Path

import pytest
from promql_parser import parse

from tests.contract.alert_rules import ROOT
from tools.dashlint.project import known_metrics
from tools.dashlint.promql.labels import LabelError, Metric, labels_of

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))


@pytest.fixture(scope="module")
def series() -> dict[str, Metric]:
    return known_metrics()


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_a_query_names_what_exists(file: Path, series: dict[str, Metric]) -> None:
    assert [fault for query in queries(file) if (fault := _fault(query, series))] == []


def test_there_are_queries() -> None:
    assert sum(len(queries(file)) for file in RUNBOOKS) > 40


def test_a_name_that_does_not_exist_is_found(series: dict[str, Metric]) -> None:
    assert _fault("autocore_devices_online", series)


def queries(file: Path) -> list[str]:
    """Return every query of a page."""
    return re.findall(r"^```promql\n(.*?)^```", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _fault(query: str, series: dict[str, Metric]) -> str:
    try:
        labels_of(parse(query), series)
    except LabelError as fault:
        return f"{query}: {fault}"
    return ""
