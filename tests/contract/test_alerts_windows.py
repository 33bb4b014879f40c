"""Rules with shorter windows are the same rules: only durations differ, and by the factor asked for."""

from itertools import chain
from typing import Any

import promql_parser as parser
import pytest
import yaml

from alerts.__main__ import rule_files
from alerts.windows import Windows
from tools.dashlint.promql.walk import children

SHRINK = 60
HOLDS = ("for", "keep_firing_for")

Part = tuple[str, ...] | float
"""A node's words, or one of its numbers; durations are negative, to tell them apart."""


def test_expressions_differ_in_windows_only() -> None:
    for real, short in _pairs():
        shapes = [list(_parts(parser.parse(rule["expr"]))) for rule in (real, short)]
        assert len(shapes[0]) == len(shapes[1]), real["expr"]
        for one, other in zip(*shapes, strict=True):
            if isinstance(one, float) and isinstance(other, float):
                # A window, or a window in seconds as a number, or a threshold.
                allowed = {one / SHRINK} if one < 0 else {one, one / SHRINK}
                assert other in allowed, (real["expr"], short["expr"])
            else:
                assert one == other, (real["expr"], short["expr"])


@pytest.mark.parametrize("hold", HOLDS)
def test_holds_differ_by_the_factor(hold: str) -> None:
    for real, short in _pairs():
        assert _seconds(real.get(hold)) == SHRINK * _seconds(short.get(hold)), real


def test_all_else_is_the_same() -> None:
    without = dict.fromkeys(("expr", *HOLDS))
    for real, short in _pairs():
        assert {**real, **without} == {**short, **without}


def test_groups_are_evaluated_as_much_more_often() -> None:
    real, short = _groups(Windows()), _groups(Windows(SHRINK))
    assert [group["name"] for group in real] == [group["name"] for group in short]
    for one, other in zip(real, short, strict=True):
        assert _seconds(one.get("interval")) == SHRINK * _seconds(other.get("interval"))


def _groups(windows: Windows) -> list[Any]:
    return list(chain(*(yaml.safe_load(text)["groups"] for text in rule_files(windows).values())))


def _pairs() -> list[tuple[Any, Any]]:
    real, short = (
        [rule for group in _groups(w) for rule in group["rules"]] for w in (Windows(), Windows(SHRINK))
    )
    return list(zip(real, short, strict=True))


def _seconds(duration: str | None) -> float:
    return 0.0 if duration is None else parser.parse_duration(duration).total_seconds()


def _parts(node: parser.Expr) -> list[Part]:
    """Return what the expression consists of, from left to right."""
    words: tuple[str, ...] = (type(node).__name__,)
    numbers: list[float] = []
    match node:
        case parser.NumberLiteral():
            numbers = [node.val]
        case parser.VectorSelector():
            words += (str(node.name), str(node.matchers))
            numbers = [-node.offset.total_seconds()] if node.offset is not None else []
        case parser.MatrixSelector():
            numbers = [-node.range.total_seconds()]
        case parser.Call():
            words += (node.func.name,)
        case parser.AggregateExpr():
            words += (str(node.op), *_modifier(node.modifier))
        case parser.BinaryExpr():
            words += (str(node.op),)
            if node.modifier is not None:
                words += (
                    str(node.modifier.card),
                    str(node.modifier.return_bool),
                    *_modifier(node.modifier.matching),
                    *(node.modifier.group_labels or ()),
                )
        case parser.ParenExpr():
            pass
        case _:
            raise AssertionError(f"the rules have none of these yet: {node.prettify()}")
    return [words, *numbers, *chain(*(_parts(child) for child in children(node)))]


def _modifier(modifier: parser.AggModifier | parser.LabelModifier | None) -> tuple[str, ...]:
    return () if modifier is None else (str(modifier.type), *modifier.labels)
