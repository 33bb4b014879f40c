"""The queries of dashboards as Grafana would send them, read from the JSON that Grafana imports."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent.parent / "grafana" / "dashboards"
_POINTS = 720
"""Points Grafana asks for when a panel does not say: it has about so many pixels for them."""
_ALL = ".+"
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LABEL_VALUES = re.compile(r"label_values\((?:(.+),)?\s*(\w+)\s*\)", re.DOTALL)
_QUERY_RESULT = re.compile(r"query_result\((.+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus: where it stands, and a request to its HTTP API."""

    dashboard: str
    panel: str
    ref: str
    path: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: Unix times in seconds; `rate_interval` as PromQL writes it."""

    start: int
    end: int
    rate_interval: str

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start

    def step(self, points: int = _POINTS) -> int:
        """Return the seconds between two points of a graph."""
        return max(1, round(self.seconds / points))


def dashboards(folder: Path = FOLDER) -> Iterator[dict[str, Any]]:
    """Yield all dashboards."""
    for file in sorted(folder.glob("*.json")):
        yield orjson.loads(file.read_bytes())


def queries(
    dashboard: Mapping[str, Any], span: Span, values_of: Callable[[Query], Sequence[str]]
) -> list[Query]:
    """Return every query of a dashboard: of variables, of annotations, of panels.

    Args:
        dashboard: The JSON.
        span: What it shows.
        values_of: Asks the query of a variable; its first value is chosen where a variable has no "All".
    """
    title = dashboard["title"]
    chosen = {
        "__rate_interval": span.rate_interval,
        "__interval": f"{span.step()}s",
        "__range": f"{span.seconds}s",
        "__range_s": str(span.seconds),
    }
    found = []
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            query = _of_variable(title, variable, span, chosen)
            found.append(query)
            chosen[variable["name"]] = _choice(variable, partial(values_of, query))
        elif variable["type"] != "datasource":
            chosen[variable["name"]] = variable["current"]["value"]
    for annotation in dashboard.get("annotations", {}).get("list", ()):
        if "expr" in annotation:
            step = max(span.step(), _seconds(annotation.get("step") or "60s"))
            parameters = _range(_filled(annotation["expr"], chosen), span, step)
            found.append(Query(title, f"annotation {annotation['name']}", "", "query_range", parameters))
    for panel in _panels(dashboard["panels"]):
        found += _of_panel(title, panel, span, chosen)
    return found


def _panels(panels: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", ()))


def _of_panel(title: str, panel: Mapping[str, Any], span: Span, chosen: Mapping[str, str]) -> Iterator[Query]:
    step = span.step(panel.get("maxDataPoints") or _POINTS)
    for target in panel.get("targets", ()):
        least = target.get("interval") or panel.get("interval") or "0s"
        of_target = max(step, _seconds(_filled(least, chosen)))
        expression = _filled(target["expr"], {**chosen, "__interval": f"{of_target}s"})
        if target.get("instant"):
            path, parameters = "query", {"query": expression, "time": str(span.end)}
        else:
            path, parameters = "query_range", _range(expression, span, of_target)
        yield Query(title, panel["title"], target["refId"], path, parameters)


def _of_variable(title: str, variable: Mapping[str, Any], span: Span, chosen: Mapping[str, str]) -> Query:
    definition = variable["query"]
    text = _filled(definition["query"] if isinstance(definition, dict) else definition, chosen)
    name = f"variable {variable['name']}"
    if match := _LABEL_VALUES.fullmatch(text):
        selector, label = match.groups()
        parameters = {"start": str(span.start), "end": str(span.end)}
        parameters |= {"match[]": selector} if selector else {}
        return Query(title, name, "", f"label/{label}/values", parameters)
    if match := _QUERY_RESULT.fullmatch(text):
        return Query(title, name, "", "query", {"query": match[1], "time": str(span.end)})
    raise ValueError(f"{title}: the query of {name} is of no known kind: {text}")


def _choice(variable: Mapping[str, Any], values: Callable[[], Sequence[str]]) -> str:
    if variable.get("includeAll"):
        # Without a value of its own for "All", Grafana names them all.
        return variable.get("allValue") or "|".join(values())
    return values()[0]


def _range(expression: str, span: Span, step: int) -> dict[str, str]:
    # Grafana moves both ends to multiples of the step, and so do the times of samples here.
    return {"query": expression, "start": str(span.start), "end": str(span.end), "step": str(step)}


def _filled(text: str, chosen: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: chosen[match[1] or match[2]], text)


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _UNIT_SECONDS[duration[-1]]
