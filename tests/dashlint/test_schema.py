"""A dashboard that is not what Grafana's own types say is found, its panels' options included."""

from typing import Any

import pytest

from tests.support.sample_dashboard import sample
from tools.dashlint.schema import GrafanaSchema, install, units


@pytest.fixture(scope="module")
def schema() -> GrafanaSchema:
    return GrafanaSchema(install())


def test_a_proper_dashboard_has_no_faults(schema: GrafanaSchema) -> None:
    assert list(schema.faults(sample())) == []


UNKNOWN = "Additional properties are not allowed ('%s' was unexpected)"


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("timezon",), "utc", f"dashboard: {UNKNOWN % 'timezon'}"),
        (("schemaVersion",), "42", "dashboard.schemaVersion: '42' is not of type 'number'"),
        (("links", 0, "kind"), "x", f"dashboard.links[0]: {UNKNOWN % 'kind'}"),
        (("annotations", "lists"), [], "annotations: unknown key 'lists'"),
        (("annotations", "list", 0, "color"), "x", f"annotation 'Alerts': {UNKNOWN % 'color'}"),
        (("templating", "list", 1, "refresh"), 9, "variable 'job'.refresh: 9 is not one of [0, 1, 2]"),
        (("templating", "list", 1, "all"), "x", f"variable 'job': {UNKNOWN % 'all'}"),
        (("panels", 1, "colapsed"), True, f"row 'More': {UNKNOWN % 'colapsed'}"),
        (("panels", 0, "descripton"), "x", f"panel 'trend': {UNKNOWN % 'descripton'}"),
        (("panels", 0, "type"), "graph", "panel 'trend': type 'graph' is not in grafana_types/types.ts"),
        (("panels", 0, "options", "legnd"), {}, f"panel 'trend': options: {UNKNOWN % 'legnd'}"),
        (
            ("panels", 0, "options", "tooltip", "mode"),
            "all",
            "panel 'trend': options.tooltip.mode: 'all' is not one of ['multi', 'none', 'single']",
        ),
        (
            ("panels", 0, "fieldConfig", "defaults", "custom", "fillOpacty"),
            10,
            f"panel 'trend': custom: {UNKNOWN % 'fillOpacty'}",
        ),
        (
            ("panels", 0, "fieldConfig", "defaults", "links"),
            [{"title": "x", "adress": "/", "url": "/"}],
            f"panel 'trend': link: {UNKNOWN % 'adress'}",
        ),
        (("panels", 0, "targets", 0, "query"), "x", f"panel 'trend': target 'A': {UNKNOWN % 'query'}"),
        (
            ("panels", 2, "fieldConfig", "defaults", "custom"),
            {"x": 1},
            f"panel 'mean': custom: {UNKNOWN % 'x'}",
        ),
        (("panels", 5, "options", "contents"), "x", f"panel 'words': options: {UNKNOWN % 'contents'}"),
        (
            ("panels", 3, "fieldConfig", "overrides", 0, "properties", 1, "id"),
            "custom.widht",
            "panel 'table': override of 'Symbol': unknown property 'custom.widht'",
        ),
        (
            ("panels", 3, "fieldConfig", "overrides", 0, "properties", 1, "value"),
            "wide",
            "panel 'table': override of 'Symbol': custom.width: 'wide' is not of type 'number'",
        ),
        (
            ("panels", 3, "fieldConfig", "overrides", 0, "properties", 0, "value"),
            [{"title": "x", "link": "/", "url": "/"}],
            f"panel 'table': override of 'Symbol': links[0]: {UNKNOWN % 'link'}",
        ),
        (
            ("panels", 3, "transformations", 0, "options", "hide"),
            {},
            f"panel 'table': transformation organize: {UNKNOWN % 'hide'}",
        ),
        (
            ("panels", 3, "transformations", 0, "id"),
            "organise",
            "panel 'table': transformation 'organise' is not in grafana_types/types.ts",
        ),
    ],
)
def test_a_fault_is_found(
    path: tuple[str | int, ...], value: object, fault: str, schema: GrafanaSchema
) -> None:
    assert list(schema.faults(_with(path, value))) == [fault]


def test_calculations_and_matchers_are_known_ones(schema: GrafanaSchema) -> None:
    (fault,) = schema.faults(_with(("panels", 2, "options", "reduceOptions", "calcs"), ["latest"]))
    assert fault.startswith("panel 'mean': calcs: 'latest' is not one of ['sum',")
    (fault,) = schema.faults(_with(("panels", 3, "fieldConfig", "overrides", 0, "matcher", "id"), "name"))
    assert fault.startswith("panel 'table': override of 'Symbol': matcher: 'name' is not one of [")


@pytest.mark.parametrize(
    "kind",
    [
        "barchart",
        "bargauge",
        "gauge",
        "heatmap",
        "histogram",
        "piechart",
        "stat",
        "state-timeline",
        "status-history",
        "table",
        "text",
        "timeseries",
    ],
)
def test_every_kind_of_panel_is_closed(kind: str, schema: GrafanaSchema) -> None:
    panel = {
        "fieldConfig": {"defaults": {"custom": {"nonsense": 1}}, "overrides": []},
        "options": {"nonsense": 1},
        "title": "x",
        "type": kind,
    }
    assert list(schema.faults({**sample(), "panels": [panel]})) == [
        f"panel 'x': options: {UNKNOWN % 'nonsense'}",
        f"panel 'x': custom: {UNKNOWN % 'nonsense'}",
    ]


def test_units_are_grafanas() -> None:
    found = units(install())
    assert {"none", "short", "s", "percentunit", "reqps", "bytes", "dateTimeFromNow"} <= found
    assert not {"seconds", "percentage", ""} & found
    assert len(found) > 250


def _with(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    dashboard = sample()
    holder: Any = dashboard
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return dashboard
