"""The alert rules and recording rules as the tests of this folder ask for them."""

from pathlib import Path

from alerts.document import alert_groups
from alerts.recording import recording_groups
from alerts.rule import Alert, Recording
from alerts.windows import Windows
from tests.contract.promql_labels import Labels, result_labels, scraped

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "alerts"


def alerts(windows: Windows | None = None) -> list[Alert]:
    """Return every alert, in the order of the file."""
    groups = alert_groups(windows or Windows())
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


def recordings(windows: Windows | None = None) -> list[Recording]:
    """Return every recording rule, in the order of the file."""
    groups = recording_groups(windows or Windows())
    return [rule for group in groups for rule in group.rules if isinstance(rule, Recording)]


def all_series() -> dict[str, Labels]:
    """Return the labels of every series there is, scraped or recorded, in device detail.

    Raises:
        ValueError: A recording rule asks for something that does not exist before it.
    """
    series = scraped()
    for rule in recordings():
        labels = result_labels(rule.expression, series) | frozenset(rule.labels)
        if series.setdefault(rule.record, labels) != labels:
            raise ValueError(f"{rule.record} is recorded with {labels} and with {series[rule.record]}")
    return series
