"""The rules that every dashboard keeps, and what these compare it with."""

from collections.abc import Iterable

from grafana.committed import Json, variables
from tests.contract import (
    grafana_rules,
    grafana_rules_fields,
    grafana_rules_panel,
    grafana_rules_query,
    grafana_rules_tables,
)
from tests.contract.alert_rules import alerts, all_series
from tests.contract.grafana_rules import Known, Rule
from tests.contract.grafana_rules_links import links
from tests.contract.promql_labels import Metric
from tests.contract.promql_metrics import alerting

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
    grafana_rules_tables.picked_once,
    links,
)


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
            dashboard["uid"]: frozenset(variable["name"] for variable in variables(dashboard))
            for dashboard in dashboards
        },
    )
