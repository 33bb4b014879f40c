"""The rules that every dashboard keeps: those of grafana/dashboard-linter, for all panels, and more."""

from tools.dashlint.rule import Rule
from tools.dashlint.rules import adding, dashboard, fields, links, panels, queries, tables

RULES: tuple[Rule, ...] = (
    dashboard.head,
    dashboard.data_source,
    dashboard.choices,
    dashboard.variables_used,
    dashboard.variable_lists,
    dashboard.layout,
    panels.texts,
    panels.targets,
    panels.unit,
    panels.thresholds,
    panels.legend,
    queries.promql,
    queries.names,
    queries.chosen,
    queries.several,
    queries.rate_interval,
    queries.counters,
    queries.variable_cost,
    queries.legends,
    queries.buckets,
    adding.never_added,
    adding.told_apart,
    fields.columns,
    fields.linked_labels,
    tables.picked_once,
    links.links,
)
