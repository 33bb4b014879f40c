"""What nothing can look at is found first: it would break the look at Grafana's types, or a rule."""

from typing import Any

import pytest

from tests.support.sample_dashboard import sample
from tools.dashlint.shape import misshapen

TABLE = ("panels", 3)
OVERRIDE = (*TABLE, "fieldConfig", "overrides", 0)


def test_the_sample_is_well_shaped() -> None:
    assert list(misshapen(sample())) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("annotations",), [], "$.annotations: [] is not of type 'object'"),
        (("annotations", "list"), {}, "$.annotations.list: {} is not of type 'array'"),
        (("panels",), None, "$.panels: None is not of type 'array'"),
        (("panels", 1, "panels"), [1], "$.panels[1].panels[0]: 1 is not of type 'object'"),
        (("panels", 0, "type"), [], "$.panels[0].type: [] is not of type 'string'"),
        (("panels", 0, "targets"), [None], "$.panels[0].targets[0]: None is not of type 'object'"),
        (("panels", 0, "links"), "x", "$.panels[0].links: 'x' is not of type 'array'"),
        (("panels", 0, "options", "legend"), 1, "$.panels[0].options.legend: 1 is not of type 'object'"),
        (("templating", "list", 0, "name"), [], "$.templating.list[0].name: [] is not of type 'string'"),
        (
            ("templating", "list", 1, "query"),
            {"query": 5},
            "$.templating.list[1].query.query: 5 is not of type 'string'",
        ),
        (
            (*TABLE, "transformations", 0, "id"),
            {},
            "$.panels[3].transformations[0].id: {} is not of type 'string'",
        ),
        (
            (*OVERRIDE, "matcher", "options"),
            ["Symbol"],
            "$.panels[3].fieldConfig.overrides[0].matcher.options: ['Symbol'] is not of type 'string'",
        ),
        (
            (*OVERRIDE, "matcher"),
            {"id": "byName"},
            "$.panels[3].fieldConfig.overrides[0].matcher: 'options' is a required property",
        ),
        (
            (*OVERRIDE, "properties", 0, "value"),
            "x",
            "$.panels[3].fieldConfig.overrides[0].properties[0].value: 'x' is not of type 'array'",
        ),
        (
            (*OVERRIDE, "properties", 1),
            {},
            "$.panels[3].fieldConfig.overrides[0].properties[1]: 'id' is a required property",
        ),
        (("uid",), {}, "$.uid: {} is not of type 'string'"),
    ],
)
def test_what_is_misshapen_is_found(path: tuple[str | int, ...], value: object, fault: str) -> None:
    dashboard = sample()
    holder: Any = dashboard
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    assert list(misshapen(dashboard)) == [fault]


def test_a_matcher_that_names_several_fields_may_list_them() -> None:
    dashboard = sample()
    override = dashboard["panels"][3]["fieldConfig"]["overrides"][0]
    override["matcher"] = {"id": "byNames", "options": {"names": ["Symbol"]}}
    assert list(misshapen(dashboard)) == []
