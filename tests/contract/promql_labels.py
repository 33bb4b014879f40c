"""Which labels the result of a PromQL expression has, and whether its operands' labels fit together.

A join of series whose labels differ gives nothing at all, silently, and `without` of a label that is not
there is a spelling mistake: both are errors here.
"""

from collections.abc import Mapping

import promql_parser as parser

from otel_tickrmeter.catalogue import Kind, catalogue
from tests.contract.promql import children

Labels = frozenset[str]
TARGET: Labels = frozenset({"job", "instance"})
"""What Prometheus gives every series of a target."""

_OF_PROMETHEUS = ("up", "scrape_duration_seconds")
_SET_OPERATORS = ("and", "or", "unless")


def scraped() -> dict[str, Labels]:
    """Return the labels of each series that a scrape brings, in device detail."""
    found = dict.fromkeys(_OF_PROMETHEUS, TARGET)
    for row in catalogue():
        labels = TARGET | frozenset(row.attributes)
        if row.kind is Kind.HISTOGRAM:
            found[f"{row.exposed}_bucket"] = labels | {"le"}
            found[f"{row.exposed}_sum"] = found[f"{row.exposed}_count"] = labels
        else:
            found[row.exposed] = labels
    return found


def result_labels(expression: str, series: Mapping[str, Labels]) -> Labels:
    """Return the labels of what the expression gives.

    Args:
        expression: PromQL, without Grafana's variables.
        series: The labels of each series by the metric's name.

    Raises:
        ValueError: It is not PromQL, asks for something that is not among `series`, names a label that its
            operand has not, or joins what never matches.
    """
    return _labels(parser.parse(expression), series)


def _labels(node: parser.Expr, series: Mapping[str, Labels]) -> Labels:
    match node:
        case parser.VectorSelector():
            labels = series.get(node.name or "")
            if labels is None:
                raise ValueError(f"no such series: {node.name}")
            _check({matcher.name for matcher in node.matchers.matchers}, labels, node)
            return labels
        case parser.AggregateExpr():
            return _aggregated(node, _labels(node.expr, series))
        case parser.BinaryExpr():
            if _is_scalar(node.lhs) or _is_scalar(node.rhs):
                return _labels(node.lhs, series) | _labels(node.rhs, series)
            return _joined(node, _labels(node.lhs, series), _labels(node.rhs, series))
        case parser.Call() if node.func.name == "absent":
            selector = node.args[0]
            _labels(selector, series)
            return frozenset(
                matcher.name for matcher in selector.matchers.matchers if matcher.op == parser.MatchOp.Equal
            )
        case _:
            return frozenset().union(*(_labels(child, series) for child in children(node)))


def _is_scalar(node: parser.Expr) -> bool:
    match node:
        case parser.NumberLiteral():
            return True
        case parser.Call():
            return bool(node.func.return_type == parser.ValueType.Scalar)
        case parser.ParenExpr() | parser.UnaryExpr():
            return _is_scalar(node.expr)
        case parser.BinaryExpr():
            return _is_scalar(node.lhs) and _is_scalar(node.rhs)
        case _:
            return False


def _aggregated(node: parser.AggregateExpr, operand: Labels) -> Labels:
    if node.modifier is None:
        return frozenset()
    named = frozenset(node.modifier.labels)
    _check(named, operand, node)
    return named if node.modifier.type == parser.AggModifierType.By else operand - named


def _joined(node: parser.BinaryExpr, left: Labels, right: Labels) -> Labels:
    modifier = node.modifier
    matching = modifier.matching if modifier is not None else None
    named = frozenset(matching.labels) if matching is not None else frozenset()
    if matching is not None and matching.type == parser.LabelModifierType.Include:
        _check(named, left & right, node)
        matched = named
    else:
        _check(named, left | right, node)
        matched = left - named
        if matched != right - named:
            raise ValueError(f"never match: {sorted(left)} and {sorted(right)} in {node.prettify()}")
    if str(node.op) in _SET_OPERATORS:
        return left
    added = frozenset((modifier.group_labels if modifier is not None else None) or ())
    if modifier is not None and modifier.card == parser.VectorMatchCardinality.ManyToOne:
        return left | added
    if modifier is not None and modifier.card == parser.VectorMatchCardinality.OneToMany:
        return right | added
    return matched


def _check(named: set[str] | Labels, labels: Labels, node: parser.Expr) -> None:
    if not named <= labels:
        raise ValueError(f"no such label: {sorted(named - labels)} in {node.prettify()}")
