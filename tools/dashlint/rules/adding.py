"""Rules about several exporters that share a fleet: what is added up over them, and what must not be."""

import re
from collections.abc import Iterator

from promql_parser import AggregateExpr, BinaryExpr, Expr

from grafana.committed import Json, PanelQuery, panel_queries
from tools.dashlint.parsed import parsed
from tools.dashlint.promql.labels import LabelError, labels_of
from tools.dashlint.promql.walk import selectors
from tools.dashlint.rule import Known

_ADDS = {"sum", "avg"}
_OF_ONE = {"device_id", "worker_id"}
"""Labels of what one exporter alone has."""
_RECORDED = re.compile(r"[a-z_]+:[a-z_]+:(mean|stddev|ratio|quantile)[a-z0-9_]*")


def wrong_sums(expression: Expr, never_added: frozenset[str]) -> Iterator[str]:
    """Yield what an expression adds up, or takes the mean of, that no sum of exporters says anything about.

    A mean or a share that is multiplied before, as by the count that it is one of, may be.
    """
    for selector, around in selectors(expression):
        name = selector.name or ""
        if name not in never_added and not _RECORDED.fullmatch(name):
            continue
        for node in reversed(around):
            if isinstance(node, BinaryExpr) and str(node.op) == "*":
                break
            if isinstance(node, AggregateExpr) and str(node.op) in _ADDS:
                yield f"{node.op} of {name}"
                break


def never_added(dashboard: Json, known: Known) -> Iterator[str]:
    """No panel adds up averages, percentiles, shares or ranks, or takes their mean."""
    for query, expression in _parsable(dashboard):
        for fault in wrong_sums(expression, known.never_added):
            yield f"{query.place}: {fault}"


def told_apart(dashboard: Json, known: Known) -> Iterator[str]:
    """What has a series for each exporter says which: a part of the fleet is else taken for all of it."""
    for query, expression in _parsable(dashboard):
        try:
            labels = labels_of(expression, known.metrics) or {}
        except LabelError:
            continue  # the rule `names` says so
        of_each = "instance" in labels and not _OF_ONE & set(labels) and query.form == "time_series"
        if of_each and "instance" not in query.legend and not _picks(expression):
            yield f"{query.place}: a series of each exporter, and the legend does not name it"


def _picks(expression: Expr) -> bool:
    """Whether it is a few of many, which name themselves."""
    return isinstance(expression, AggregateExpr) and str(expression.op) in {"topk", "bottomk"}


def _parsable(dashboard: Json) -> Iterator[tuple[PanelQuery, Expr]]:
    for query in panel_queries(dashboard):
        try:
            yield query, parsed(query)
        except ValueError:
            continue  # the rule `promql` says so
