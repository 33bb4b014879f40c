"""What the rules name exists: metrics, labels, their values, dashboards, sections of runbooks."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from promql_parser import parse

from alerts.document import OF_THE_FLEET, alert_groups
from alerts.fleet import CHOSEN, NEVER_ADDED
from alerts.rule import Alert, Recording, Severity, Subject
from alerts.windows import Windows
from grafana.committed import dashboards, variables
from tests.contract.alert_rules import ROOT
from tests.support.partitions import NEVER_ADDED as PARTITIONS_NEVER_ADDED
from tools.dashlint.project import alerts, known_metrics, recordings
from tools.dashlint.promql.labels import Metric, labels_of
from tools.dashlint.promql.metrics import TARGET
from tools.dashlint.rules.adding import wrong_sums

# A level is what remains of the labels, besides those of the target and of the figure itself.
LEVELS = {
    "instance": set(),
    "symbol": {"symbol"},
    "firmware": {"firmware_version"},
    "device": {"device_id"},
    # Exporters that share a fleet, by how many they are; and without any label of an exporter.
    "set": {"partitions"},
    "fleet": set(),
    "fleet_symbol": {"symbol"},
    "fleet_firmware": {"firmware_version"},
}
OF_THE_FIGURE = {"le", "quantile", "outcome", "status"}

PUBLISHED = {
    "HighSymbolLatency": (
        "tickrmeter_symbol_avg_latency_seconds > 10",
        "5m",
        "warning",
        "High latency detected for symbol {{ $labels.symbol }}",
    ),
    "HighTimeoutRate": (
        "rate(tickrmeter_symbol_timeout_total[5m]) > 0.1",
        "2m",
        "critical",
        "High timeout rate for symbol {{ $labels.symbol }}",
    ),
}
PUBLISHED_OF_JOBS = {
    "DagdaCpuHigh": 'system_cpu_usage_percent{cpu="total"} > 80',
    "DagdaWorkerFailures": 'rate(dagda_worker_operations_total{status="error"}[5m]) > 0.1',
    "DagdaMessageProcessingSlow": (
        "histogram_quantile(0.95, rate(dagda_worker_processing_duration_seconds_bucket[5m])) > 0.1"
    ),
}
"""Expressions only: the document has no more."""


def by_name(rule: Alert | Recording) -> str:
    if isinstance(rule, Recording):
        return rule.record + "".join(f"-{value}" for value in rule.labels.values())
    return rule.name + "".join(f"-{value}" for value in rule.labels.values())


@pytest.fixture(scope="module")
def series() -> dict[str, Metric]:
    return known_metrics()


def test_every_series_label_and_value_exists_and_every_join_can_match(series: dict[str, Metric]) -> None:
    # What a recording rule names is checked on the way to `series`.
    for alert in alerts():
        labels_of(parse(alert.expression), series)


def test_no_rule_has_a_variable_of_grafana() -> None:
    # They pass for any value.
    expressions = [rule.expression for rule in recordings()] + [alert.expression for alert in alerts()]
    assert [expression for expression in expressions if "$" in expression] == []


@pytest.mark.parametrize("rule", recordings(), ids=by_name)
def test_a_recorded_name_is_level_metric_operation(rule: Recording, series: dict[str, Metric]) -> None:
    level, metric, operation = rule.record.split(":")
    assert re.fullmatch(r"(tickrmeter|autocore)_[a-z_]+", metric)
    assert re.fullmatch(
        r"(rate|ratio_rate|mean|stddev)\d+[mhd]|sum|count|ratio|quantile|(top|bottom)k|min|complete|chosen|spare",
        operation,
    )
    found = set(series[rule.record].labels) - set(TARGET) - OF_THE_FIGURE
    assert ("instance" in series[rule.record].labels) != (level.startswith("fleet") or level == "set")
    # A device has one firmware.
    assert found - ({"firmware_version"} if level == "device" else set()) == LEVELS[level]


def test_sets_of_devices_are_small() -> None:
    recorded = [rule.expression for rule in recordings() if rule.record.startswith("device:")]
    assert len(recorded) == 2
    for expression in recorded:
        assert re.match(r"(top|bottom)k without \([a-z_, ]+\) \(10, ", expression), expression


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_an_alert_says_what_its_readers_need(alert: Alert) -> None:
    assert alert.severity in Severity
    assert alert.subject in Subject
    # One sentence, as lists show it; but those of the published alerts are as they were.
    assert re.fullmatch(r"[A-Z][^.{}]+\.", re.sub(r"{{ \$labels\.\w+ }}", "X", alert.summary)) or (
        alert.name in PUBLISHED
    )
    assert alert.description.endswith(".")
    assert re.fullmatch(r"(TickrMeter|AutoCore|Dagda|High)([A-Z][a-z]+)+", alert.name)


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_alerts_of_one_name_can_be_told_apart_in_a_list(alert: Alert, series: dict[str, Metric]) -> None:
    labels = set(labels_of(parse(alert.expression), series) or {})
    identities = {"symbol", "firmware_version", "device_id", "sensor", "rule", "channel"}
    identities |= {"worker_id", "blueprint", "shard_id", "operation", "message_type"}
    assert labels & identities == set(re.findall(r"\$labels\.(\w+)", alert.summary))


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_templates_use_labels_that_the_alert_has(alert: Alert, series: dict[str, Metric]) -> None:
    labels = set(labels_of(parse(alert.expression), series) or {})
    used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description + alert.dashboard))
    assert used <= labels
    # Where one can tell exporters apart, the link does.
    assert ("instance" in used) == ("instance" in labels)
    # A value in a link may have any character in it.
    assert alert.dashboard.count("$labels") == alert.dashboard.count("| urlquery }}")


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_what_is_about_a_whole_fleet_is_told_of_no_exporter(alert: Alert, series: dict[str, Metric]) -> None:
    labels = set(labels_of(parse(alert.expression), series) or {})
    # Two are about Prometheus: that it sends alerts, and that it scrapes anything.
    of_prometheus = {"TickrMeterWatchdog", "TickrMeterExporterAbsent"}
    assert alert.whole == ("instance" not in labels and alert.name not in of_prometheus)
    (group,) = (group for group in alert_groups(Windows()) if alert in group.rules)
    assert alert.whole == (group.name == OF_THE_FLEET)


@pytest.mark.parametrize("alert", alerts(), ids=by_name)
def test_a_dashboard_link_names_a_dashboard_and_its_variables(alert: Alert) -> None:
    link = urlsplit(re.sub(r"{{.*?}}", "x", alert.dashboard))
    assert not link.netloc  # it is Grafana's own address, wherever that is
    folder, uid = link.path.removeprefix("/").split("/")
    assert folder == "d"
    # Each is named after its uid.
    assert set(parse_qs(link.query)) <= {f"var-{each['name']}" for each in variables(dashboards()[uid])}


@pytest.mark.parametrize("subject", Subject)
def test_the_runbook_has_a_section_for_each_alert_and_for_nothing_else(subject: Subject) -> None:
    runbook = (ROOT / "docs" / "runbooks" / f"{subject.value}.md").read_text()
    sections = re.findall(r"^## (.+)$", runbook, re.MULTILINE)
    assert sorted(sections) == sorted({alert.name for alert in alerts() if alert.subject is subject})


def test_the_published_alerts_are_as_they_were_published() -> None:
    found = {
        alert.name: (alert.expression, alert.hold, alert.severity.value, alert.summary)
        for alert in alerts()
        if not alert.name.startswith(("TickrMeter", "AutoCore", "Dagda"))
    }
    assert found == PUBLISHED
    expressions = {alert.name: alert.expression for alert in alerts() if alert.name in PUBLISHED_OF_JOBS}
    assert expressions == PUBLISHED_OF_JOBS


def test_no_rule_adds_up_what_no_sum_says_anything_about() -> None:
    expressions = [rule.expression for rule in recordings()] + [alert.expression for alert in alerts()]
    assert [fault for each in expressions for fault in wrong_sums(parse(each), NEVER_ADDED)] == []


def test_what_is_never_added_is_all_that_partitions_do_not_add_up_to() -> None:
    """`tests/property/test_partition_sum.py` holds the others to adding up."""
    assert {name for name in NEVER_ADDED if not name.startswith("system_")} == {*PARTITIONS_NEVER_ADDED}


def test_the_level_of_the_fleet_knows_no_exporter(series: dict[str, Metric]) -> None:
    for rule in recordings():
        if rule.record.startswith("fleet"):
            assert "instance" not in series[rule.record].labels
            # Of the complete set, by itself or by way of another rule.
            assert CHOSEN in rule.expression or "fleet" in rule.expression
