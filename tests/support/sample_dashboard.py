"""A small dashboard that keeps all rules; tests break it in one place at a time."""

import json
from collections.abc import Mapping
from typing import Any

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_CHOSEN = 'job=~"$job", instance=~"$instance"'
_MESSAGES = f"tickrmeter_messages_total{{{_CHOSEN}}}"
_LATENCY = f"tickrmeter_stock_update_latency_seconds_bucket{{{_CHOSEN}}}"
_MEAN = f'tickrmeter_symbol_avg_latency_seconds{{{_CHOSEN}, symbol=~"$symbol"}}'
_STEPS = {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 10}]}


def sample() -> dict[str, Any]:
    """Return a new copy; its panels are `trend`, a row, `mean`, `table`, `heat` and `words`."""
    # By way of text: parts that stand there twice must not change together.
    copy: dict[str, Any] = json.loads(json.dumps(_parts()))
    return copy


def _parts() -> dict[str, Any]:
    return {
        "annotations": {
            "list": [
                {
                    "datasource": _DATASOURCE,
                    "enable": True,
                    "expr": f'ALERTS{{{_CHOSEN}, alertstate="firing"}}',
                    "iconColor": "red",
                    "name": "Alerts",
                    "textFormat": "{{alertname}}",
                }
            ]
        },
        "description": "How a dashboard should be.",
        "editable": False,
        "links": [_dashboards_link()],
        "panels": [_trend(), _row(), _mean(), _table(), _heat(), _words()],
        "refresh": "1m",
        "schemaVersion": 42,
        "tags": ["tickrmeter"],
        "templating": {"list": _variables()},
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "title": "Sample",
        "uid": "sample",
    }


def _trend() -> dict[str, Any]:
    return _panel(
        1,
        "trend",
        "timeseries",
        at={"h": 8, "w": 24, "x": 0, "y": 0},
        target={
            "expr": f"sum by (message_type) (rate({_MESSAGES}[$__rate_interval]))",
            "legendFormat": "{{message_type}}",
        },
        options={
            "legend": {
                "calcs": ["lastNotNull"],
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        unit="mps",
        custom={"drawStyle": "line", "fillOpacity": 10},
    )


def _row() -> dict[str, Any]:
    at = {"h": 1, "w": 24, "x": 0, "y": 8}
    return {"collapsed": False, "gridPos": at, "id": 2, "panels": [], "title": "More", "type": "row"}


def _mean() -> dict[str, Any]:
    return _panel(
        3,
        "mean",
        "stat",
        at={"h": 8, "w": 12, "x": 0, "y": 9},
        target={"expr": f"topk(1, {_MEAN})", "legendFormat": "{{symbol}}"},
        options={"colorMode": "value", "reduceOptions": {"calcs": ["lastNotNull"]}},
        thresholds=_STEPS,
        links=[
            {
                "title": "Look at it alone",
                "url": "/d/sample?var-symbol=${__field.labels.symbol:percentencode}",
            }
        ],
    )


def _table() -> dict[str, Any]:
    to_symbol = "/d/sample?${job:queryparam}&var-symbol=${__data.fields.symbol:percentencode}"
    panel = _panel(
        4,
        "table",
        "table",
        at={"h": 8, "w": 12, "x": 12, "y": 9},
        target={"expr": f"topk(10, max by (symbol) ({_MEAN}))", "format": "table", "instant": True},
        options={"cellHeight": "sm", "frameIndex": 0, "showHeader": True},
    )
    link = {"targetBlank": False, "title": "Look at it alone", "url": to_symbol}
    panel["options"]["sortBy"] = [{"desc": True, "displayName": "Mean"}]
    panel["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": "Symbol"},
            "properties": [{"id": "links", "value": [link]}, {"id": "custom.width", "value": 120}],
        },
        {
            "matcher": {"id": "byName", "options": "Mean"},
            "properties": [
                {"id": "unit", "value": "s"},
                {"id": "custom.cellOptions", "value": {"mode": "basic", "type": "color-background"}},
                {"id": "thresholds", "value": _STEPS},
            ],
        },
    ]
    panel["transformations"] = [
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "renameByName": {"symbol": "Symbol", "Value": "Mean"},
            },
        }
    ]
    return panel


def _heat() -> dict[str, Any]:
    return _panel(
        5,
        "heat",
        "heatmap",
        at={"h": 8, "w": 24, "x": 0, "y": 17},
        target={
            "expr": f"sum by (le) (increase({_LATENCY}[$__rate_interval]))",
            "format": "heatmap",
            "legendFormat": "{{le}}",
        },
        options={"calculate": False, "yAxis": {"unit": "s"}},
    )


def _words() -> dict[str, Any]:
    return {
        "description": "What a reader should know first.",
        "gridPos": {"h": 3, "w": 24, "x": 0, "y": 25},
        "id": 6,
        "options": {"content": "All of it.", "mode": "markdown"},
        "title": "words",
        "type": "text",
    }


def _panel(
    number: int,
    title: str,
    kind: str,
    *,
    at: Mapping[str, int],
    target: Mapping[str, Any],
    options: Mapping[str, Any],
    unit: str = "s",
    **defaults: object,
) -> dict[str, Any]:
    return {
        "datasource": _DATASOURCE,
        "description": "What it shows, and what to make of it.",
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
        "gridPos": dict(at),
        "id": number,
        "options": dict(options),
        "targets": [{"refId": "A", **target}],
        "title": title,
        "type": kind,
    }


def _variables() -> list[dict[str, Any]]:
    lists = {
        "job": "label_values(tickrmeter_build_info, job)",
        "instance": 'label_values(tickrmeter_build_info{job=~"$job"}, instance)',
        "symbol": f"label_values(tickrmeter_symbol_response_rate{{{_CHOSEN}}}, symbol)",
    }
    return [
        {"label": "Data source", "name": "datasource", "query": "prometheus", "type": "datasource"},
        *(
            {
                "allValue": ".+",
                "datasource": _DATASOURCE,
                "includeAll": True,
                "label": name.title(),
                "multi": True,
                "name": name,
                "query": {"query": query, "refId": f"variable-{name}"},
                "refresh": 2,
                "type": "query",
            }
            for name, query in lists.items()
        ),
    ]


def _dashboards_link() -> dict[str, Any]:
    return {
        "asDropdown": False,
        "icon": "",
        "includeVars": True,
        "keepTime": True,
        "tags": ["tickrmeter"],
        "targetBlank": False,
        "title": "TickrMeter",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }
