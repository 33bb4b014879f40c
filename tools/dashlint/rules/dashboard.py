"""Rules about a dashboard as a whole: its head, its variables, and where its panels stand."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from grafana.committed import Json, annotations, panels, variable_queries, variables
from tools.dashlint.parsed import queries, variables_in
from tools.dashlint.rule import Known

COLUMNS = 24
SCHEMA_VERSION = 42
_LONGEST_UID = 40
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_LABELS: Mapping[str, str] = {"datasource": "Data source", "job": "Job", "instance": "Instance"}
"""What the linter wants to read beside these variables."""

_ON_TIME_RANGE_CHANGE = 2


def head(dashboard: Json, _: Known) -> Iterator[str]:
    """It can be found, linked to and provisioned, and nobody edits it by hand."""
    for key in ("uid", "title", "description", "tags", "refresh", "timezone"):
        if not dashboard.get(key):
            yield f"no {key}"
    if len(dashboard.get("uid", "")) > _LONGEST_UID:
        yield f"uid is longer than {_LONGEST_UID} characters"
    if dashboard.get("editable") is not False:
        yield "it is editable"
    if dashboard.get("schemaVersion") != SCHEMA_VERSION:
        yield f"schemaVersion is {dashboard.get('schemaVersion')}"
    if dashboard.get("id") is not None:
        yield "it has the id of one Grafana's database"
    # They make it work imported by hand only, not provisioned.
    yield from (f"it has {key}" for key in ("__inputs", "__requires") if key in dashboard)


def data_source(dashboard: Json, _: Known) -> Iterator[str]:
    """One variable chooses the data source of everything."""
    choices = [variable for variable in variables(dashboard) if variable.get("type") == "datasource"]
    if [(choice.get("name"), choice.get("query")) for choice in choices] != [("datasource", "prometheus")]:
        yield "the one variable of a Prometheus data source must be named datasource"
    users: list[tuple[str, Any]] = [
        *(
            (f"variable {variable.get('name')!r}", variable.get("datasource"))
            for variable in variables(dashboard)
            if variable.get("type") == "query"
        ),
        *((f"annotation {each.get('name')!r}", each.get("datasource")) for each in annotations(dashboard)),
    ]
    for panel in panels(dashboard):
        if panel.get("type") == "text":
            continue
        place = f"panel {panel.get('title')!r}"
        users.append((place, panel.get("datasource")))
        # A target without one takes the panel's.
        users.extend(
            (f"{place} {target.get('refId')}", target["datasource"])
            for target in panel.get("targets", [])
            if target.get("datasource")
        )
    yield from (f"{place}: data source is {source}" for place, source in users if source != _DATASOURCE)


def choices(dashboard: Json, _: Known) -> Iterator[str]:
    """Variables `job` and `instance` choose several; lists follow the time range; every one has a label."""
    by_name = {variable.get("name", ""): variable for variable in variables(dashboard)}
    if len(by_name) != len(list(variables(dashboard))):
        yield "two variables have one name"
    for name in ("job", "instance"):
        variable = by_name.get(name, {})
        wanted = {"type": "query", "multi": True, "includeAll": True, "allValue": ".+"}
        if {key: variable.get(key) for key in wanted} != wanted:
            yield f"variable {name!r} must be a query for several values, or all as .+"
    for name, variable in by_name.items():
        if not variable.get("label"):
            yield f"variable {name!r} has no label"
        elif name in _LABELS and variable["label"] != _LABELS[name]:
            yield f"variable {name!r} must have the label {_LABELS[name]!r}"
        if variable.get("type") == "query" and variable.get("refresh") != _ON_TIME_RANGE_CHANGE:
            yield f"variable {name!r} does not follow the time range"
        if variable.get("includeAll") and variable.get("allValue") != ".+":
            yield f"variable {name!r}: all is {variable.get('allValue')!r}, not '.+'"


def variables_used(dashboard: Json, _: Known) -> Iterator[str]:
    """Each variable serves a query, and each that is named anywhere exists."""
    defined = {variable.get("name", "") for variable in variables(dashboard)}
    for name in sorted(_variables_anywhere(dashboard) - defined):
        yield f"no variable ${name}"
    asked = {name for query in queries(dashboard) for name in variables_in(query.expression)}
    yield from (f"variable {name!r} serves no query" for name in sorted(defined - asked - {"datasource"}))


def variable_lists(dashboard: Json, known: Known) -> Iterator[str]:
    """What a variable lists is a label of the metric that it asks for."""
    for query in variable_queries(dashboard):
        metric = known.metrics.get(query.expression.partition("{")[0].strip())
        if metric is None or query.label not in metric.labels:
            yield f"{query.place}: no label {query.label!r} of {query.expression}"


def layout(dashboard: Json, _: Known) -> Iterator[str]:
    """Panels have numbers of their own and do not overlap."""
    everything = list(_panels_and_rows(dashboard))
    for number, times in Counter(panel.get("id") for panel in everything).items():
        if not number or times > 1:
            yield f"panel id {number} is there {times} times"
    placed = [(panel.get("title"), panel.get("gridPos", {})) for panel in everything]
    for title, at in placed:
        if set(at) != {"h", "w", "x", "y"} or at["x"] + at["w"] > COLUMNS or min(at["h"], at["w"]) < 1:
            yield f"panel {title!r} has no proper place: {dict(at)}"
            return
    for (title, one), (other_title, other) in combinations(placed, 2):
        if (
            one["x"] < other["x"] + other["w"]
            and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"]
            and other["y"] < one["y"] + one["h"]
        ):
            yield f"panels {title!r} and {other_title!r} overlap"


def _panels_and_rows(dashboard: Json) -> Iterator[Json]:
    for panel in dashboard.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def _variables_anywhere(part: object) -> frozenset[str]:
    if isinstance(part, str):
        # $1 is a group of a regular expression.
        return frozenset(name for name in variables_in(part) if not name[0].isdigit())
    if isinstance(part, Mapping):
        part = list(part.values())
    if isinstance(part, list):
        return frozenset[str]().union(*map(_variables_anywhere, part))
    return frozenset()
