"""The queries of the committed dashboards, as a Grafana would send them."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
DEVICE_DETAIL_ONLY = "(device detail)"
"""In the heading of a section, or of a panel, that has no data in symbol detail."""

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


class PanelQuery(NamedTuple):
    """A target of a panel; `section` is the heading it stands under."""

    dashboard: str
    section: str
    panel: str
    reference: str
    expression: str
    instant: bool

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.dashboard}: {self.panel} ({self.reference})"


class VariableQuery(NamedTuple):
    """What fills a variable: the values of `label` among the series that `selector` selects."""

    dashboard: str
    variable: str
    selector: str
    label: str


def panel_queries() -> list[PanelQuery]:
    """Every target of every panel."""
    return [query for dashboard in _dashboards() for query in _of_panels(dashboard)]


def variable_queries() -> list[VariableQuery]:
    """Every variable that Prometheus fills."""
    found = []
    for dashboard in _dashboards():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                match = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
                assert match, variable
                found.append(VariableQuery(dashboard["uid"], variable["name"], match[1], match[2]))
    return found


def annotation_queries() -> list[tuple[str, str, str]]:
    """Dashboard, name and expression of every annotation."""
    return [
        (dashboard["uid"], annotation["name"], annotation["expr"])
        for dashboard in _dashboards()
        for annotation in dashboard["annotations"]["list"]
    ]


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of the variables; fails on one that has none."""
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def _dashboards() -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))]


def _of_panels(dashboard: Mapping[str, Any]) -> Iterator[PanelQuery]:
    section = ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            section = panel["title"]
        for target in panel.get("targets", ()):
            yield PanelQuery(
                dashboard["uid"],
                section,
                panel["title"],
                target["refId"],
                target["expr"],
                bool(target.get("instant")),
            )
