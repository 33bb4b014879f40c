"""The sample dashboard broken in one place at a time: which rule says so, and how.

A row is the rule, the path to what is changed, the value there, and the one complaint.
"""

from tests.support.sample_dashboard import sample

Path = tuple[str | int, ...]
REMOVED = object()
"""In place of a value: the key goes."""

CHOSEN = 'job=~"$job", instance=~"$instance"'
TREND, ROW, MEAN, TABLE, HEAT, WORDS = (("panels", number) for number in range(6))
FIELDS = ("fieldConfig", "defaults")
QUERY = ("targets", 0)
EXPR = (*QUERY, "expr")
JOB, INSTANCE, SYMBOL = (("templating", "list", number) for number in (1, 2, 3))
LINK = (*TABLE, "fieldConfig", "overrides", 0, "properties", 0, "value", 0, "url")
ORGANIZE = (*TABLE, "transformations", 0, "options")
FIRST = {"h": 8, "w": 24, "x": 0, "y": 0}

NEXT = (*TABLE, "transformations", 1)


def _sort(name: str) -> dict[str, object]:
    return {"id": "sortBy", "options": {"sort": [{"field": name}]}}


def _join(name: str) -> dict[str, object]:
    return {"id": "joinByField", "options": {"byField": name}}


def _only(*names: str) -> dict[str, object]:
    return {"id": "filterFieldsByName", "options": {"include": {"names": list(names)}}}


def _all_but(name: str) -> dict[str, object]:
    return {"id": "filterFieldsByName", "options": {"exclude": {"names": [name]}}}


_LOW = f"bottomk(10, min by (device_id) (tickrmeter_device_battery_level{{{CHOSEN}}}))"
_UPTIME = f"max by (device_id) (tickrmeter_device_uptime_seconds{{{CHOSEN}}})"
_SET = f"device:tickrmeter_device_battery_level:bottomk{{{CHOSEN}}}"


def _joined(*expressions: str, by: str = "merge") -> dict[str, object]:
    """The sample's table with a query for each expression, joined."""
    table = sample()["panels"][3]
    asked = [table["targets"][0] | {"expr": expr, "refId": "ABC"[at]} for at, expr in enumerate(expressions)]
    return {**table, "targets": asked, "transformations": [{"id": by, "options": {}}]}


