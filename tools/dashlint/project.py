"""What a dashboard of this project can ask for and link to; nothing else here knows what is ours."""

from collections.abc import Iterable

from alerts.document import alert_groups
from alerts.fleet import NEVER_ADDED
from alerts.recording import recording_groups
from alerts.rule import Alert, Recording
from alerts.windows import Windows
from grafana.committed import Json, variables
from otel_tickrmeter.rows import all_rows
from tools.dashlint.promql.labels import Metric
from tools.dashlint.promql.metrics import alerting, recorded, scraped
from tools.dashlint.rule import Known


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


def known_metrics() -> dict[str, Metric]:
    """Return everything that a query can select: scraped, recorded, and Prometheus' own."""
    series = all_series()
    return {**series, "ALERTS": alerting(series, alerts())}


def known(dashboards: Iterable[Json], units: frozenset[str]) -> Known:
    """Return what rules compare a dashboard with; `dashboards` are those that may be linked to."""
    return Known(
        known_metrics(),
        units,
        {
            dashboard.get("uid", ""): frozenset(variable.get("name", "") for variable in variables(dashboard))
            for dashboard in dashboards
        },
        NEVER_ADDED,
    )
