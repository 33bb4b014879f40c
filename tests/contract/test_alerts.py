"""The committed rule files: what Prometheus says of them, and that each rule is tested."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from promql_parser import parse

from alerts.__main__ import rule_files
from alerts.windows import Windows
from tests.contract.alert_rules import FOLDER
from tools.dashlint.project import alerts, recordings
from tools.dashlint.promql.walk import selectors

TEST_FILES = sorted((FOLDER / "tests").glob("*.test.yaml"))

Identity = tuple[str, str, str]
"""Name, severity and long window: burn-rate alerts share their name."""


def test_the_committed_files_are_what_the_code_makes() -> None:
    made = rule_files(Windows())
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.rules.yaml")}
    assert committed == made, "run `python -m alerts`"


def test_promtool_finds_nothing_to_complain_of() -> None:
    files = sorted(FOLDER.glob("*.rules.yaml"))
    checked = subprocess.run(
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", *files],
        capture_output=True,
        check=False,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.name)
def test_rules(file: Path) -> None:
    tested = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, check=False, text=True, timeout=240
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_recordings_are_evaluated_before_alerts_in_every_test() -> None:
    # Else promtool takes any order, another one each time.
    made = rule_files(Windows())
    order = [group["name"] for text in made.values() for group in yaml.safe_load(text)["groups"]]
    for file in TEST_FILES:
        assert yaml.safe_load(file.read_text())["group_eval_order"] == order, file.name


def test_each_alert_is_tested_in_the_evaluation_that_fires_it_and_in_the_one_before() -> None:
    boundaries = {
        (name, labels["severity"], labels.get("long", ""))
        for checks, step in _groups()
        for (name, at), firing in checks.items()
        for labels in firing
        if (name, at - step) in checks and labels not in checks[name, at - step]
    }
    assert boundaries == _identities() - {("TickrMeterWatchdog", "info", "")}


def test_the_watchdog_is_tested_at_once() -> None:
    assert any(("TickrMeterWatchdog", 0) in checks for checks, _ in _groups())


def test_each_recorded_series_is_asked_for_by_a_test() -> None:
    asked = {
        selector.name
        for file in TEST_FILES
        for group in yaml.safe_load(file.read_text())["tests"]
        for check in group.get("promql_expr_test", ())
        if check.get("exp_samples")
        for selector, _around in selectors(parse(check["expr"]))
    }
    assert {rule.record for rule in recordings()} <= asked


def _identities() -> set[Identity]:
    return {(alert.name, alert.severity.value, alert.labels.get("long", "")) for alert in alerts()}


def _groups() -> Iterator[tuple[dict[tuple[str, int], list[dict[str, str]]], int]]:
    """Yield, for each group of tests, the alerts expected by name and minute, and the minutes of a step."""
    for file in TEST_FILES:
        document = yaml.safe_load(file.read_text())
        step = _minutes(document["evaluation_interval"])
        for group in document["tests"]:
            yield (
                {
                    (check["alertname"], _minutes(check["eval_time"])): [
                        expected["exp_labels"] for expected in check.get("exp_alerts", ())
                    ]
                    for check in group.get("alert_rule_test", ())
                },
                step,
            )


def _minutes(duration: str) -> int:
    assert duration.endswith("m"), duration
    return int(duration.removesuffix("m"))
