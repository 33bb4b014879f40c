"""What a global Prometheus is given, as docs/partitions.md has it: all that rules of the fleet read."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from promql_parser import parse

from alerts.__main__ import rule_files
from alerts.windows import Windows
from tests.contract.alert_rules import ROOT
from tools.dashlint.promql.walk import selectors

DOCUMENT = ROOT / "docs" / "partitions.md"
OF_THE_FLEET = ("tickrmeter.fleet", "tickrmeter.alerts.fleet")

Patterns = Callable[[], list[str]]


def documented(key: str) -> Any:  # noqa: ANN401  YAML
    """What the document has below this key of a configuration."""
    for block in DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1:]:
        found = yaml.safe_load(block.split("```")[0])
        if key in found:
            return found[key]
    raise AssertionError(f"no {key} in {DOCUMENT.name}")


def federated() -> list[str]:
    """The patterns of names that the global one asks for."""
    (job,) = documented("scrape_configs")
    return [_pattern_of(each) for each in job["params"]["match[]"]]


def written() -> list[str]:
    """The patterns of names that are written to it."""
    (writing,) = documented("remote_write")
    (rule,) = writing["write_relabel_configs"]
    assert rule["source_labels"] == ["__name__"]
    return [rule["regex"]]


def _pattern_of(selector: str) -> str:
    found = re.match(r'\{__name__=~"([^"]+)"', selector)
    assert found, selector
    return found[1]


def read_from_elsewhere() -> set[str]:
    """Names that rules and alerts of the fleet read and do not record themselves."""
    groups = [group for text in rule_files(Windows()).values() for group in yaml.safe_load(text)["groups"]]
    recording, alerting = (group["rules"] for group in groups if group["name"] in OF_THE_FLEET)
    return set(_read([*recording, *alerting])) - {rule["record"] for rule in recording} - {"ALERTS"}


def _read(rules: list[dict[str, str]]) -> Iterator[str]:
    for rule in rules:
        for selector, _ in selectors(parse(rule["expr"])):
            assert selector.name, rule["expr"]
            yield selector.name


@pytest.mark.parametrize("patterns", [federated, written], ids=["federation", "remote write"])
def test_a_global_prometheus_is_given_all_that_the_rules_of_the_fleet_read(patterns: Patterns) -> None:
    names = read_from_elsewhere()
    assert {name for name in names if ":" in name}
    assert {name for name in names if ":" not in name}
    missing = {name for name in names if not any(re.fullmatch(each, name) for each in patterns())}
    assert missing == set()


@pytest.mark.parametrize("patterns", [federated, written], ids=["federation", "remote write"])
def test_it_is_given_no_raw_name_that_they_do_not_read(patterns: Patterns) -> None:
    named = {name for each in patterns() for name in re.findall(r"[a-z]+(?:_[a-z]+)+", each)}
    assert named
    assert named - read_from_elsewhere() == set()
