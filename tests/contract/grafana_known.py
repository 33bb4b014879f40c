"""The committed dashboards, the rules that they keep, and what these compare them with."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from alerts.document import alert_groups
from alerts.recording import recording_groups
from alerts.rule import Alert, Recording, Severity, Subject
from alerts.windows import Windows
from otel_tickrmeter.catalogue import catalogue
from tests.contract import grafana_rules, grafana_rules_fields, grafana_rules_panel, grafana_rules_query
from tests.contract.grafana_labels import recorded
from tests.contract.grafana_metrics import Metric, alerting, scraped
from tests.contract.grafana_queries import Json, variables
from tests.contract.grafana_rules import Known, Rule
from tests.contract.grafana_rules_links import links

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"

RULES: tuple[Rule, ...] = (
    grafana_rules.head,
    grafana_rules.data_source,
    grafana_rules.choices,
    grafana_rules.variables_used,
    grafana_rules.variable_lists,
    grafana_rules.layout,
    grafana_rules_panel.texts,
    grafana_rules_panel.targets,
    grafana_rules_panel.unit,
    grafana_rules_panel.thresholds,
    grafana_rules_panel.legend,
    grafana_rules_query.promql,
    grafana_rules_query.names,
    grafana_rules_query.chosen,
    grafana_rules_query.several,
    grafana_rules_query.rate_interval,
    grafana_rules_query.counters,
    grafana_rules_query.variable_cost,
    grafana_rules_query.legends,
    grafana_rules_query.buckets,
    grafana_rules_fields.columns,
    grafana_rules_fields.linked_labels,
    links,
)


def dashboard_files() -> list[Path]:
    """Return the files of the dashboards."""
    return sorted(DASHBOARDS.glob("*.json"))


def load(file: Path) -> dict[str, Any]:
    """Return a dashboard."""
    dashboard: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return dashboard


def known_metrics() -> dict[str, Metric]:
    """Return everything that a query can select: scraped, recorded, and Prometheus' own."""
    groups = recording_groups(Windows())
    rules = (rule for group in groups for rule in group.rules if isinstance(rule, Recording))
    metrics = recorded(rules, scraped(catalogue()))
    names = {name for alert in all_alerts() for name in alert.labels}
    return {**metrics, "ALERTS": alerting(metrics, names, Severity, Subject)}


def all_alerts() -> Iterator[Alert]:
    """Yield every alert, as it is in real use."""
    for group in alert_groups(Windows()):
        yield from (rule for rule in group.rules if isinstance(rule, Alert))


def known(dashboards: Iterable[Json], units: frozenset[str]) -> Known:
    """Return what rules compare a dashboard with; `dashboards` are those that may be linked to."""
    return Known(
        known_metrics(),
        units,
        {
            dashboard["uid"]: frozenset(variable["name"] for variable in variables(dashboard))
            for dashboard in dashboards
        },
    )
