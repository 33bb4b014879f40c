"""What an expression can ask for: every metric with its labels, and the values of closed lists."""

from collections.abc import Iterable, Mapping

from promql_parser import parse

from alerts.rule import Alert, Recording
from otel_tickrmeter.catalogue import Instrument
from tools.dashlint.promql.labels import ANY, LabelError, Labels, Metric, either, labels_of

TARGET: Labels = {"job": ANY, "instance": ANY}
"""What Prometheus adds to each series that it scrapes."""

_OWN = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)


def scraped(rows: Iterable[Instrument]) -> dict[str, Metric]:
    """Return what Prometheus has after it scraped the instruments, its own series included."""
    found = {name: Metric(TARGET) for name in _OWN}
    for row in rows:
        labels = {**TARGET, **{name: frozenset(values) for name, values in row.attributes.items()}}
        if row.exposed_type == "histogram":
            bounds = frozenset(map(str, row.buckets)) | {"+Inf"}
            found[f"{row.exposed}_bucket"] = Metric({**labels, "le": bounds}, counter=True)
            found[f"{row.exposed}_sum"] = Metric(labels, counter=True)
            found[f"{row.exposed}_count"] = Metric(labels, counter=True)
        else:
            found[row.exposed] = Metric(labels, counter=row.exposed_type == "counter")
    return found


def recorded(rules: Iterable[Recording], metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return `metrics` with what the rules record from them; a rule may use those before it.

    Raises:
        LabelError: A rule names what does not exist, or another one with its name has other labels.
    """
    known = dict(metrics)
    for rule in rules:
        labels = labels_of(parse(rule.expression), known)
        if labels is None:
            raise LabelError(f"{rule.record} is no vector")
        labels = {**labels, **{name: frozenset({value}) for name, value in rule.labels.items()}}
        before = known[rule.record].labels if rule.record in known else labels
        if set(before) != set(labels):
            raise LabelError(f"{rule.record} is recorded with {sorted(before)} and with {sorted(labels)}")
        known[rule.record] = Metric(either(before, labels))
    return known


def alerting(metrics: Mapping[str, Metric], alerts: Iterable[Alert]) -> Metric:
    """Return Prometheus' ALERTS: an alert has labels of its own and those of whatever it looks at."""
    alerts = list(alerts)
    of_any = [*(metric.labels for metric in metrics.values()), *(alert.labels for alert in alerts)]
    return Metric(
        {
            **dict.fromkeys((name for labels in of_any for name in labels), ANY),
            "alertname": frozenset(alert.name for alert in alerts),
            "alertstate": frozenset({"firing", "pending"}),
            "severity": frozenset(alert.severity for alert in alerts),
            "component": frozenset(alert.subject for alert in alerts),
        }
    )
