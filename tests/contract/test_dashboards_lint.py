"""Every dashboard keeps every rule (`tools.dashlint.rules` lists them), and is what Grafana reads."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from grafana.committed import Json, dashboards, panels
from tools.dashlint.project import known
from tools.dashlint.rule import Known, Rule
from tools.dashlint.rules import RULES
from tools.dashlint.schema import GrafanaSchema, install, units

# (uid, complaint): why it is right all the same.
EXCLUSIONS: Mapping[tuple[str, str], str] = MappingProxyType({})


@pytest.fixture(scope="module")
def everything() -> Known:
    return known(dashboards().values(), units(install()))


def test_there_are_dashboards() -> None:
    assert dashboards()


def test_each_has_a_uid_of_its_own_and_its_file_is_named_after_it() -> None:
    assert [dashboard["uid"] for dashboard in dashboards().values()] == list(dashboards())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("dashboard", dashboards().values(), ids=dashboards())
def test_dashboard_keeps_the_rule(dashboard: Json, rule: Rule, everything: Known) -> None:
    complaints = rule(dashboard, everything)
    assert [text for text in complaints if (dashboard["uid"], text) not in EXCLUSIONS] == []


def test_every_exclusion_is_needed(everything: Known) -> None:
    complaints = {
        (dashboard["uid"], text)
        for dashboard in dashboards().values()
        for rule in RULES
        for text in rule(dashboard, everything)
    }
    assert set(EXCLUSIONS) <= complaints
    assert all(EXCLUSIONS.values())


@pytest.fixture(scope="module")
def schema() -> GrafanaSchema:
    return GrafanaSchema(install())


@pytest.mark.parametrize("dashboard", dashboards().values(), ids=dashboards())
def test_dashboard_is_what_grafana_reads(dashboard: Json, schema: GrafanaSchema) -> None:
    assert list(schema.faults(dashboard)) == []


def test_bars_of_shares_are_drawn_of_the_whole_and_jobs_have_some() -> None:
    ends = {
        panel["title"]: panel["fieldConfig"]["defaults"].get("max")
        for dashboard in dashboards().values()
        for panel in panels(dashboard)
        if panel["type"] == "bargauge" and panel["fieldConfig"]["defaults"]["unit"] == "percentunit"
    }
    assert "How far jobs are" in ends
    assert set(ends.values()) == {1}, ends
