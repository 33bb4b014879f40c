"""Rules about how panels show what they ask for, so that a reader need not know PromQL."""

from collections.abc import Iterator
from typing import Any

from grafana.committed import Json, panels
from tools.dashlint.rule import Known

_BY_THRESHOLDS = {"bargauge", "gauge", "stat"}
"""Kinds that take their colours from thresholds unless told otherwise."""

_NAMED_SERIES = {"bargauge", "barchart", "piechart", "state-timeline", "status-history", "timeseries"}
_SHORTEST_DESCRIPTION = 20
_COLOURED_CELLS = {"color-background", "color-text", "gauge"}


def texts(dashboard: Json, _: Known) -> Iterator[str]:
    """Every panel says what it shows; a figure and its trend may have one title."""
    shown: list[Any] = []
    for panel in panels(dashboard):
        title = panel.get("title")
        if not title or not title.strip():
            yield f"panel {panel.get('id')} has no title"
        if len((panel.get("description") or "").strip()) < _SHORTEST_DESCRIPTION:
            yield f"panel {title!r} has no description worth the name"
        if panel.get("type") != "text" and (title, panel.get("type")) in shown:
            yield f"two panels of one type have the title {title!r}"
        shown.append((title, panel.get("type")))


def targets(dashboard: Json, _: Known) -> Iterator[str]:
    """Every panel asks for something, in the form that its kind shows."""
    for panel in panels(dashboard):
        kind, place = panel.get("type"), f"panel {panel.get('title')!r}"
        asked = panel.get("targets", [])
        if bool(asked) == (kind == "text"):
            yield f"{place} of type {kind!r} has {len(asked)} queries"
        references = [target.get("refId") for target in asked]
        if len(set(references)) != len(references):
            yield f"{place}: two queries have one refId"
        for target in asked:
            at_end, form = target.get("instant", False), target.get("format", "time_series")
            where = f"{place} {target.get('refId')}"
            if kind == "table" and (not at_end or form != "table"):
                yield f"{where}: a table shows the end of the time range, in the form of a table"
            if kind in {"heatmap", "state-timeline", "timeseries"} and at_end:
                yield f"{where}: {kind} of one moment"
            if kind in {"barchart", "bargauge", "piechart"} and not at_end:
                yield f"{where}: {kind} asks for the whole time range to show its end"
            if at_end and target.get("range"):
                yield f"{where}: asks for the end of the time range and for all of it"


def unit(dashboard: Json, known: Known) -> Iterator[str]:
    """Every panel has a unit, and Grafana knows every unit: others it would print as they are."""
    for panel in panels(dashboard):
        if panel.get("type") == "text":
            continue
        place = f"panel {panel.get('title')!r}"
        config = panel.get("fieldConfig", {})
        axis = panel.get("options", {}).get("yAxis", {}).get("unit")
        found = [
            config.get("defaults", {}).get("unit"),
            axis,
            panel.get("options", {}).get("cellValues", {}).get("unit"),
            *(
                changed.get("value")
                for override in config.get("overrides", [])
                for changed in override.get("properties", [])
                if changed.get("id") == "unit"
            ),
        ]
        given = [name for name in found if name is not None]
        if not given:
            yield f"{place} has no unit"
        for name in given:
            if name not in known.units:
                yield f"{place}: no unit {name!r}"


def thresholds(dashboard: Json, _: Known) -> Iterator[str]:
    """Thresholds rise from a base; who colours by them has them: Grafana's own turn red at 80 of anything."""
    for panel in panels(dashboard):
        place = f"panel {panel.get('title')!r}"
        config = panel.get("fieldConfig", {})
        defaults = config.get("defaults", {})
        own = defaults.get("thresholds")
        if own is None and _coloured(panel.get("type"), defaults):
            yield f"{place} is coloured by thresholds and has none"
        if own is not None:
            yield from _steps(own, place)
        for override in config.get("overrides", []):
            changed = {each.get("id"): each.get("value") for each in override.get("properties", [])}
            where = f"{place}, {override.get('matcher', {}).get('options')!r}"
            cell = changed.get("custom.cellOptions", {}).get("type")
            if cell in _COLOURED_CELLS and own is None and "thresholds" not in changed:
                yield f"{where} is coloured by thresholds and has none"
            if "thresholds" in changed:
                yield from _steps(changed["thresholds"], where)


def legend(dashboard: Json, _: Known) -> Iterator[str]:
    """Series are told apart by names: not by a metric's name with all its labels."""
    for panel in panels(dashboard):
        if panel.get("type") not in _NAMED_SERIES:
            continue
        place = f"panel {panel.get('title')!r}"
        asked = panel.get("targets", [])
        formats = [target.get("legendFormat", "") for target in asked]
        for target, name in zip(asked, formats, strict=True):
            if target.get("format", "time_series") == "time_series" and name in {"", "__auto"}:
                yield f"{place} {target.get('refId')}: its series have no name"
        many = len(asked) > 1 or any("{{" in name for name in formats)
        shown = panel.get("options", {}).get("legend", {}).get("showLegend")
        if panel.get("type") in {"piechart", "timeseries"} and many and not shown:
            yield f"{place}: several series and no legend"


def _coloured(kind: str | None, defaults: Json) -> bool:
    mode = defaults.get("color", {}).get("mode")
    cell = defaults.get("custom", {}).get("cellOptions", {}).get("type")
    return mode == "thresholds" or (mode is None and kind in _BY_THRESHOLDS) or cell in _COLOURED_CELLS


def _steps(given: Json, place: str) -> Iterator[str]:
    values = [step.get("value") for step in given.get("steps", [])]
    above = [value for value in values[1:] if value is not None]
    if not values or values[0] is not None or len(above) != len(values) - 1:
        yield f"{place}: thresholds do not begin with a base: {values}"
    elif above != sorted(set(above)):
        yield f"{place}: thresholds do not rise: {values}"
