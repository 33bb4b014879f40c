"""The alert rules and recording rules as the tests of this folder ask for them."""

from pathlib import Path

from alerts.document import alert_groups
from alerts.recording import recording_groups
from alerts.rule import Alert, Recording
from alerts.windows import Windows
from otel_tickrmeter.rows import all_rows
from tests.contract.promql_labels import Metric
from tests.contract.promql_metrics import recorded, scraped

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "alerts"


def alerts() -> list[Alert]:
    """Return every alert, as it is in real use, in the order of the file."""
    groups = alert_groups(Windows())
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


def recordings() -> list[Recording]:
    """Return every recording rule, as it is in real use, in the order of the file."""
    groups = recording_groups(Windows())
    return [rule for group in groups for rule in group.rules if isinstance(rule, Recording)]


def all_series() -> dict[str, Metric]:
    """Return every series there is, scraped or recorded, in device detail.

    Raises:
        LabelError: A recording rule asks for something that does not exist before it.
    """
    return recorded(recordings(), scraped(all_rows()))
