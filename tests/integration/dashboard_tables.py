"""The tables of the dashboards that join the answers to several queries, and what must stand in a row."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from promql_parser import parse

from grafana.committed import PanelQuery, dashboards, panel_queries, panels
from tools.dashlint.promql.walk import selectors

_UPTIME = "tickrmeter_device_uptime_seconds"
_REQUESTS = "tickrmeter_stock_update_requests_total"
_COUNT = "tickrmeter_stock_update_latency_seconds_count"
_OUTCOMES = "firmware:tickrmeter_stock_update_outcomes:rate30m"
_BOOTS = "tickrmeter_device_boot_duration_seconds_count"

MAY_LACK: Mapping[tuple[str, str], str] = {
    ("Devices that lose their wifi most", "B"): f"{_UPTIME} offset 30s <= 3600",
    ("Firmware versions compared", "B"): f"{_OUTCOMES} == 0",
    ("Firmware versions compared", "E"): f"sum by (firmware_version) (rate({_BOOTS}[$__range])) == 0",
    ("Symbols of this device", "C"): f"sum by (symbol) (increase({_REQUESTS}[$__range])) == 0",
    ("Symbols of this device", "D"): f"sum by (symbol) (increase({_COUNT}[$__range])) == 0",
}
"""For figures that cannot be made of what is reported: of which rows. By panel and query."""


class Table(NamedTuple):
    """`key` is the label that names a row; each query is a column."""

    section: str
    title: str
    key: str
    queries: tuple[PanelQuery, ...]


def joined_tables() -> Iterator[Table]:
    """Yield them."""
    for dashboard in dashboards().values():
        asked = list(panel_queries(dashboard))
        for panel in panels(dashboard):
            queries = tuple(query for query in asked if query.panel == panel["title"])
            if panel["type"] == "table" and len(queries) > 1:
                (organize,) = (each for each in panel["transformations"] if each["id"] == "organize")
                places = organize["options"]["indexByName"]
                key = min(places, key=places.__getitem__)
                yield Table(queries[0].section, panel["title"], key, queries)


def figures(filled: str) -> Iterator[str]:
    """Yield each selector of an expression, to ask for by itself, but no set of rows that a rule picks."""
    for selector, _around in selectors(parse(filled)):
        if not (selector.name or "").endswith((":bottomk", ":topk")):
            yield selector.prettify()
