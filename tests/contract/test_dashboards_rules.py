"""Each rule finds what it is there for: the sample dashboard, broken in one place at a time."""

from typing import Any

import pytest

from tests.contract.grafana_known import RULES, known
from tests.contract.grafana_rules import Known
from tests.contract.grafana_sample import sample
from tests.contract.grafana_schema import install, units

Path = tuple[str | int, ...]
REMOVED = object()

CHOSEN = 'job=~"$job", instance=~"$instance"'
TREND, ROW, MEAN, TABLE, HEAT, WORDS = (("panels", number) for number in range(6))
FIELDS = ("fieldConfig", "defaults")
QUERY = ("targets", 0)
EXPR = (*QUERY, "expr")
JOB, INSTANCE, SYMBOL = (("templating", "list", number) for number in (1, 2, 3))
LINK = (*TABLE, "fieldConfig", "overrides", 0, "properties", 0, "value", 0, "url")
ORGANIZE = (*TABLE, "transformations", 0, "options")
FIRST = {"h": 8, "w": 24, "x": 0, "y": 0}

BROKEN: tuple[tuple[str, Path, object, str], ...] = (
    ("head", ("uid",), "", "no uid"),
    ("head", ("uid",), "x" * 41, "uid is longer than 40 characters"),
    ("head", ("description",), REMOVED, "no description"),
    ("head", ("tags",), [], "no tags"),
    ("head", ("timezone",), "", "no timezone"),
    ("head", ("editable",), REMOVED, "it is editable"),
    ("head", ("schemaVersion",), 39, "schemaVersion is 39"),
    ("head", ("id",), 7, "it has the id of one Grafana's database"),
    ("head", ("__inputs",), [], "it has __inputs"),
    (
        "data_source",
        ("templating", "list", 0, "name"),
        "ds",
        "the one variable of a Prometheus data source must be named datasource",
    ),
    ("data_source", (*JOB, "datasource"), REMOVED, "variable 'job': data source is None"),
    ("data_source", (*TREND, "datasource"), "Main", "panel 'trend': data source is Main"),
    (
        "data_source",
        (*TREND, *QUERY, "datasource"),
        {"uid": "main"},
        "panel 'trend' A: data source is {'uid': 'main'}",
    ),
    ("data_source", ("annotations", "list", 0, "datasource"), "x", "annotation 'Alerts': data source is x"),
    (
        "choices",
        (*JOB, "multi"),
        False,
        "variable 'job' must be a query for several values, or all as .+",
    ),
    ("choices", (*JOB, "refresh"), 1, "variable 'job' does not follow the time range"),
    ("choices", (*JOB, "label"), "Scrape", "variable 'job' must have the label 'Job'"),
    ("choices", (*SYMBOL, "label"), REMOVED, "variable 'symbol' has no label"),
    ("choices", (*SYMBOL, "allValue"), ".*", "variable 'symbol': all is '.*', not '.+'"),
    ("variables_used", (*TREND, "title"), "of $device", "no variable $device"),
    ("variables_used", (*TREND, "title"), "of ${device:csv}", "no variable $device"),
    (
        "variables_used",
        ("templating", "list", 4),
        {"name": "spare", "label": "Spare", "type": "custom"},
        "variable 'spare' serves no query",
    ),
    (
        "variable_lists",
        (*JOB, "query"),
        "label_values(tickrmeter_build_info, jobb)",
        "variable 'job': no label 'jobb' of tickrmeter_build_info",
    ),
    ("layout", (*TREND, "id"), 2, "panel id 2 is there 2 times"),
    ("layout", (*TREND, "id"), REMOVED, "panel id None is there 1 times"),
    ("layout", (*MEAN, "gridPos", "w"), 13, "panels 'mean' and 'table' overlap"),
    ("layout", (*ROW, "gridPos", "y"), 7, "panels 'trend' and 'More' overlap"),
    ("layout", (*TREND, "gridPos", "x"), 1, f"panel 'trend' has no proper place: {FIRST | {'x': 1}}"),
    ("texts", (*TREND, "title"), " ", "panel 1 has no title"),
    (
        "texts",
        ("panels", 6),
        {**sample()["panels"][2], "id": 7},
        "two panels of one type have the title 'mean'",
    ),
    ("texts", (*WORDS, "description"), "Words.", "panel 'words' has no description worth the name"),
    ("targets", (*TREND, "targets"), [], "panel 'trend' of type 'timeseries' has 0 queries"),
    (
        "targets",
        (*TABLE, *QUERY, "instant"),
        False,
        "panel 'table' A: a table shows the end of the time range, in the form of a table",
    ),
    ("targets", (*TREND, *QUERY, "instant"), True, "panel 'trend' A: timeseries of one moment"),
    (
        "targets",
        (*TREND, "type"),
        "piechart",
        "panel 'trend' A: piechart asks for the whole time range to show its end",
    ),
    ("unit", (*TREND, *FIELDS, "unit"), REMOVED, "panel 'trend' has no unit"),
    ("unit", (*TREND, *FIELDS, "unit"), "messages", "panel 'trend': no unit 'messages'"),
    ("unit", (*HEAT, "options", "yAxis", "unit"), "seconds", "panel 'heat': no unit 'seconds'"),
    (
        "unit",
        (*TABLE, "fieldConfig", "overrides", 1, "properties", 0, "value"),
        "sec",
        "panel 'table': no unit 'sec'",
    ),
    (
        "thresholds",
        (*MEAN, *FIELDS, "thresholds"),
        REMOVED,
        "panel 'mean' is coloured by thresholds and has none",
    ),
    (
        "thresholds",
        (*TABLE, "fieldConfig", "overrides", 1, "properties", 2),
        REMOVED,
        "panel 'table', 'Mean' is coloured by thresholds and has none",
    ),
    (
        "thresholds",
        (*MEAN, *FIELDS, "thresholds", "steps"),
        [{"value": 0}],
        "panel 'mean': thresholds do not begin with a base: [0]",
    ),
    (
        "thresholds",
        (*MEAN, *FIELDS, "thresholds", "steps"),
        [{"value": None}, {"value": 2}, {"value": 1}],
        "panel 'mean': thresholds do not rise: [None, 2, 1]",
    ),
    ("legend", (*TREND, *QUERY, "legendFormat"), REMOVED, "panel 'trend' A: its series have no name"),
    (
        "legend",
        (*TREND, "options", "legend", "showLegend"),
        False,
        "panel 'trend': several series and no legend",
    ),
    ("promql", (*TREND, *EXPR), "sum(", "panel 'trend' A: unclosed left parenthesis: sum("),
    (
        "names",
        (*TREND, *EXPR),
        f"sum by (message_type) (rate(tickrmeter_message_total{{{CHOSEN}}}[$__rate_interval]))",
        "panel 'trend' A: no such metric: tickrmeter_message_total",
    ),
    (
        "names",
        (*MEAN, *EXPR),
        f'avg(up{{{CHOSEN}, symbols=~"$symbol"}})',
        "panel 'mean' A: up has no label symbols",
    ),
    (
        "chosen",
        (*MEAN, *EXPR),
        'avg(up{job=~"$job"})',
        "panel 'mean' A: up without instance=~\"$instance\"",
    ),
    (
        "chosen",
        (*MEAN, *EXPR),
        f'avg(up{{{CHOSEN}}}) / count(up{{instance=~"$instance", job="$job"}})',
        "panel 'mean' A: up without job=~\"$job\"",
    ),
    (
        "chosen",
        (*INSTANCE, "query"),
        "label_values(tickrmeter_build_info, instance)",
        "variable 'instance': tickrmeter_build_info without job=~\"$job\"",
    ),
    (
        "several",
        (*MEAN, *EXPR),
        f'avg(tickrmeter_symbol_response_rate{{{CHOSEN}, symbol="$symbol"}})',
        "panel 'mean' A: symbol is compared with several values as with one",
    ),
    (
        "rate_interval",
        (*TREND, *EXPR),
        f"sum by (message_type) (rate(tickrmeter_messages_total{{{CHOSEN}}}[5m]))",
        "panel 'trend' A: rate of tickrmeter_messages_total over 0:05:00, not $__rate_interval",
    ),
    (
        "rate_interval",
        (*TREND, *EXPR),
        f"sum by (message_type) (increase(tickrmeter_messages_total{{{CHOSEN}}}[$__range]))",
        "panel 'trend' A: increase of tickrmeter_messages_total over 23:00:01, not $__rate_interval",
    ),
    (
        "counters",
        (*TREND, *EXPR),
        f"sum by (message_type) (tickrmeter_messages_total{{{CHOSEN}}})",
        "panel 'trend' A: counter tickrmeter_messages_total without rate or increase",
    ),
    (
        "counters",
        (*TREND, *EXPR),
        f"rate(tickrmeter_messages_total{{{CHOSEN}}}[$__rate_interval])",
        "panel 'trend' A: counter tickrmeter_messages_total is not aggregated",
    ),
    (
        "counters",
        (*HEAT, *EXPR),
        f"sum by (le) (tickrmeter_stock_update_latency_seconds_bucket{{{CHOSEN}}})",
        "panel 'heat' A: counter tickrmeter_stock_update_latency_seconds_bucket without rate or increase",
    ),
    (
        "variable_cost",
        (*SYMBOL, "query"),
        f"label_values(tickrmeter_stock_update_requests_total{{{CHOSEN}}}, symbol)",
        "variable 'symbol': it reads every device's series for 'symbol'",
    ),
    (
        "legends",
        (*TREND, *QUERY, "legendFormat"),
        "{{symbol}}",
        "panel 'trend' A: the legend names 'symbol', which the result lacks",
    ),
    (
        "legends",
        ("annotations", "list", 0, "textFormat"),
        "{{alert}}",
        "annotation 'Alerts': the legend names 'alert', which the result lacks",
    ),
    ("buckets", (*TREND, *QUERY, "format"), "heatmap", "panel 'trend' A: buckets without le"),
    (
        "columns",
        (*ORGANIZE, "excludeByName"),
        {"Time": True, "Times": True},
        "panel 'table': organize of no column 'Times'",
    ),
    ("columns", (*ORGANIZE, "excludeByName"), {}, "panel 'table': column 'Time' is not named for readers"),
    (
        "columns",
        (*TABLE, "fieldConfig", "overrides", 0, "matcher", "options"),
        "symbol",
        "panel 'table': no column 'symbol'",
    ),
    ("columns", (*TABLE, "options", "sortBy", 0, "displayName"), "Men", "panel 'table': no column 'Men'"),
    ("columns", LINK, "/d/sample?${__data.fields.symbl}", "panel 'table': a link takes no column 'symbl'"),
    (
        "linked_labels",
        (*MEAN, *EXPR),
        f"avg(tickrmeter_symbol_avg_latency_seconds{{{CHOSEN}}})",
        "panel 'mean' A: a link takes label 'symbol', which the result lacks",
    ),
    ("links", ("links", 0, "tags"), [], "link 'TickrMeter' lists dashboards that do not belong to this one"),
    ("links", LINK, "/d/other", "panel 'table': link 'Look at it alone' leads to no dashboard: 'other'"),
    (
        "links",
        LINK,
        "/d/sample?var-symbol=${__value.raw}",
        "panel 'table': link 'Look at it alone' brings ${__value.raw} without :percentencode",
    ),
    (
        "links",
        LINK,
        "https://grafana.example/d/sample",
        "panel 'table': link 'Look at it alone' leads elsewhere: 'https://grafana.example/d/sample'",
    ),
    (
        "links",
        LINK,
        "/d/sample?var-device=1",
        "panel 'table': link 'Look at it alone' brings variable 'device', which 'sample' lacks",
    ),
    (
        "links",
        LINK,
        "/d/sample?${device:queryparam}",
        "panel 'table': link 'Look at it alone' brings variable 'device', which 'sample' lacks",
    ),
)


