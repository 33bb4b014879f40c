"""Each rule finds what it is there for: the sample dashboard, broken in one place at a time."""

from typing import Any

import pytest

from tests.dashlint.broken import ALLOWED, BROKEN, JOB, NEXT, REMOVED, ROW, Path
from tests.support.sample_dashboard import sample
from tools.dashlint.project import known
from tools.dashlint.rule import Known
from tools.dashlint.rules import RULES
from tools.dashlint.rules.fields import columns
from tools.dashlint.schema import install, units


@pytest.fixture(scope="module")
def everything() -> Known:
    return known([sample()], units(install()))


def test_the_sample_keeps_every_rule(everything: Known) -> None:
    assert [text for rule in RULES for text in rule(sample(), everything)] == []


@pytest.mark.parametrize(("name", "path", "value", "complaint"), BROKEN)
def test_a_broken_dashboard_is_found(
    name: str, path: Path, value: object, complaint: str, everything: Known
) -> None:
    (rule,) = (rule for rule in RULES if rule.__name__ == name)
    assert list(rule(_changed(path, value), everything)) == [complaint]


@pytest.mark.parametrize(("name", "path", "value"), ALLOWED)
def test_a_rule_does_not_complain_without_reason(
    name: str, path: Path, value: object, everything: Known
) -> None:
    (rule,) = (rule for rule in RULES if rule.__name__ == name)
    assert list(rule(_changed(path, value), everything)) == []


def test_a_transformation_whose_columns_are_unknown_is_refused(everything: Known) -> None:
    with pytest.raises(ValueError, match="which columns does 'reduce' leave"):
        list(columns(_changed(NEXT, {"id": "reduce"}), everything))


def test_every_rule_was_broken() -> None:
    assert {name for name, *_ in BROKEN} == {rule.__name__ for rule in RULES}


def test_a_panel_of_a_collapsed_row_is_looked_at(everything: Known) -> None:
    dashboard = sample()
    inner = dashboard["panels"].pop()
    dashboard["panels"][ROW[1]]["panels"] = [{**inner, "title": ""}]
    found = [text for rule in RULES for text in rule(dashboard, everything)]
    assert found == ["panel 6 has no title"]


@pytest.mark.parametrize(
    "query",
    ["metrics(tickrmeter_.*)", "label_values(symbol)", "query_result(up)"],
)
def test_a_variable_asks_for_the_values_of_a_label(query: str, everything: Known) -> None:
    (rule,) = (rule for rule in RULES if rule.__name__ == "promql")
    with pytest.raises(ValueError, match="variable 'job': not label_values"):
        list(rule(_changed((*JOB, "query"), query), everything))


def _changed(path: Path, value: object) -> dict[str, Any]:
    dashboard = sample()
    holder: Any = dashboard
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    if value is REMOVED:
        del holder[last]
    elif isinstance(holder, list) and last == len(holder):
        holder.append(value)
    else:
        holder[last] = value
    return dashboard
