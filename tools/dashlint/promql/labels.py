"""Which labels the result of a PromQL expression has, and whether what it names exists and can match.

Such a mistake is silent: a misspelt label selects nothing, and two sides whose labels differ match nothing.
Neither Prometheus nor Grafana complains.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    ValueType,
    VectorMatchCardinality,
    VectorSelector,
)

from tools.dashlint.promql.walk import children

Labels = Mapping[str, frozenset[str]]
"""The values that a label can have; an empty set is any."""

ANY: frozenset[str] = frozenset()
SOMETIMES = {"pod", "namespace", "fleet"}
"""What some scrape configurations add to every target: it may be left out of account where it is not."""
_KEEPS_ITS_INPUT = {"topk", "bottomk", "limitk", "limit_ratio"}
_VARIABLE = re.compile(r"\$[\w{]")
"""How a variable of Grafana begins: it may stand for any value."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A name that a query can select. A `counter` only means something as a rate or an increase."""

    labels: Labels
    counter: bool = False


class LabelError(Exception):
    """An expression names what does not exist, or combines what never matches."""


def labels_of(node: Expr, metrics: Mapping[str, Metric]) -> Labels | None:
    """Return the labels of the result; None if it is a number or a string.

    Raises:
        LabelError: The expression names what does not exist, or combines what never matches.
    """
    operands = [labels_of(child, metrics) for child in children(node)]
    match node:
        case VectorSelector():
            return _selected(node, metrics)
        case AggregateExpr():
            return _aggregated(node, operands[-1] or {})
        case BinaryExpr():
            return _combined(node, *operands)
        case Call():
            return _called(node, operands)
        case NumberLiteral() | StringLiteral():
            return None
        case _:
            # In brackets, negated, or over a range of time.
            (labels,) = operands
            return labels


def either(left: Labels, right: Labels) -> Labels:
    """Return the labels of series of both kinds."""
    found = {}
    for name, values in {**right, **left}.items():
        others = right.get(name, values)
        found[name] = values | others if values and others else ANY
    return found


def _selected(node: VectorSelector, metrics: Mapping[str, Metric]) -> Labels:
    metric = metrics.get(node.name or "")
    if metric is None:
        raise LabelError(f"no such metric: {node.name}")
    for matcher in node.matchers.matchers:
        _require({matcher.name}, metric.labels, node.name or "")
        possible = metric.labels[matcher.name]
        exact = matcher.op in (MatchOp.Equal, MatchOp.NotEqual)  # they have no hash
        # Every alternative must occur; what stands in brackets is not taken apart.
        alone = exact or "(" in matcher.value
        for value in [matcher.value] if alone else matcher.value.split("|"):
            pattern = re.escape(value) if exact else value
            if _VARIABLE.search(value) or not possible:
                continue
            if not any(re.fullmatch(pattern, each) for each in possible):
                raise LabelError(f"{node.name}: {matcher.name} is never {value!r}")
    return metric.labels


def _called(node: Call, operands: list[Labels | None]) -> Labels | None:
    name = node.func.name
    if node.func.return_type == ValueType.Scalar:
        return None
    if name in {"absent", "absent_over_time"}:
        return _asked_for(node.args[0])
    labels = next((found for found in operands if found is not None), {})
    if name in {"label_replace", "label_join"}:
        added = node.args[1]
        return {**labels, added.val: ANY} if isinstance(added, StringLiteral) else labels
    if name == "histogram_quantile":
        _require({"le"}, labels, name)
        return _without({"le"}, labels)
    return labels


def _asked_for(node: Expr) -> Labels:
    """Return the labels of what is absent: those for which a selector gives the value."""
    match node:
        case VectorSelector():
            equal = [matcher for matcher in node.matchers.matchers if matcher.op == MatchOp.Equal]
            return {matcher.name: frozenset({matcher.value}) for matcher in equal}
        case MatrixSelector() | ParenExpr():
            return _asked_for(*children(node))
        case _:
            return {}


def _aggregated(node: AggregateExpr, operand: Labels) -> Labels:
    named = set(node.modifier.labels) if node.modifier else set()
    left_out = node.modifier is not None and node.modifier.type == AggModifierType.Without
    _require(named - SOMETIMES if left_out else named, operand, node.expr.prettify())
    operator = str(node.op)
    if operator in _KEEPS_ITS_INPUT:
        return operand
    kept = _without(named, operand) if left_out else _only(named, operand)
    return {**kept, str(node.param).strip('"'): ANY} if operator == "count_values" else kept


def _combined(node: BinaryExpr, left: Labels | None, right: Labels | None) -> Labels | None:
    if left is None or right is None:
        return right if left is None else left
    operator, modifier = str(node.op), node.modifier
    matching = modifier.matching if modifier else None
    named = set(matching.labels) if matching else set()
    on = matching is not None and matching.type == LabelModifierType.Include
    if on:
        _require(named - SOMETIMES, left, node.lhs.prettify())
        _require(named - SOMETIMES, right, node.rhs.prettify())
    else:
        _require(named - SOMETIMES, {**left, **right}, node.prettify())
        odd = (set(left) ^ set(right)) - named
        # To `or` they are no matter, but nobody expects a result of two kinds.
        if odd:
            raise LabelError(f"only one side of {operator!r} has {', '.join(sorted(odd))}")
    if operator in {"and", "unless"}:
        return left
    if operator == "or":
        return either(left, right)
    added = set((modifier.group_labels if modifier else None) or ())
    cardinality = modifier.card if modifier else None
    if cardinality == VectorMatchCardinality.ManyToOne:
        _require(added, right, node.rhs.prettify())
        return {**left, **_only(added, right)}
    if cardinality == VectorMatchCardinality.OneToMany:
        _require(added, left, node.lhs.prettify())
        return {**right, **_only(added, left)}
    # A comparison keeps no more labels than other operators do.
    return _only(named & set(left), left) if on else _without(named, left)


def _require(names: set[str], labels: Labels, where: str) -> None:
    missing = names - set(labels)
    if missing:
        raise LabelError(f"{where} has no label {', '.join(sorted(missing))}")


def _only(names: set[str], labels: Labels) -> Labels:
    return {name: labels[name] for name in names}


def _without(names: set[str], labels: Labels) -> Labels:
    return {name: values for name, values in labels.items() if name not in names}
