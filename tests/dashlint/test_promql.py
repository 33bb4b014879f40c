import pytest
from promql_parser import parse

from tools.dashlint.promql.walk import selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + time()", []),
        ("a", ["a"]),
        ('{__name__=~"a|b"}', ["None"]),
        ("sum by (b) (-rate(a[5m] offset 1h))", ["AggregateExpr UnaryExpr Call MatrixSelector a"]),
        ("topk(scalar(n), a)", ["AggregateExpr Call n", "AggregateExpr a"]),
        ("a * (b unless c)", ["BinaryExpr a", *(f"BinaryExpr ParenExpr BinaryExpr {name}" for name in "bc")]),
        ("max_over_time(a[5m:1m])", ["Call SubqueryExpr a"]),
    ],
)
def test_selectors_and_what_is_around_them(expression: str, expected: list[str]) -> None:
    found = [
        " ".join([*(type(node).__name__ for node in around), str(selector.name)])
        for selector, around in selectors(parse(expression))
    ]
    assert found == expected
