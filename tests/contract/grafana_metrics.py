"""What dashboards may ask for: every metric with its labels, and the values where these are a closed list.

The labels of a recorded series follow from its expression (grafana_labels.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from otel_tickrmeter.catalogue import Instrument

Labels = Mapping[str, frozenset[str]]
"""The values that a label can have; an empty set is any."""

ANY: frozenset[str] = frozenset()
TARGET: Labels = {"job": ANY, "instance": ANY}
"""What Prometheus adds to each series that it scrapes."""

_OWN = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)


@dataclass(frozen=True, slots=True)
class Metric:
    """A name that a query can select. A `counter` only means something as a rate or an increase."""

    labels: Labels
    counter: bool = False


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


def alerting(
    metrics: Mapping[str, Metric],
    names: Iterable[str],
    severities: Iterable[str],
    components: Iterable[str],
) -> Metric:
    """Return Prometheus' ALERTS: an alert has `names` and the labels of whatever it looks at."""
    looked_at = (name for metric in metrics.values() for name in metric.labels)
    return Metric(
        {
            **dict.fromkeys(looked_at, ANY),
            **dict.fromkeys(names, ANY),
            "alertname": ANY,
            "alertstate": frozenset({"firing", "pending"}),
            "severity": frozenset(severities),
            "component": frozenset(components),
        }
    )
