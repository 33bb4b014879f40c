"""While two whole sets of exporters share a fleet, dashboards add up one of them."""

import pytest
from promql_parser import AggModifierType, AggregateExpr, BinaryExpr, Expr, VectorSelector, parse

from alerts.fleet import CHOSEN, SPARE
from grafana.committed import PanelQuery, dashboards, panel_queries
from grafana.one_set import of_one_set
from tools.dashlint.parsed import parsed
from tools.dashlint.project import known_metrics
from tools.dashlint.promql.labels import labels_of
from tools.dashlint.promql.walk import children, selectors

EXPORTER = "tickrmeter-exporter"
JOBS = "jobs"
ADDS = {"sum", "count", "topk", "bottomk"}
OF_EXPORTERS = {
    *((EXPORTER, section) for section in ("Connection to the broker", "Exposition and scrapes")),
    *((EXPORTER, section) for section in ("Settings and clients", "Identities and series", "Resources")),
    *((JOBS, section) for section in ("Now", "Workers", "The controller")),
    ("autocore", "Database and queues"),
}
QUERIES = [
    query
    for dashboard in dashboards().values()
    for query in panel_queries(dashboard)
    if (query.dashboard, query.section) not in OF_EXPORTERS
]
SERIES = known_metrics()
WITHOUT = f'unless on (job, instance) {SPARE}{{job=~"$job", instance=~"$instance"}}'


def added_up(node: Expr) -> list[AggregateExpr]:
    """What adds up, or ranks, series of single exporters and does not say which."""
    found = [each for child in children(node) for each in added_up(child)]
    if isinstance(node, AggregateExpr) and str(node.op) in ADDS:
        by = node.modifier is not None and node.modifier.type == AggModifierType.By
        named = set(node.modifier.labels) if by and node.modifier else set()
        if "instance" in (labels_of(node.expr, SERIES) or {}) and "instance" not in named:
            found.append(node)
    return found


def leaves_out(node: Expr) -> bool:
    """Whether the last thing that it does is to leave out exporters that are spare."""
    if not isinstance(node, BinaryExpr) or str(node.op) != "unless" or node.modifier is None:
        return False
    matching, right = node.modifier.matching, node.rhs
    on = matching is not None and set(matching.labels) == {"job", "instance"}
    return on and isinstance(right, VectorSelector) and right.name == SPARE


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.dashboard} {query.place}")
def test_what_adds_up_exporters_leaves_out_those_that_are_spare(query: PanelQuery) -> None:
    expression = parsed(query)
    for node in added_up(expression):
        assert leaves_out(node.expr), node.prettify()
        # What was is compared with who was spare then.
        assert len({selector.offset for selector, _ in selectors(node.expr)}) == 1
    asked = [selector.name for selector, _ in selectors(expression)]
    assert asked.count(SPARE) == len(added_up(expression))
    assert CHOSEN not in asked


def test_there_are_such_queries_and_each_section_that_is_left_out_exists() -> None:
    assert sum(bool(added_up(parsed(query))) for query in QUERIES) > 60
    there = {
        (query.dashboard, query.section)
        for dashboard in dashboards().values()
        for query in panel_queries(dashboard)
    }
    assert there >= OF_EXPORTERS


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("max(a)", "max(a)"),
        ("sum(a)", f"sum(a {WITHOUT})"),
        ("sum by (le) (a or b) * 60", f"sum by (le) ((a or b) {WITHOUT}) * 60"),
        ("sum(a offset 1d) / sum(b)", f"sum(a offset 1d {WITHOUT} offset 1d) / sum(b {WITHOUT})"),
        ('topk(3, a{b=")"})', f'topk(3, a{{b=")"}} {WITHOUT})'),
        ("count(sum by (symbol) (a) > 0)", f"count(sum by (symbol) (a {WITHOUT}) > 0)"),
        ("topk(3, max by (symbol) (a))", "topk(3, max by (symbol) (a))"),
        ("sum by (instance, queue) (a)", "sum by (instance, queue) (a)"),
        ("sum_over_time(a[5m])", "sum_over_time(a[5m])"),
    ],
)
def test_a_query_is_made_one_of_one_set(written: str, made: str) -> None:
    assert of_one_set(written) == made
    parse(made)


def test_a_bracket_that_is_not_closed_is_a_fault() -> None:
    with pytest.raises(ValueError, match="bracket"):
        of_one_set("sum(a")
