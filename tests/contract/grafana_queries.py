"""The queries of a dashboard, parsed: those of its panels, variables and annotations."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from promql_parser import Expr, VectorSelector, parse

from tests.contract.promql import children

Json = Mapping[str, Any]

# Windows that nobody would write, so that they tell which variable stood there.
RATE_INTERVAL = timedelta(minutes=4, seconds=1)
RANGE = timedelta(hours=23, seconds=1)
_VALUES: Mapping[str, str] = {
    "__interval": "31s",
    "__interval_ms": "31000",
    "__range": "23h1s",
    "__range_ms": "82801000",
    "__range_s": "82801",
    "__rate_interval": "4m1s",
    "__rate_interval_ms": "241000",
}
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?:[.:][^}]*)?\}|(?P<bare>\w+))")
_LABEL_VALUES = re.compile(
    r"label_values\(\s*(?:(?P<selector>.+?)\s*,\s*)?(?P<label>[a-zA-Z_]\w*)\s*\)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query and where it stands.

    `instant` ones ask for the end of the time range only; `form` is how the data source shapes the answer.
    `legend` is the template that names the results. Of a variable, `label` is what it lists.
    """

    place: str
    text: str
    instant: bool = False
    form: str = "time_series"
    legend: str = ""
    label: str = ""

    def parse(self) -> Expr:
        """Return the expression, with values for Grafana's variables of time.

        Raises:
            ValueError: It is not PromQL. A dashboard's own variables may only stand between quotes.
        """
        return parse(_VARIABLE.sub(_time_value, self.text))


def panels(dashboard: Json) -> Iterator[Json]:
    """Yield every panel, those of collapsed rows too; rows are none."""
    for panel in dashboard.get("panels", []):
        if panel.get("type") == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def variables(dashboard: Json) -> Iterator[Json]:
    """Yield every variable."""
    yield from dashboard.get("templating", {}).get("list", [])


def annotations(dashboard: Json) -> Iterator[Json]:
    """Yield every annotation."""
    yield from dashboard.get("annotations", {}).get("list", [])


def panel_queries(dashboard: Json) -> Iterator[Query]:
    """Yield the queries of panels."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            place = f"panel {panel.get('title')!r} {target.get('refId')}"
            yield Query(
                place,
                target.get("expr", ""),
                instant=target.get("instant", False),
                form=target.get("format", "time_series"),
                legend=target.get("legendFormat", ""),
            )


def annotation_queries(dashboard: Json) -> Iterator[Query]:
    """Yield the queries of annotations."""
    for annotation in annotations(dashboard):
        text = annotation.get("target", {}).get("expr") or annotation.get("expr", "")
        legend = annotation.get("titleFormat", "") + annotation.get("textFormat", "")
        yield Query(f"annotation {annotation.get('name')!r}", text, legend=legend)


def variable_queries(dashboard: Json) -> Iterator[Query]:
    """Yield the selectors of which variables list a label; other kinds of listing are not ours.

    Raises:
        ValueError: A variable asks in another way than `label_values(SELECTOR, LABEL)`.
    """
    for variable in variables(dashboard):
        if variable.get("type") != "query":
            continue
        query = variable.get("query", "")
        text = query if isinstance(query, str) else query.get("query", "")
        match = _LABEL_VALUES.fullmatch(text)
        if match is None or match["selector"] is None:
            raise ValueError(
                f"variable {variable.get('name')!r}: not label_values(SELECTOR, LABEL): {text!r}"
            )
        yield Query(f"variable {variable.get('name')!r}", match["selector"], label=match["label"])


def queries(dashboard: Json) -> Iterator[Query]:
    """Yield every query."""
    yield from variable_queries(dashboard)
    yield from annotation_queries(dashboard)
    yield from panel_queries(dashboard)


def variables_in(text: str) -> frozenset[str]:
    """Return the names of the dashboard's own variables in a text; those of Grafana begin with `__`."""
    names = (match["braced"] or match["bare"] for match in _VARIABLE.finditer(text))
    return frozenset(name for name in names if not name.startswith("__"))


def selectors(expression: Expr) -> Iterator[tuple[VectorSelector, tuple[Expr, ...]]]:
    """Yield every selector with the nodes around it, the outermost first."""
    yield from _selectors(expression, ())


def _selectors(node: Expr, around: tuple[Expr, ...]) -> Iterator[tuple[VectorSelector, tuple[Expr, ...]]]:
    if isinstance(node, VectorSelector):
        yield node, around
    for part in children(node):
        yield from _selectors(part, (*around, node))


def _time_value(match: re.Match[str]) -> str:
    return _VALUES.get(match["braced"] or match["bare"], match[0])
