"""Rules about what dashboards ask Prometheus."""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from promql_parser import AggregateExpr, Call, Expr, MatchOp, MatrixSelector

from grafana.committed import (
    AnnotationQuery,
    Json,
    PanelQuery,
    VariableQuery,
    annotation_queries,
    panel_queries,
    variable_queries,
    variables,
)
from tools.dashlint.parsed import RANGE, RATE_INTERVAL, Query, parsed, queries
from tools.dashlint.promql.labels import LabelError, Labels, labels_of
from tools.dashlint.promql.walk import selectors
from tools.dashlint.rule import Known

_Query = TypeVar("_Query", bound=Query)
_RATES = {"rate", "irate", "increase"}
_LEGEND_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def promql(dashboard: Json, _: Known) -> Iterator[str]:
    """Every query parses."""
    for query in queries(dashboard):
        try:
            parsed(query)
        except ValueError as error:
            yield f"{query.place}: {error}: {query.expression}"


def names(dashboard: Json, known: Known) -> Iterator[str]:
    """Every metric, label and value exists, and what is combined can match."""
    for query, expression in _parsable(queries(dashboard)):
        try:
            labels_of(expression, known.metrics)
        except LabelError as error:
            yield f"{query.place}: {error}"


def chosen(dashboard: Json, _: Known) -> Iterator[str]:
    """Every selector is for the chosen jobs and instances; a list of jobs or instances is not, for itself."""
    for query, expression in _parsable(queries(dashboard)):
        listed = query.label if isinstance(query, VariableQuery) else ""
        wanted = {"job", "instance"}
        if listed == "instance":
            wanted = {"job"}
        elif listed == "job":
            wanted = set()
        for selector, _around in selectors(expression):
            found = {
                matcher.name
                for matcher in selector.matchers.matchers
                if matcher.op == MatchOp.Re and matcher.value == f"${matcher.name}"
            }
            for name in sorted(wanted - found):
                yield f'{query.place}: {selector.name} without {name}=~"${name}"'


def several(dashboard: Json, _: Known) -> Iterator[str]:
    """A variable of several values is compared as a regular expression: as text it would match none."""
    multiple = {
        variable.get("name")
        for variable in variables(dashboard)
        if variable.get("multi") or variable.get("includeAll")
    }
    for query, expression in _parsable(queries(dashboard)):
        for selector, _around in selectors(expression):
            for matcher in selector.matchers.matchers:
                name = matcher.value.strip("${}")
                if matcher.value.startswith("$") and name in multiple and matcher.op != MatchOp.Re:
                    yield f"{query.place}: {matcher.name} is compared with several values as with one"


def rate_interval(dashboard: Json, _: Known) -> Iterator[str]:
    """Rates are over $__rate_interval, so that no scrape is missed at any zoom.

    At the end of the time range only, the whole range is as good.
    """
    for query, expression in _parsable(_shown(dashboard)):
        at_end = isinstance(query, PanelQuery) and query.instant
        allowed = {RATE_INTERVAL, RANGE} if at_end else {RATE_INTERVAL}
        for selector, around in selectors(expression):
            window, call = _window(around)
            if window is not None and call in _RATES and window.range not in allowed:
                yield f"{query.place}: {call} of {selector.name} over {window.range}, not $__rate_interval"


def counters(dashboard: Json, known: Known) -> Iterator[str]:
    """Counters are shown as rates or increases, aggregated: a restart begins them anew."""
    for query, expression in _parsable(_shown(dashboard)):
        for selector, around in selectors(expression):
            metric = known.metrics.get(selector.name or "")
            if metric is None or not metric.counter:
                continue
            if _window(around)[1] not in _RATES:
                yield f"{query.place}: counter {selector.name} without rate or increase"
            elif not any(isinstance(node, AggregateExpr) for node in around):
                yield f"{query.place}: counter {selector.name} is not aggregated"


def variable_cost(dashboard: Json, known: Known) -> Iterator[str]:
    """A variable does not list a label from a metric which has many more series than the label has values."""
    for query in variable_queries(dashboard):
        metric = known.metrics.get(query.expression.partition("{")[0].strip())
        if metric is not None and "device_id" in metric.labels and query.label != "device_id":
            yield f"{query.place}: it reads every device's series for {query.label!r}"


def legends(dashboard: Json, known: Known) -> Iterator[str]:
    """A label that a legend or an annotation's text names is one of the query's result."""
    for query, expression in _parsable(_shown(dashboard)):
        labels = _labels(expression, known)
        for name in _LEGEND_LABEL.findall(query.legend):
            if labels is not None and name not in labels:
                yield f"{query.place}: the legend names {name!r}, which the result lacks"


def buckets(dashboard: Json, known: Known) -> Iterator[str]:
    """What is to be shown as buckets has bounds."""
    for query, expression in _parsable(panel_queries(dashboard)):
        labels = _labels(expression, known)
        if query.form == "heatmap" and labels is not None and "le" not in labels:
            yield f"{query.place}: buckets without le"


def _shown(dashboard: Json) -> Iterator[PanelQuery | AnnotationQuery]:
    yield from panel_queries(dashboard)
    yield from annotation_queries(dashboard)


def _parsable(among: Iterable[_Query]) -> Iterator[tuple[_Query, Expr]]:
    for query in among:
        try:
            expression = parsed(query)
        except ValueError:
            continue  # the rule `promql` says so
        yield query, expression


def _labels(expression: Expr, known: Known) -> Labels | None:
    """Return the labels of the result; None if that cannot be told, which the rule `names` complains of."""
    try:
        return labels_of(expression, known.metrics) or {}
    except LabelError:
        return None


def _window(around: tuple[Expr, ...]) -> tuple[MatrixSelector | None, str]:
    """Return the window right around a selector, if any, and the function around that."""
    match around:
        case (*_, Call() as call, MatrixSelector() as window):
            return window, call.func.name
        case (*_, MatrixSelector() as window):
            return window, ""
        case _:
            return None, ""
