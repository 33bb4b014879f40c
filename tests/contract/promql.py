"""What a PromQL expression names: metrics, label matchers, and labels it groups or joins by.

Read from the parsed expression, not from its text. Grafana's variables are not PromQL: put a value in for
each (`$__rate_interval`: `5m`) before asking.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import promql_parser as parser


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a selector; `op` is `=`, `!=`, `=~` or `!~`."""

    label: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """One place where an expression asks for series.

    `metric` is empty if the metric's name is not given, or only as a regular expression. `functions` are the
    calls and aggregations around it, outermost first, as `("sum", "rate")`. `grouping` are the labels that
    aggregations and joins around it name (by, without, on, ignoring, group_left, group_right).
    """

    metric: str
    matchers: tuple[Matcher, ...] = ()
    functions: tuple[str, ...] = ()
    aggregated: bool = False
    grouping: frozenset[str] = frozenset()
    range_seconds: float = 0.0
    offset_seconds: float = 0.0


def selectors(expression: str) -> list[Selector]:
    """Return every selector of the expression, from left to right.

    Raises:
        ValueError: The expression is not PromQL.
    """
    return list(_selectors(parser.parse(expression), Selector("")))


def children(node: parser.Expr) -> list[parser.Expr]:
    """Return the direct operands of a parsed expression, from left to right."""
    match node:
        case parser.BinaryExpr():
            return [node.lhs, node.rhs]
        case parser.AggregateExpr():
            return [node.expr] if node.param is None else [node.param, node.expr]
        case parser.Call():
            return list(node.args)
        case parser.MatrixSelector():
            return [node.vector_selector]
        case parser.ParenExpr() | parser.UnaryExpr() | parser.SubqueryExpr():
            return [node.expr]
        case _:
            return []


def _selectors(node: parser.Expr, around: Selector) -> Iterator[Selector]:
    """Yield those within `node`; `around` collects what encloses it."""
    match node:
        case parser.VectorSelector():
            metric, matchers = _named(node)
            # `offset` of the selector itself; one of an enclosing subquery comes on top.
            offset = around.offset_seconds + _seconds(node.offset)
            yield replace(around, metric=metric, matchers=matchers, offset_seconds=offset)
            return
        case parser.Call():
            around = replace(around, functions=(*around.functions, node.func.name))
        case parser.AggregateExpr():
            around = replace(
                around,
                functions=(*around.functions, str(node.op)),
                aggregated=True,
                grouping=around.grouping | _labels(node.modifier),
            )
        case parser.BinaryExpr() if node.modifier is not None:
            joined = _labels(node.modifier.matching) | set(node.modifier.group_labels or ())
            around = replace(around, grouping=around.grouping | joined)
        case parser.MatrixSelector():
            around = replace(around, range_seconds=_seconds(node.range))
        case parser.SubqueryExpr():
            around = replace(
                around,
                range_seconds=_seconds(node.range),
                offset_seconds=around.offset_seconds + _seconds(node.offset),
            )
    for child in children(node):
        yield from _selectors(child, around)


def _named(node: parser.VectorSelector) -> tuple[str, tuple[Matcher, ...]]:
    # They compare equal to themselves, but have no hash.
    signs = (
        (parser.MatchOp.Equal, "="),
        (parser.MatchOp.NotEqual, "!="),
        (parser.MatchOp.Re, "=~"),
        (parser.MatchOp.NotRe, "!~"),
    )
    metric, matchers = node.name or "", []
    for matcher in node.matchers.matchers:
        if matcher.name == "__name__" and matcher.op == parser.MatchOp.Equal:
            metric = matcher.value
        else:
            sign = next(sign for op, sign in signs if op == matcher.op)
            matchers.append(Matcher(matcher.name, sign, matcher.value))
    return metric, tuple(matchers)


def _labels(modifier: parser.AggModifier | parser.LabelModifier | None) -> frozenset[str]:
    return frozenset() if modifier is None else frozenset(modifier.labels)


def _seconds(duration: timedelta | None) -> float:
    return 0.0 if duration is None else duration.total_seconds()
