"""The queries of a dashboard, parsed, and the variables in a text."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from promql_parser import Expr, parse

from grafana.committed import (
    VARIABLE,
    AnnotationQuery,
    Json,
    PanelQuery,
    VariableQuery,
    annotation_queries,
    panel_queries,
    variable_queries,
)

Query = PanelQuery | AnnotationQuery | VariableQuery

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


def queries(dashboard: Json) -> Iterator[Query]:
    """Yield every query."""
    yield from variable_queries(dashboard)
    yield from annotation_queries(dashboard)
    yield from panel_queries(dashboard)


def parsed(query: Query) -> Expr:
    """Return the expression, with values for Grafana's variables of time.

    Raises:
        ValueError: It is not PromQL. A dashboard's own variables may only stand between quotes.
    """
    return parse(VARIABLE.sub(lambda match: _VALUES.get(match["name"], match[0]), query.expression))


def variables_in(text: str) -> frozenset[str]:
    """Return the names of the dashboard's own variables in a text; those of Grafana begin with `__`."""
    names = (match["name"] for match in VARIABLE.finditer(text))
    return frozenset(name for name in names if not name.startswith("__"))
