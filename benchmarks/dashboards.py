"""The queries of dashboards as Grafana would send them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grafana.committed import (
    Json,
    PanelQuery,
    VariableQuery,
    annotation_queries,
    filled,
    panel_queries,
    variable_queries,
)

_POINTS = 720
"""Points Grafana asks for when a panel does not say: it has about so many pixels for them."""
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


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

    def step(self, interval: str, points: int = _POINTS) -> int:
        """Return the seconds between two points of a graph, at least `interval`."""
        return max(1, round(self.seconds / points), _seconds(interval))


def queries(dashboard: Json, span: Span, values_of: Callable[[Query], Sequence[str]]) -> list[Query]:
    """Return every query of a dashboard: of variables, of annotations, of panels.

    Args:
        dashboard: The JSON.
        span: What it shows.
        values_of: Asks the query of a variable; its first value is chosen where a variable has no "All".
    """
    title = dashboard["title"]
    chosen = {"__rate_interval": span.rate_interval, "__range": f"{span.seconds}s"}
    found = []
    for variable in variable_queries(dashboard):
        query = _of_variable(title, variable, span, chosen)
        found.append(query)
        chosen[variable.name] = variable.all_value or values_of(query)[0]
    for annotation in annotation_queries(dashboard):
        parameters = _range(
            filled(annotation.expression, chosen), span, span.step(annotation.interval or "1m")
        )
        found.append(Query(title, f"annotation {annotation.name}", "", "query_range", parameters))
    return found + [_of_panel(title, query, span, chosen) for query in panel_queries(dashboard)]


def _of_variable(title: str, variable: VariableQuery, span: Span, chosen: Mapping[str, str]) -> Query:
    selector = filled(variable.expression, chosen)
    parameters = {"match[]": selector, "start": str(span.start), "end": str(span.end)}
    return Query(title, f"variable {variable.name}", "", f"label/{variable.label}/values", parameters)


def _of_panel(title: str, query: PanelQuery, span: Span, chosen: Mapping[str, str]) -> Query:
    step = span.step(query.interval or "1s", query.max_data_points or _POINTS)
    expression = filled(query.expression, {**chosen, "__interval": f"{step}s"})
    if query.instant:
        path, parameters = "query", {"query": expression, "time": str(span.end)}
    else:
        path, parameters = "query_range", _range(expression, span, step)
    return Query(title, query.panel, query.ref, path, parameters)


def _range(expression: str, span: Span, step: int) -> dict[str, str]:
    # Grafana moves both ends to multiples of the step, and so do the times of samples here.
    return {"query": expression, "start": str(span.start), "end": str(span.end), "step": str(step)}


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _UNIT_SECONDS[duration[-1]]