@pytest.fixture(scope="module")
def everything() -> Known:
    return known([sample()], units(install()))


def test_the_sample_keeps_every_rule(everything: Known) -> None:
    assert [text for rule in RULES for text in rule(sample(), everything)] == []


@pytest.mark.parametrize(("name", "path", "value", "complaint"), BROKEN)
def test_a_broken_dashboard_is_found(
    name: str, path: Path, value: object, complaint: str, everything: Known
) -> None:
    (rule,) = (rule for rule in RULES if rule.__name__ == name)
    assert list(rule(_changed(path, value), everything)) == [complaint]


def test_every_rule_was_broken() -> None:
    assert {name for name, *_ in BROKEN} == {rule.__name__ for rule in RULES}


def test_a_panel_of_a_collapsed_row_is_looked_at(everything: Known) -> None:
    dashboard = sample()
    inner = dashboard["panels"].pop()
    dashboard["panels"][ROW[1]]["panels"] = [{**inner, "title": ""}]
    found = [text for rule in RULES for text in rule(dashboard, everything)]
    assert found == ["panel 6 has no title"]


@pytest.mark.parametrize(
    "query",
    ["metrics(tickrmeter_.*)", "label_values(symbol)", "query_result(up)"],
)
def test_a_variable_asks_for_the_values_of_a_label(query: str, everything: Known) -> None:
    (rule,) = (rule for rule in RULES if rule.__name__ == "promql")
    with pytest.raises(ValueError, match="variable 'job': not label_values"):
        list(rule(_changed((*JOB, "query"), query), everything))


def _changed(path: Path, value: object) -> dict[str, Any]:
    dashboard = sample()
    holder: Any = dashboard
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    if value is REMOVED:
        del holder[last]
    elif isinstance(holder, list) and last == len(holder):
        holder.append(value)
    else:
        holder[last] = value
    return dashboard
