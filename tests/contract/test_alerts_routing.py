"""The example for Alertmanager: it is one, and every alert that it names exists."""

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping

import pytest
import yaml
from promql_parser import Matcher, MatchOp, VectorSelector, parse

from alerts.rule import ONE_FLEET, Alert
from tests.contract.alert_rules import FOLDER
from tools.dashlint.project import alerts, known_metrics
from tools.dashlint.promql.labels import SOMETIMES, labels_of

CONFIG = FOLDER / "alertmanager.yaml"
SERIES = known_metrics()
INHIBITIONS = yaml.safe_load(CONFIG.read_text())["inhibit_rules"]


def test_amtool_accepts_it() -> None:
    checked = subprocess.run(["amtool", "check-config", CONFIG], capture_output=True, check=False, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=TickrMeterWatchdog", "severity=info"], "watchdog"),
        (["alertname=TickrMeterSymbolTimesOut", "severity=critical"], "on-call"),
        # It is no share of anything.
        (["alertname=HighTimeoutRate", "severity=critical"], "team"),
        (["alertname=HighSymbolLatency", "severity=warning"], "team"),
        (["alertname=Another", "severity=info"], "nobody"),
    ],
)
def test_an_alert_reaches_its_receiver(labels: list[str], receiver: str) -> None:
    routed = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={CONFIG}", *labels],
        capture_output=True,
        check=True,
        text=True,
    )
    assert routed.stdout.split() == [receiver]


def test_every_route_is_for_some_alert() -> None:
    for route in yaml.safe_load(CONFIG.read_text())["route"]["routes"]:
        assert list(_matching(route["matchers"])), route


@pytest.mark.parametrize("rule", INHIBITIONS, ids=lambda rule: str(rule["source_matchers"][0]))
def test_an_inhibition_is_about_alerts_that_exist_and_can_be_told_to_belong_together(
    rule: Mapping[str, list[str]],
) -> None:
    sources, targets = list(_matching(rule["source_matchers"])), list(_matching(rule["target_matchers"]))
    # Every name of an alternative, too.
    for matcher in _matchers([*rule["source_matchers"], *rule["target_matchers"]]):
        for alternative in matcher.value.split("|"):
            assert any(re.fullmatch(alternative, _labels(alert)[matcher.name]) for alert in alerts()), (
                f"{alternative} is no alert"
            )
    assert sources
    assert targets
    assert not [alert for alert in sources if alert in targets], "inhibits itself"
    told_apart = {alert.name: _told_apart(rule["equal"], alert) for alert in (*sources, *targets)}
    assert any(told_apart[alert.name] for alert in targets)
    # What is about the whole fleet has no label of an exporter: another rule of the same sources is for that.
    same = [each for each in INHIBITIONS if each["source_matchers"] == rule["source_matchers"]]
    for alert in targets:
        assert told_apart[alert.name] or any(
            alert in _matching(each["target_matchers"]) and _told_apart(each["equal"], alert) for each in same
        )
    for alert in sources:
        assert told_apart[alert.name], alert.name


def _told_apart(equal: Iterable[str], alert: Alert) -> bool:
    """Whether it has each of these labels: to Alertmanager what one of two alerts alone has is not equal."""
    labels = labels_of(parse(alert.expression), SERIES) or {}
    # To Alertmanager a label that neither has is equal.
    return set(equal) - SOMETIMES <= {*labels, *_labels(alert)}


def _matching(matchers: list[str]) -> Iterator[Alert]:
    parsed = _matchers(matchers)
    for alert in alerts():
        labels = _labels(alert)
        if all(_holds(matcher, labels[matcher.name]) for matcher in parsed):
            yield alert


def _matchers(texts: list[str]) -> list[Matcher]:
    # Alertmanager writes them as PromQL does.
    selector = parse(f"{{{', '.join(texts)}}}")
    assert isinstance(selector, VectorSelector)
    return list(selector.matchers.matchers)


def _labels(alert: Alert) -> dict[str, str]:
    return {
        "alertname": alert.name,
        "severity": alert.severity.value,
        "component": alert.subject.value,
        **alert.labels,
    }


def _holds(matcher: Matcher, value: str) -> bool:
    assert matcher.op in (MatchOp.Equal, MatchOp.Re), matcher
    pattern = matcher.value if matcher.op == MatchOp.Re else re.escape(matcher.value)
    return re.fullmatch(pattern, value) is not None


def test_alerts_of_two_fleets_are_told_apart_in_what_is_sent() -> None:
    group_by = yaml.safe_load(CONFIG.read_text())["route"]["group_by"]
    assert set(ONE_FLEET.split(", ")) <= set(group_by)