BROKEN: tuple[tuple[str, Path, object, str], ...] = (
    (
        "never_added",
        (*TREND, *EXPR),
        f"sum(tickrmeter_symbol_response_rate{{{CHOSEN}}})",
        "panel 'trend' A: sum of tickrmeter_symbol_response_rate",
    ),
    (
        "never_added",
        (*TREND, *EXPR),
        f"1 - avg by (job) (instance:tickrmeter_stock_update_slow:ratio_rate1h{{{CHOSEN}}})",
        "panel 'trend' A: avg of instance:tickrmeter_stock_update_slow:ratio_rate1h",
    ),
    (
        "told_apart",
        (*TREND, *EXPR),
        f"tickrmeter_stock_updates_pending{{{CHOSEN}}}",
        "panel 'trend' A: a series of each exporter, and the legend does not name it",
    ),
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
    ("choices", ("templating", "list", 4), sample()["templating"]["list"][3], "two variables have one name"),
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
    (
        "targets",
        (*TREND, "targets", 1),
        sample()["panels"][0]["targets"][0],
        "panel 'trend': two queries have one refId",
    ),
    (
        "targets",
        (*TABLE, *QUERY, "range"),
        True,
        "panel 'table' A: asks for the end of the time range and for all of it",
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
        (*TABLE, "fieldConfig", "overrides", 1, "properties", 2, "value", "steps"),
        [{"value": 0}],
        "panel 'table', 'Mean': thresholds do not begin with a base: [0]",
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
    ("columns", NEXT, _sort("Men"), "panel 'table': sortBy of no column 'Men'"),
    ("columns", NEXT, _join("Time"), "panel 'table': joinByField of no column 'Time'"),
    ("columns", NEXT, _only("Mean", "Symbol", "Men"), "panel 'table': filterFieldsByName of no column 'Men'"),
    ("columns", NEXT, _only("Symbol"), "panel 'table': no column 'Mean'"),
    ("columns", NEXT, _all_but("Mean"), "panel 'table': no column 'Mean'"),
    ("columns", LINK, "/d/sample?${__data.fields.symbl}", "panel 'table': a link takes no column 'symbl'"),
    (
        "linked_labels",
        (*MEAN, *EXPR),
        f"avg(tickrmeter_symbol_avg_latency_seconds{{{CHOSEN}}})",
        "panel 'mean' A: a link takes label 'symbol', which the result lacks",
    ),
    (
        "picked_once",
        TABLE,
        _joined(_LOW, f"{_UPTIME} and on (device_id) {_LOW}"),
        "panel 'table': A and B each pick rows for themselves",
    ),
    (
        "picked_once",
        TABLE,
        _joined(f"topk(5, {_UPTIME})", "up", f"(limitk(5, {_UPTIME}))", by="joinByField"),
        "panel 'table': A and C each pick rows for themselves",
    ),
    (
        "picked_once",
        TABLE,
        _joined(f"{_SET} offset 30s", _SET),
        "panel 'table' B: device:tickrmeter_device_battery_level:bottomk may change between two queries",
    ),
    (
        "picked_once",
        TABLE,
        _joined(f"{_SET} offset 1m", f"up{{{CHOSEN}}} and on (instance) {_SET} offset 1m"),
        "panel 'table' B: up may change between two queries",
    ),
    ("links", ("links", 0, "tags"), [], "link 'TickrMeter' lists dashboards that do not belong to this one"),
    (
        "links",
        ("links", 0),
        {"title": "Other", "type": "link", "url": "/d/other"},
        "link 'Other' leads to no dashboard: 'other'",
    ),
    (
        "links",
        (*MEAN, *FIELDS, "links", 0),
        {"title": "", "url": "/d/sample"},
        "panel 'mean': a link to '/d/sample' has no title",
    ),
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


ALLOWED: tuple[tuple[str, Path, object], ...] = (
    # A figure of one series needs no name, and a query that another rule complains of is left to that.
    ("legend", (*MEAN, *QUERY, "legendFormat"), REMOVED),
    ("legends", (*TREND, *EXPR), "upp"),
    ("buckets", (*HEAT, *EXPR), "upp"),
    ("columns", (*TABLE, *EXPR), "sum("),
    ("linked_labels", (*MEAN, *EXPR), "upp"),
    ("columns", NEXT, {"id": "limit", "options": {"limitField": 5}}),
    ("columns", NEXT, _join("Symbol")),
    ("columns", NEXT, _sort("Mean")),
    ("links", ("links", 0), {"title": "Alone", "type": "link", "url": "/d/sample/name?var-symbol=IBM"}),
    # At the end of the time range the whole range is as good as any window.
    (
        "rate_interval",
        (*TABLE, *EXPR),
        f"sum by (symbol) (increase(tickrmeter_stock_update_timeout_total{{{CHOSEN}}}[$__range]))",
    ),
    # One query may pick rows, as many as like may join on a set of long enough ago; another rule parses.
    ("picked_once", TABLE, _joined(_LOW, _UPTIME, "upp(")),
    ("picked_once", TABLE, _joined(f"{_SET} offset 30s", f"up offset 1m and on (instance) {_SET} offset 1m")),
    ("picked_once", TABLE, _joined(_LOW, _LOW, by="sortBy")),
    # Only rates need a window that no scrape can be missed in.
    ("rate_interval", (*MEAN, *EXPR), f"max(max_over_time(up{{{CHOSEN}}}[1d]))"),
)
