"""Queries of a panel into data frames, as Grafana's Prometheus data source does it."""

# ruff: noqa: INP001  draw.py is run, not imported; this lies beside it

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_api import PrometheusApi
from variables import Variables

Frame = dict[str, Any]
"""As JSON for `toDataFrame` of @grafana/data."""

_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(duration: str) -> int:
    """Read `15s`, `30m`, `7d`. Raises ValueError for anything else."""
    if not (found := re.fullmatch(r"(\d+)([smhdw])", duration)):
        message = f"not a duration: {duration!r}"
        raise ValueError(message)
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True)
class Window:
    """What a picture shows, Unix seconds, and how often Prometheus scrapes, in seconds."""

    start: int
    end: int
    scrape_interval: int

    def step(self, points: int, at_least: int) -> int:
        """Seconds between two points so that no more than `points` are asked for."""
        least = max((self.end - self.start) / points, at_least)
        return next((step for step in _STEPS if step >= least), _STEPS[-1])


class Queries:
    """Asks `api` about `window`."""

    def __init__(self, api: PrometheusApi, variables: Variables, window: Window) -> None:
        self._api = api
        self._variables = variables
        self._window = window

    def frames(self, panel: Mapping[str, Any], points: int) -> list[Frame]:
        """The frames of every visible query; `points` is the width of the panel in pixels."""
        targets = [target for target in panel.get("targets", []) if not target.get("hide")]
        tables = sum(target.get("format") == "table" for target in targets)
        minimum = panel.get("interval")
        frames: list[Frame] = []
        for target in targets:
            wanted = target.get("interval") or minimum
            at_least = max(self._window.scrape_interval, seconds(wanted) if wanted else 1)
            step = self._window.step(panel.get("maxDataPoints") or points, at_least)
            series = self._ask(target, step)
            match target.get("format"):
                case "table":
                    frames.append(_table(target, series, one_of_many=tables > 1))
                case "heatmap":
                    frames.append(_heatmap(target, series, step))
                case _:
                    frames += (_time_series(target, one, step) for one in series)
        return frames

    def times(self, annotation: Mapping[str, Any]) -> list[int]:
        """When an annotation's query begins to hold: Unix milliseconds."""
        target = annotation.get("target") or {}
        step = self._window.step(240, self._window.scrape_interval)
        query = {"expr": target.get("expr") or annotation.get("expr") or "", "range": True}
        times = []
        for one in self._ask(query, step):
            held_until = -math.inf
            for time, value in _samples(one):
                if value:
                    if time > held_until + 1000 * step:
                        times.append(time)
                    held_until = time
        return times

    def _ask(self, target: Mapping[str, Any], step: int) -> list[Mapping[str, Any]]:
        window = self._window
        length = window.end - window.start
        query = self._variables.in_query(
            target["expr"],
            __rate_interval=f"{max(step + window.scrape_interval, 4 * window.scrape_interval)}s",
            __interval=f"{step}s",
            __interval_ms=str(1000 * step),
            __range=f"{length}s",
            __range_s=str(length),
        )
        if target.get("instant") and not target.get("range"):
            return self._api.instant(query, window.end)
        return self._api.range(
            query, window.start - window.start % step, window.end - window.end % step, step
        )


def _time_series(target: Mapping[str, Any], one: Mapping[str, Any], step: int) -> Frame:
    labels = {name: value for name, value in one["metric"].items() if name != "__name__"}
    samples = _samples(one)
    config = {}
    legend = target.get("legendFormat") or ""
    if legend != "__auto":
        name = re.sub(r"\{\{\s*(.+?)\s*\}\}", lambda found: one["metric"].get(found[1], ""), legend)
        config["displayNameFromDS"] = name or _verbose(one["metric"], target["expr"])
    elif not labels:
        config["displayNameFromDS"] = target["expr"]
    return _frame(
        target,
        [
            _time([time for time, _ in samples], step),
            {
                "name": "Value",
                "type": "number",
                "labels": labels,
                "config": config,
                "values": [value for _, value in samples],
            },
        ],
    )


def _heatmap(target: Mapping[str, Any], series: Iterable[Mapping[str, Any]], step: int) -> Frame:
    """Buckets count what is below their bound; a heat map shows what lies between two."""
    buckets = sorted(series, key=lambda one: float(one["metric"].get("le", "inf")))
    of_bucket = [dict(_samples(one)) for one in buckets]
    times = sorted({time for samples in of_bucket for time in samples})
    fields = [_time(times, step)]
    below: dict[int, float | None] = {}
    for one, samples in zip(buckets, of_bucket, strict=True):
        values = [max(0.0, (samples.get(time) or 0.0) - (below.get(time) or 0.0)) for time in times]
        fields.append({"name": one["metric"].get("le", ""), "type": "number", "values": values})
        below = samples
    return _frame(target, fields, {"type": "heatmap-rows"})


def _table(target: Mapping[str, Any], series: Sequence[Mapping[str, Any]], *, one_of_many: bool) -> Frame:
    rows = [(one["metric"], time, value) for one in series for time, value in _samples(one)]
    labels = sorted({name for one in series for name in one["metric"]})
    return _frame(
        target,
        [
            {"name": "Time", "type": "time", "values": [time for _, time, _ in rows]},
            *(
                {"name": label, "type": "string", "values": [metric.get(label, "") for metric, _, _ in rows]}
                for label in labels
            ),
            {
                "name": f"Value #{target['refId']}" if one_of_many else "Value",
                "type": "number",
                "values": [value for _, _, value in rows],
            },
        ],
    )


def _frame(target: Mapping[str, Any], fields: Sequence[Mapping[str, Any]], meta: object = None) -> Frame:
    return {"refId": target.get("refId", "A"), "meta": meta or {}, "fields": fields}


def _time(times: Sequence[int], step: int) -> dict[str, Any]:
    return {"name": "Time", "type": "time", "config": {"interval": 1000 * step}, "values": times}


def _samples(one: Mapping[str, Any]) -> list[tuple[int, float | None]]:
    """Unix milliseconds and values; None for what JSON cannot say."""
    pairs = ((round(1000 * time), float(text)) for time, text in one["values"])
    return [(time, value if math.isfinite(value) else None) for time, value in pairs]


def _verbose(metric: Mapping[str, str], expression: str) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in metric.items() if name != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}}" if labels else metric.get("__name__", expression)
