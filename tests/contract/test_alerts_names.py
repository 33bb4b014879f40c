"""What the rules name exists: metrics, labels, their values, dashboards, sections of runbooks."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts.rule import Alert, Recording, Severity, Subject
from otel_tickrmeter.catalogue import catalogue
from tests.contract.alert_rules import ROOT, alerts, all_series, recordings
from tests.contract.promql import Matcher, selectors
from tests.contract.promql_labels import TARGET, Labels, result_labels

EXPRESSIONS = [rule.expression for rule in recordings()] + [alert.expression for alert in alerts()]
# A level is what remains of the labels, besides those of the target and of the figure itself.
LEVELS = {"instance": set(), "symbol": {"symbol"}, "firmware": {"firmware_version"}}
OF_THE_FIGURE = {"le", "quantile", "outcome"}


def by_name(rule: Alert | Recording) -> str:
    if isinstance(rule, Recording):
        return rule.record + "".join(f"-{value}" for value in rule.labels.values())
    return rule.name + "".join(f"-{value}" for value in rule.labels.values())


@pytest.fixture(scope="module")
def series() -> dict[str, Labels]:
    return all_series()


@pytest.fixture(scope="module")
def dashboards() -> dict[str, Any]:
    documents = [json.loads(path.read_text()) for path in (ROOT / "grafana" / "dashboards").glob("*.json")]
    return {document["uid"]: document for document in documents}


def test_every_series_and_label_exists_and_every_join_can_match(series: dict[str, Labels]) -> None:
    for alert in alerts():
        result_labels(alert.expression, series)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_matchers_ask_for_values_that_exist(expression: str) -> None:
    closed = _closed_lists()
    for selector in selectors(expression):
        for matcher in selector.matchers:
            values = closed.get((selector.metric, matcher.label))
            if values is not None:
                _check_values(matcher, values)


def test_a_bound_or_reason_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(AssertionError):
        _check_values(
            Matcher("le", "=", "2"), _closed_lists()["tickrmeter_stock_update_latency_seconds_bucket", "le"]
        )
    with pytest.raises(AssertionError):
        _check_values(Matcher("reason", "!~", "retained|doubled"), ("retained", "duplicate"))


@pytest.mark.parametrize("rule", recordings(), ids=by_name)
def test_a_recorded_name_is_level_metric_operation(rule: Recording, series: dict[str, Labels]) -> None:
    level, metric, operation = rule.record.split(":")
    assert re.fullmatch(r"tickrmeter_[a-z_]+", metric)
    assert re.fullmatch(r"(rate|ratio_rate|mean|stddev)\d+[mhd]|sum|count|ratio|quantile", operation)
    assert series[rule.record] - TARGET - OF_THE_FIGURE == LEVELS[level]


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_an_alert_says_what_its_readers_need(alert: Alert) -> None:
    assert alert.severity in Severity
    assert alert.subject in Subject
    # One fixed sentence.
    assert re.fullmatch(r"[A-Z][^.{}]+\.", alert.summary)
    assert alert.description.endswith(".")
    assert re.fullmatch(r"(TickrMeter|High)([A-Z][a-z]+)+", alert.name)


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_templates_use_labels_that_the_alert_has(alert: Alert, series: dict[str, Labels]) -> None:
    labels = result_labels(alert.expression, series)
    used = set(re.findall(r"\$labels\.(\w+)", alert.description + alert.dashboard))
    assert used <= labels
    # Where one can tell exporters apart, the link does.
    assert ("instance" in used) == ("instance" in labels)
    # A value in a link may have any character in it.
    assert alert.dashboard.count("$labels") == alert.dashboard.count("| urlquery }}")


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_a_dashboard_link_names_a_dashboard_and_its_variables(
    alert: Alert, dashboards: dict[str, Any]
) -> None:
    link = urlsplit(re.sub(r"{{.*?}}", "x", alert.dashboard))
    folder, uid = link.path.removeprefix("/").split("/")
    assert folder == "d"
    assert uid in dashboards
    variables = {f"var-{variable['name']}" for variable in dashboards[uid]["templating"]["list"]}
    assert set(parse_qs(link.query)) <= variables


@pytest.mark.parametrize("subject", Subject)
def test_the_runbook_has_a_section_for_each_alert_and_for_nothing_else(subject: Subject) -> None:
    runbook = (ROOT / "docs" / "runbooks" / f"{subject.value}.md").read_text()
    sections = re.findall(r"^## (.+)$", runbook, re.MULTILINE)
    assert sorted(sections) == sorted({alert.name for alert in alerts() if alert.subject is subject})


def test_the_published_alerts_are_as_they_were_published() -> None:
    found = {
        alert.name: (alert.expression, alert.hold, alert.severity.value)
        for alert in alerts()
        if not alert.name.startswith("TickrMeter")
    }
    assert found == {
        "HighSymbolLatency": ("tickrmeter_symbol_avg_latency_seconds > 10", "5m", "warning"),
        "HighTimeoutRate": ("rate(tickrmeter_symbol_timeout_total[5m]) > 0.1", "2m", "critical"),
    }


def _closed_lists() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return all values that a metric's label can have, where that is known."""
    found = {
        (row.exposed, label): tuple(values)
        for row in catalogue()
        for label, values in row.attributes.items()
        if values
    }
    for row in catalogue():
        if row.buckets:
            bounds = (*(str(float(bound)) for bound in row.buckets), "+Inf")
            found[f"{row.exposed}_bucket", "le"] = bounds
            # Recorded from it, with the bounds that it has.
            for level in LEVELS:
                found[f"{level}:{row.exposed}_bucket:rate5m", "le"] = bounds
    return found


def _check_values(matcher: Matcher, values: tuple[str, ...]) -> None:
    wanted = matcher.value.split("|") if matcher.op.endswith("~") else [re.escape(matcher.value)]
    for pattern in wanted:
        assert any(re.fullmatch(pattern, value) for value in values), f"{matcher} matches none of {values}"
