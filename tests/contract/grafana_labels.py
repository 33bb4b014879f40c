"""Which labels the result of a query has, and whether the query names metrics, labels and values that exist.

Such a mistake is silent: a misspelt label selects nothing, and two sides without a label in common match
nothing. Neither Prometheus nor Grafana complains.
"""

import re
from collections.abc import Callable, Iterable, Mapping

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
    SubqueryExpr,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
    parse,
)

from alerts.rule import Recording
from tests.contract.grafana_metrics import ANY, Labels, Metric

_NO_VECTOR = {"scalar", "time", "pi"}
_KEEPS_ITS_INPUT = {"topk", "bottomk", "limitk", "limit_ratio"}
_LITERALS = re.compile(r"[\w.+-]+(\|[\w.+-]+)*")
"""A regular expression that is a list of plain values; a dot in it is taken as itself."""


class LabelError(Exception):
    """A query names what does not exist."""


def recorded(rules: Iterable[Recording], metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return `metrics` with what the rules record from them; a rule may use those before it.

    Raises:
        LabelError: A rule names what does not exist.
    """
    known = dict(metrics)
    for rule in rules:
        labels = labels_of(parse(rule.expression), known)
        if labels is None:
            raise LabelError(f"{rule.record} is no vector")
        labels = {**labels, **{name: frozenset({value}) for name, value in rule.labels.items()}}
        if rule.record in known:
            labels = _either(known[rule.record].labels, labels)
        known[rule.record] = Metric(labels)
    return known


def labels_of(expression: Expr, metrics: Mapping[str, Metric]) -> Labels | None:
    """Return the labels of the result; None if it is a number or a string.

    Raises:
        LabelError: The expression names what does not exist, or matches sides that cannot match.
    """
    return _Inference(metrics).of(expression)


class _Inference:
    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self._all_labels = dict.fromkeys((name for metric in metrics.values() for name in metric.labels), ANY)
        self._by_node: Mapping[type[Expr], Callable[..., Labels | None]] = {
            AggregateExpr: self._aggregate,
            BinaryExpr: self._binary,
            Call: self._call,
            MatrixSelector: lambda node: self.of(node.vector_selector),
            NumberLiteral: lambda _: None,
            ParenExpr: lambda node: self.of(node.expr),
            StringLiteral: lambda _: None,
            SubqueryExpr: lambda node: self.of(node.expr),
            UnaryExpr: lambda node: self.of(node.expr),
            VectorSelector: self._selector,
        }

    def of(self, node: Expr) -> Labels | None:
        return self._by_node[type(node)](node)

    def _selector(self, node: VectorSelector) -> Labels:
        metric = self._metrics.get(node.name or "")
        if metric is None:
            raise LabelError(f"no such metric: {node.name}")
        for matcher in node.matchers.matchers:
            _require({matcher.name}, metric.labels, node.name or "")
            possible = metric.labels[matcher.name]
            for value in _plain_values(matcher.op, matcher.value):
                if possible and value not in possible:
                    raise LabelError(f"{node.name}: {matcher.name} is never {value!r}")
        return metric.labels

    def _call(self, node: Call) -> Labels | None:
        name = node.func.name
        inputs = [self.of(argument) for argument in node.args]
        if name in _NO_VECTOR:
            return None
        if name in {"absent", "absent_over_time", "vector"}:
            return {}
        if name in {"label_replace", "label_join"}:
            added = node.args[1]
            labels = inputs[0] or {}
            return {**labels, added.val: ANY} if isinstance(added, StringLiteral) else labels
        labels = next((found for found in inputs if found is not None), {})
        if name == "histogram_quantile":
            _require({"le"}, labels, name)
            return _without({"le"}, labels)
        return labels

    def _aggregate(self, node: AggregateExpr) -> Labels:
        labels = self.of(node.expr) or {}
        named = set(node.modifier.labels) if node.modifier else set()
        without = node.modifier is not None and node.modifier.type == AggModifierType.Without
        # One rule may serve metrics with the label and without it.
        _require(named, self._all_labels if without else labels, node.expr.prettify())
        operator = str(node.op)
        if operator in _KEEPS_ITS_INPUT:
            return labels
        kept = _without(named, labels) if without else {name: labels[name] for name in named}
        if operator == "count_values":
            kept = {**kept, str(node.param).strip('"'): ANY}
        return kept

    def _binary(self, node: BinaryExpr) -> Labels | None:
        left, right = self.of(node.lhs), self.of(node.rhs)
        if left is None or right is None:
            return right if left is None else left
        operator = str(node.op)
        matching = node.modifier.matching if node.modifier else None
        named = set(matching.labels) if matching else set()
        on = matching is not None and matching.type == LabelModifierType.Include
        if on:
            _require(named, left, node.lhs.prettify())
            _require(named, right, node.rhs.prettify())
        elif operator != "or":
            odd = (set(left) - named) ^ (set(right) - named)
            if odd:
                raise LabelError(f"only one side of {operator!r} has {', '.join(sorted(odd))}")
        if operator == "or":
            return _either(left, right)
        cardinality = node.modifier.card if node.modifier else None
        added = (node.modifier.group_labels if node.modifier else None) or []
        if cardinality == VectorMatchCardinality.ManyToOne:
            return {**left, **dict.fromkeys(added, ANY)}
        if cardinality == VectorMatchCardinality.OneToMany:
            return {**right, **dict.fromkeys(added, ANY)}
        compares = operator in {"==", "!=", "<", ">", "<=", ">="} and not (
            node.modifier is not None and node.modifier.return_bool
        )
        if compares or operator in {"and", "unless"}:
            return left
        return {name: left[name] for name in named} if on else _without(named, left)


def _plain_values(operator: MatchOp, value: str) -> list[str]:
    if operator in (MatchOp.Equal, MatchOp.NotEqual):  # they have no hash
        return [] if "$" in value or not value else [value]
    return value.split("|") if _LITERALS.fullmatch(value) and ".+" not in value else []


def _require(names: set[str], labels: Labels, where: str) -> None:
    missing = names - set(labels)
    if missing:
        raise LabelError(f"{where} has no label {', '.join(sorted(missing))}")


def _without(names: set[str], labels: Labels) -> Labels:
    return {name: values for name, values in labels.items() if name not in names}


def _either(left: Labels, right: Labels) -> Labels:
    return {name: _values(left.get(name), right.get(name)) for name in {**left, **right}}


def _values(left: frozenset[str] | None, right: frozenset[str] | None) -> frozenset[str]:
    """Return the values on either side; on a side without the label (None) it has none."""
    if left is None or right is None:
        return left or right or ANY
    return left | right if left and right else ANY
