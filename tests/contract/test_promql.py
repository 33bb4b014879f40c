import pytest

from tests.contract.promql import Matcher, Selector, selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + time()", []),
        ("a", [Selector("a")]),
        ('{__name__="a"}', [Selector("a")]),
        ('{__name__=~"a|b"}', [Selector("", (Matcher("__name__", "=~", "a|b"),))]),
        (
            'a{b="1", c!="2", d=~"3", e!~"4"}',
            [
                Selector(
                    "a",
                    (
                        Matcher("b", "=", "1"),
                        Matcher("c", "!=", "2"),
                        Matcher("d", "=~", "3"),
                        Matcher("e", "!~", "4"),
                    ),
                )
            ],
        ),
        (
            "sum by (b) (rate(a[5m] offset 1h))",
            [
                Selector(
                    "a",
                    functions=("sum", "rate"),
                    aggregated=True,
                    grouping=frozenset({"b"}),
                    range_seconds=300,
                    offset_seconds=3600,
                )
            ],
        ),
        (
            "topk(scalar(n), -a)",
            [
                Selector("n", functions=("topk", "scalar"), aggregated=True),
                Selector("a", functions=("topk",), aggregated=True),
            ],
        ),
        (
            "a * on (b) group_left (c) (d unless ignoring (e) f)",
            [
                Selector("a", grouping=frozenset("bc")),
                Selector("d", grouping=frozenset("bce")),
                Selector("f", grouping=frozenset("bce")),
            ],
        ),
        (
            "max_over_time((a offset 1m)[5m:1m] offset 2m)",
            [Selector("a", functions=("max_over_time",), range_seconds=300, offset_seconds=180)],
        ),
    ],
)
def test_selectors(expression: str, expected: list[Selector]) -> None:
    assert selectors(expression) == expected


def test_what_is_not_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        selectors("rate(a[5m]")
