"""The kinds of panel that our dashboards use, each with the looks they share."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Protocol, Self

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    piechart,
    prometheus,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeNamePlacement,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    DataSourceRef,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.piechart import PieChartLegendValues, PieChartType
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from grafana.query import Query
from grafana.variable import DATASOURCE

Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from this value on, this colour. None stands for all values below; green unless given."""

Properties = Mapping[str, Any]
"""Settings of a field, by their path in Grafana's field configuration: {"unit": "s"}."""

HEIGHT = 10
"""Of a panel, in grid rows, unless given: a legend of four lines fits."""

_HEADINGS = {
    "symbol": "Symbol",
    "device_id": "Device",
    "firmware_version": "Firmware",
    "sensor": "Sensor",
    "worker_id": "Worker",
    "blueprint": "Blueprint",
}
"""Of the columns of a table that are labels."""


class _Fields(Protocol):
    """What the builders of all panels with data have in common."""

    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def with_target(self, target: Builder[Dataquery]) -> Self: ...
    def thresholds(self, thresholds: Builder[Any]) -> Self: ...
    def override_by_name(self, name: str, properties: list[DynamicConfigValue]) -> Self: ...
    def override_by_regexp(self, regexp: str, properties: list[DynamicConfigValue]) -> Self: ...
    def build(self) -> Panel: ...


def trend(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str = "locale",
    steps: Steps = (),
    width: int = 12,
    height: int = HEIGHT,
    stacked: bool = False,
    counted: bool = False,
    from_zero: bool = True,
    overrides: Mapping[str, Properties] | None = None,
    link: str = "",
) -> Panel:
    """Return lines over time; with `steps`, dashed lines show where it gets bad.

    `counted` is for what happens now and then: a bar where there was something, and no line to the next. Its
    windows are a minute at least: shorter ones overlap, and show one thing several times.
    """
    panel = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(60 if counted else 40 if stacked else 8)
        .show_points(VisibilityMode.AUTO)
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .legend(
            common.VizLegendOptions()
            .show_legend(show_legend=True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .calcs(["mean", "max", "lastNotNull"])
        )
    )
    if from_zero:
        panel.min(0)
    if counted:
        panel.draw_style(GraphDrawStyle.BARS)
    if stacked or counted:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if steps:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return _finished(
        panel,
        title,
        description,
        queries,
        unit=unit,
        width=width,
        height=height,
        steps=steps,
        overrides=overrides,
        link=link,
        step="1m" if counted else "",
    )


def figure(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "locale",
    steps: Steps = (),
    width: int = 4,
    height: int = 4,
    decimals: int | None = None,
    mappings: Mapping[float, tuple[str, str]] | None = None,
    text_mode: BigValueTextMode = BigValueTextMode.VALUE,
    link: str = "",
) -> Panel:
    """Return one big number; `mappings` gives a text and a colour for single values."""
    panel = (
        stat.Panel()
        .graph_mode(BigValueGraphMode.NONE if query.instant else BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(text_mode)
        .reduce_options(_newest())
    )
    if decimals is not None:
        panel.decimals(decimals)
    if mappings:
        panel.mappings([_words(mappings)])
    return _finished(
        panel, title, description, [query], unit=unit, width=width, height=height, steps=steps, link=link
    )


def bars(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str = "locale",
    steps: Steps = (),
    width: int = 12,
    height: int = HEIGHT,
    decimals: int | None = None,
    upright: bool = False,
    overrides: Mapping[str, Properties] | None = None,
    link: str = "",
) -> Panel:
    """Return a bar chart of the newest values: a bar for each series, or for each bucket.

    A share is drawn of the whole, all else of the largest.
    """
    panel = (
        bargauge.Panel()
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.VERTICAL if upright else VizOrientation.HORIZONTAL)
        .value_mode(BarGaugeValueMode.TEXT if upright else BarGaugeValueMode.COLOR)
        .name_placement(BarGaugeNamePlacement.AUTO if upright else BarGaugeNamePlacement.LEFT)
        .show_unfilled(show_unfilled=True)
        .text(common.VizTextDisplayOptions().title_size(12).value_size(14))
        .reduce_options(_newest())
        .min(0)
    )
    if decimals is not None:
        panel.decimals(decimals)
    if unit == "percentunit":
        panel.max(1)
    return _finished(
        panel,
        title,
        description,
        queries,
        unit=unit,
        width=width,
        height=height,
        steps=steps,
        overrides=overrides,
        link=link,
    )


def timeline(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    states: Mapping[float, tuple[str, str]],
    width: int = 12,
    height: int = HEIGHT,
) -> Panel:
    """Return states over time: a line for each series; `states` has the word and the colour of each value."""
    panel = (
        statetimeline.Panel()
        .show_value(VisibilityMode.AUTO)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(70)
        .mappings([_words(states)])
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.SINGLE).sort(SortOrder.NONE))
        .legend(
            common.VizLegendOptions()
            .show_legend(show_legend=False)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .calcs([])
        )
    )
    return _finished(panel, title, description, queries, unit="none", width=width, height=height)


def pie(title: str, description: str, query: Query, *, width: int = 6, height: int = HEIGHT) -> Panel:
    """Return shares of a whole, as a ring; beside it a legend would have no room for its names."""
    panel = (
        piechart.Panel()
        .pie_type(PieChartType.DONUT)
        .reduce_options(_newest())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.SINGLE).sort(SortOrder.NONE))
        .legend(
            piechart.PieChartLegendOptions()
            .show_legend(show_legend=True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .values([PieChartLegendValues.VALUE, PieChartLegendValues.PERCENT])
        )
    )
    return _finished(panel, title, description, [query], unit="locale", width=width, height=height)


