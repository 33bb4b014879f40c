"""Puts panels together to a dashboard."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    Row,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    GridPos,
    Panel,
    RowPanel,
)
from grafana_foundation_sdk.models.prometheus import Dataquery

from grafana.one_set import of_one_set
from grafana.query import select
from grafana.variable import DATASOURCE, Variable

BACKEND = "tickrmeter-backend"
DEVICES = "tickrmeter-devices"
DEVICE = "tickrmeter-device"
EXPORTER = "tickrmeter-exporter"
AUTOCORE = "autocore"
JOBS = "jobs"
"""The dashboards' uids, which links and alerts name."""

_TAG = "tickrmeter"
_COLUMNS = 24


class Section(NamedTuple):
    """A row of a dashboard: a heading and what is below it.

    `of_fleet`: it shows a fleet, which may have two sets of exporters for a while, and not the exporters.
    """

    title: str
    panels: Sequence[Panel]
    of_fleet: bool = True


class Made(NamedTuple):
    """A finished dashboard; its file is named after its uid."""

    uid: str
    json: str


class Annotation(NamedTuple):
    """Marks the times when `expression` has a value; `text` may name its labels as {{label}}."""

    name: str
    expression: str
    text: str
    color: str


def alerts(matchers: str) -> Annotation:
    """Return the marks of firing alerts whose labels match."""
    return Annotation(
        "Alerts", select("ALERTS", 'alertstate="firing"', matchers), "{{alertname}} {{symbol}}", "red"
    )


def connection_changes() -> Annotation:
    """Return the marks of connections made, refused and lost."""
    changes = select("tickrmeter_mqtt_connection_changes_total")
    return Annotation(
        "Connection",
        f"sum by (event, reason) (increase({changes}[$__rate_interval])) > 0",
        "{{event}}: {{reason}}",
        "orange",
    )


def exporter_starts() -> Annotation:
    """Return the marks of starts of the exporter."""
    started = select("process_start_time_seconds")
    exporters = select("tickrmeter_build_info")
    return Annotation(
        "Exporter started",
        f"changes({started}[$__rate_interval]) > 0 and on (job, instance) {exporters}",
        "{{instance}} started",
        "blue",
    )


def make_dashboard(
    uid: str,
    title: str,
    description: str,
    variables: Sequence[Variable],
    sections: Sequence[Section],
    *,
    annotations: Sequence[Annotation],
) -> Made:
    """Put a dashboard together."""
    dashboard = (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([_TAG])
        .time("now-3h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            DashboardLink("TickrMeter")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
            .include_vars(include_vars=True)
            .keep_time(keep_time=True)
        )
    )
    for variable in variables:
        dashboard.with_variable(variable)
    for annotation in annotations:
        dashboard.annotation(
            AnnotationQuery()
            .name(annotation.name)
            .datasource(DATASOURCE)
            .enable(enable=True)
            .icon_color(annotation.color)
            .expr(annotation.expression)
            .title_format(annotation.name)
            .text_format(annotation.text)
            .step("1m")
        )
    built = dashboard.build()
    built.panels = _placed(sections)
    document = json.loads(JSONEncoder().encode(built))
    for hidden in (*document["links"], *document["annotations"]["list"]):
        # The builder always puts them into a menu; they belong beside the variables.
        del hidden["placement"]
    return Made(uid, json.dumps(document, indent=2, sort_keys=True) + "\n")


def _placed(sections: Sequence[Section]) -> list[Panel | RowPanel]:
    """Give every panel its number and its place: left to right, then below the highest of the line."""
    placed: list[Panel | RowPanel] = []
    y = 0
    for section in sections:
        heading = Row(section.title).build()
        heading.id_val = len(placed) + 1
        heading.grid_pos = GridPos(h=1, w=_COLUMNS, x=0, y=y)
        placed.append(heading)
        x, y, highest = 0, y + 1, 0
        for panel in section.panels:
            if section.of_fleet:
                for target in panel.targets or ():
                    if isinstance(target, Dataquery):
                        target.expr = of_one_set(target.expr)
            size = panel.grid_pos or GridPos()
            if x + size.w > _COLUMNS:
                x, y, highest = 0, y + highest, 0
            panel.id_val = len(placed) + 1
            panel.grid_pos = GridPos(h=size.h, w=size.w, x=x, y=y)
            placed.append(panel)
            x, highest = x + size.w, max(highest, size.h)
        y += highest
    return placed
