"""Rules about tables that join the answers to several queries: all of them must be about the same rows."""

import re
from collections.abc import Iterator
from datetime import timedelta

from promql_parser import AggregateExpr, Expr

from grafana.committed import Json, PanelQuery, panel_queries, panels
from tools.dashlint.parsed import parsed
from tools.dashlint.promql.walk import children, selectors
from tools.dashlint.rule import Known

_JOINS = {"joinByField", "joinByLabels", "merge"}
_PICKS = {"bottomk", "limit_ratio", "limitk", "topk"}
_RECORDED_SET = re.compile(r":(bottomk|topk)$")
_SETTLED = timedelta(seconds=30)


def picked_once(dashboard: Json, _: Known) -> Iterator[str]:
    """At most one of the queries picks rows: two that do break ties each for itself, and rows lose columns.

    More may join on a set that a rule has recorded. Then all that they ask for is of a time for which
    everything has been committed: between two queries the next set may be recorded, or a device go.
    """
    for panel, queries in _joined(dashboard):
        place = f"panel {panel.get('title')!r}"
        picking = [query.ref for query, expression in queries if _picks(expression)]
        if len(picking) > 1:
            yield f"{place}: {' and '.join(picking)} each pick rows for themselves"
        for query, expression in queries:
            asked = [selector for selector, _around in selectors(expression)]
            if any(_RECORDED_SET.search(selector.name or "") for selector in asked):
                for selector in asked:
                    if (selector.offset or timedelta()) < _SETTLED:
                        yield f"{place} {query.ref}: {selector.name} may change between two queries"


def _joined(dashboard: Json) -> Iterator[tuple[Json, list[tuple[PanelQuery, Expr]]]]:
    """Yield the tables that join several queries, and those that can be parsed."""
    for panel in panels(dashboard):
        joins = any(each.get("id") in _JOINS for each in panel.get("transformations", []))
        if panel.get("type") == "table" and joins and len(panel.get("targets", [])) > 1:
            yield panel, list(_parsable(panel))


def _parsable(panel: Json) -> Iterator[tuple[PanelQuery, Expr]]:
    for query in panel_queries({"panels": [panel]}):
        try:
            yield query, parsed(query)
        except ValueError:
            continue  # the rule `promql` says so


def _picks(node: Expr) -> bool:
    picks = isinstance(node, AggregateExpr) and str(node.op) in _PICKS
    return picks or any(_picks(child) for child in children(node))
