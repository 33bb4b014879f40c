"""Reads the committed dashboards: what their panels, annotations and variables ask Prometheus.

Tests read dashboards here that are broken on purpose: a text that is missing is empty, a number is None.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]

VARIABLE = re.compile(r"\$(?P<brace>\{)?(?P<name>\w+)(?(brace)(?:[.:][^}]*)?\})")
"""A variable in a text: `$name`, `${name}`, `${name:format}` or `${name.field}`."""

_DIRECTORY = Path(__file__).parent / "dashboards"
_LABEL_VALUES = re.compile(r"label_values\(\s*(.+?)\s*,\s*([a-zA-Z_]\w*)\s*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """A target of a panel.

    `dashboard` is a uid, `section` the heading above the panel. `instant` ones ask for the end of the time
    range only. `form` is how the data source shapes the answer, `legend` the template that names the results.
    `interval` is the least step, such as `1m`; `max_data_points` is None where the panel's width decides.
    """

    dashboard: str
    section: str
    panel: str
    ref: str
    expression: str
    instant: bool
    form: str
    legend: str
    interval: str
    max_data_points: int | None

    @property
    def place(self) -> str:
        """Where in the dashboard it is, for people."""
        return f"panel {self.panel!r} {self.ref}"


@dataclass(frozen=True, slots=True)
class AnnotationQuery:
    """What is marked on every graph; `legend` names the marks, `interval` is the least step."""

    name: str
    expression: str
    legend: str
    interval: str

    @property
    def place(self) -> str:
        """Where in the dashboard it is, for people."""
        return f"annotation {self.name!r}"


@dataclass(frozen=True, slots=True)
class VariableQuery:
    """A variable that lists the values of `label` among the series which `expression`, a selector, selects.

    `all_value` stands for all of them; it is empty where only one can be chosen.
    """

    name: str
    expression: str
    label: str
    all_value: str

    @property
    def place(self) -> str:
        """Where in the dashboard it is, for people."""
        return f"variable {self.name!r}"


def dashboards() -> dict[str, Json]:
    """Return every dashboard by the name of its file, without the suffix."""
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(_DIRECTORY.glob("*.json"))}


def panels(dashboard: Json) -> Iterator[Json]:
    """Yield every panel, those of collapsed rows too; rows are none."""
    return (panel for _, panel in _sections(dashboard))


def annotations(dashboard: Json) -> Iterator[Json]:
    """Yield every annotation."""
    yield from dashboard.get("annotations", {}).get("list", [])


def variables(dashboard: Json) -> Iterator[Json]:
    """Yield every variable."""
    yield from dashboard.get("templating", {}).get("list", [])


def panel_queries(dashboard: Json) -> Iterator[PanelQuery]:
    """Yield the queries of panels."""
    for section, panel in _sections(dashboard):
        for target in panel.get("targets", []):
            yield PanelQuery(
                dashboard.get("uid", ""),
                section,
                panel.get("title", ""),
                target.get("refId", ""),
                target.get("expr", ""),
                instant=target.get("instant", False),
                form=target.get("format", "time_series"),
                legend=target.get("legendFormat", ""),
                interval=target.get("interval") or panel.get("interval", ""),
                max_data_points=panel.get("maxDataPoints"),
            )


def annotation_queries(dashboard: Json) -> Iterator[AnnotationQuery]:
    """Yield the queries of annotations."""
    for annotation in annotations(dashboard):
        yield AnnotationQuery(
            annotation.get("name", ""),
            annotation.get("target", {}).get("expr") or annotation.get("expr", ""),
            annotation.get("titleFormat", "") + annotation.get("textFormat", ""),
            annotation.get("step", ""),
        )


def variable_queries(dashboard: Json) -> Iterator[VariableQuery]:
    """Yield the variables that Prometheus fills.

    Raises:
        ValueError: A variable asks in another way than `label_values(SELECTOR, LABEL)`.
    """
    for variable in variables(dashboard):
        if variable.get("type") != "query":
            continue
        name, query = variable.get("name", ""), variable.get("query", "")
        text = query if isinstance(query, str) else query.get("query", "")
        match = _LABEL_VALUES.fullmatch(text)
        if match is None:
            raise ValueError(f"variable {name!r}: not label_values(SELECTOR, LABEL): {text!r}")
        all_value = variable.get("allValue", "") if variable.get("includeAll") else ""
        yield VariableQuery(name, match[1], match[2], all_value)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables.

    Raises:
        KeyError: A variable has no value.
    """
    return VARIABLE.sub(lambda match: values[match["name"]], text)


def _sections(dashboard: Json) -> Iterator[tuple[str, Json]]:
    """Yield every panel with the heading above it."""
    section = ""
    for panel in dashboard.get("panels", []):
        if panel.get("type") == "row":
            section = panel.get("title", "")
            yield from ((section, inner) for inner in panel.get("panels", []))
        else:
            yield section, panel
