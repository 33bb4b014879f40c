"""A walk through a parsed PromQL expression.

Grafana's variables are not PromQL: put a value in for each (`$__rate_interval`: `5m`) before parsing.
"""

from collections.abc import Iterator

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)


def children(node: Expr) -> list[Expr]:
    """Return the direct operands of a parsed expression, from left to right."""
    match node:
        case BinaryExpr():
            return [node.lhs, node.rhs]
        case AggregateExpr():
            return [node.expr] if node.param is None else [node.param, node.expr]
        case Call():
            return list(node.args)
        case MatrixSelector():
            return [node.vector_selector]
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return [node.expr]
        case _:
            return []


def selectors(node: Expr, around: tuple[Expr, ...] = ()) -> Iterator[tuple[VectorSelector, tuple[Expr, ...]]]:
    """Yield every selector, from left to right, with the nodes around it, the outermost first."""
    if isinstance(node, VectorSelector):
        yield node, around
    for child in children(node):
        yield from selectors(child, (*around, node))