def heat(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "locale",
    axis_unit: str = "locale",
    width: int = 12,
    height: int = HEIGHT,
) -> Panel:
    """Return a heat map: rows are buckets, or series; `unit` is that of a cell, `axis_unit` of the rows."""
    panel = (
        heatmap.Panel()
        .calculate(calculate=False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .cell_gap(1)
        .cell_values(heatmap.CellValues().unit(unit))
        .y_axis(heatmap.YAxisConfig().unit(axis_unit))
        .tooltip(
            heatmap.HeatmapTooltip().mode(TooltipDisplayMode.SINGLE).show_color_scale(show_color_scale=True)
        )
        .show_legend()
    )
    return _finished(panel, title, description, [query], unit=unit, width=width, height=height)


def rows(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    key: str,
    columns: Sequence[tuple[str, str]],
    sort_by: str,
    width: int = 24,
    height: int = HEIGHT,
    links: Mapping[str, str] | None = None,
    others: Sequence[str] = (),
    steps: Mapping[str, Steps] | None = None,
    descending: bool = True,
) -> Panel:
    """Return a table with a row for each value of the label `key`.

    Args:
        title: Shown above.
        description: Shown on demand.
        queries: One for each column.
        key: The label that the rows of all queries are joined by.
        columns: Of each query: the column's name and unit.
        sort_by: Name of the column to sort by.
        width: In 24ths.
        height: In grid rows.
        links: Address behind the values of a column, by its name.
        others: Further labels to be shown as columns.
        steps: Thresholds that colour the values of a column, by its name.
        descending: Whether the highest comes first.
    """
    names = {f"Value #{ascii_uppercase[position]}": column[0] for position, column in enumerate(columns)}
    # One query alone is not numbered.
    if len(queries) == 1:
        names = {"Value": columns[0][0]}
    order = [key, *others, *names]
    headings = names | {label: _HEADINGS.get(label, label) for label in (key, *others)}
    panel = (
        table.Panel()
        .show_header(show_header=True)
        .sort_by([common.TableSortByFieldState().display_name(sort_by).desc(desc=descending)])
        .with_transformation(DataTransformerConfig("merge", options={}))
        .with_transformation(
            DataTransformerConfig("filterFieldsByName", options={"include": {"names": order}})
        )
        .with_transformation(
            DataTransformerConfig(
                "organize",
                options={
                    "indexByName": {name: place for place, name in enumerate(order)},
                    "renameByName": headings,
                },
            )
        )
    )
    overrides: dict[str, dict[str, Any]] = {name: {"unit": unit} for name, unit in columns}
    for name, address in (links or {}).items():
        overrides.setdefault(headings.get(name, name), {})["links"] = [{"title": "Show", "url": address}]
    for name, column_steps in (steps or {}).items():
        overrides[name] |= {
            "custom.cellOptions": {"type": "color-text"},
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": step.value, "color": step.color} for step in _thresholds(column_steps)],
            },
        }
    return _finished(
        panel, title, description, queries, unit="locale", width=width, height=height, overrides=overrides
    )


def note(title: str, content: str, *, width: int = 24, height: int = 3) -> Panel:
    """Return a panel of Markdown."""
    panel = text.Panel().mode(TextMode.MARKDOWN).content(content).title(title)
    return panel.description("How to read this dashboard.").span(width).height(height).build()


def _finished(
    panel: _Fields,
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    width: int,
    height: int,
    steps: Steps = (),
    overrides: Mapping[str, Properties] | None = None,
    link: str = "",
    step: str = "",
) -> Panel:
    """Give a panel what all kinds have, and build it; `step` is the least time between two points."""
    panel.title(title).description(description).unit(unit).span(width).height(height).datasource(DATASOURCE)
    panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(_thresholds(steps)))
    # Recorded series come once a minute: a finer step would only repeat, and double the cost. All queries of
    # a panel have the same, because lines with different steps cannot be stacked.
    step = "1m" if any(":" in query.expression for query in queries) else step
    for reference, query in zip(ascii_uppercase, queries, strict=False):
        panel.with_target(_target(reference, query, step))
    for name, properties in (overrides or {}).items():
        panel.override_by_name(name, [DynamicConfigValue(path, value) for path, value in properties.items()])
    if link:
        # As an override, because the builder's own data links have fields that only a dashboard's link has.
        panel.override_by_regexp(".*", [DynamicConfigValue("links", [{"title": "Show", "url": link}])])
    return panel.build()


def _words(states: Mapping[float, tuple[str, str]]) -> ValueMap:
    return ValueMap(
        {
            f"{value:g}": ValueMappingResult(shown, color, index=position)
            for position, (value, (shown, color)) in enumerate(states.items())
        }
    )


def _newest() -> common.ReduceDataOptions:
    """Show of each series its newest value."""
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields("")


def _thresholds(steps: Steps) -> list[Threshold]:
    lowest = () if steps and steps[0][0] is None else (Threshold(color="green"),)
    return [*lowest, *(Threshold(value, color) for value, color in steps)]


def _target(reference: str, query: Query, step: str) -> prometheus.Dataquery:
    """Return a target; `step` is the least time between its points."""
    target = (
        prometheus.Dataquery()
        .ref_id(reference)
        .datasource(DATASOURCE)
        .expr(query.expression)
        .format(PromQueryFormat(query.form.value))
    )
    if query.legend:
        target.legend_format(query.legend)
    if query.instant:
        return target.instant()
    return target.interval(step).range() if step else target.range()
