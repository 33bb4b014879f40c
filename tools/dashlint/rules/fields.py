"""Rules about fields: a column or label that is named but does not exist is ignored in silence."""

import re
from collections.abc import Iterator
from typing import Any

from grafana.committed import Json, PanelQuery, panel_queries, panels
from tools.dashlint.parsed import parsed
from tools.dashlint.promql.labels import LabelError, labels_of
from tools.dashlint.rule import Known

_IN_LINK = re.compile(r"\$\{__data\.fields(?:\.(?P<bare>\w+)|\[\"(?P<quoted>[^\"]+)\"\])")
_LABEL_IN_LINK = re.compile(r"\$\{__field\.labels\.(\w+)")
_UNNAMED = re.compile(r"Time|Value( #\w+)?")


def columns(dashboard: Json, known: Known) -> Iterator[str]:
    """What a table arranges, renames, colours and links are columns that it has; each value has a name."""
    for panel in panels(dashboard):
        if panel.get("type") != "table":
            continue
        place = f"panel {panel.get('title')!r}"
        found = _answered(panel, known)
        if found is None:
            continue  # the rules `promql` and `names` say so
        at_first = set(found)
        for transformation in panel.get("transformations", []):
            options = transformation.get("options", {})
            for name in sorted(_named(transformation.get("id"), options) - found):
                yield f"{place}: {transformation.get('id')} of no column {name!r}"
            found = _transformed(transformation.get("id"), options, found)
        wanted = {
            override["matcher"]["options"]
            for override in panel.get("fieldConfig", {}).get("overrides", [])
            if override["matcher"]["id"] == "byName"
        } | {by["displayName"] for by in panel.get("options", {}).get("sortBy", [])}
        yield from (f"{place}: no column {name!r}" for name in sorted(wanted - found))
        for name in sorted(found):
            if _UNNAMED.fullmatch(name):
                yield f"{place}: column {name!r} is not named for readers"
        linked = {match["bare"] or match["quoted"] for match in _IN_LINK.finditer(str(panel))}
        yield from (f"{place}: a link takes no column {name!r}" for name in sorted(linked - found - at_first))


def linked_labels(dashboard: Json, known: Known) -> Iterator[str]:
    """What a link takes from a series is a label of it."""
    for panel in panels(dashboard):
        for query in _queries(panel):
            try:
                labels = labels_of(parsed(query), known.metrics) or {}
            except (LabelError, ValueError):
                continue  # the rules `names` and `promql` say so
            for name in sorted(set(_LABEL_IN_LINK.findall(str(panel.get("fieldConfig")))) - set(labels)):
                yield f"{query.place}: a link takes label {name!r}, which the result lacks"


def _queries(panel: Json) -> Iterator[PanelQuery]:
    yield from panel_queries({"panels": [panel]})


def _answered(panel: Json, known: Known) -> set[str] | None:
    """Return the columns of a table before anything is done to them; None if they cannot be told."""
    found = {"Time"}
    asked = panel.get("targets", [])
    for target, query in zip(asked, _queries(panel), strict=True):
        try:
            found |= set(labels_of(parsed(query), known.metrics) or {})
        except (LabelError, ValueError):
            return None
        found.add("Value" if len(asked) == 1 else f"Value #{target.get('refId')}")
    return found


def _named(kind: str | None, options: Json) -> set[str]:
    """Return the columns that a transformation names."""
    if kind == "organize":
        return {
            name for key in ("excludeByName", "indexByName", "renameByName") for name in options.get(key, {})
        }
    if kind == "filterFieldsByName":
        return {name for key in ("include", "exclude") for name in options.get(key, {}).get("names", [])}
    if kind == "joinByField":
        return {options.get("byField", "Time")}
    if kind == "sortBy":
        return {by["field"] for by in options.get("sort", [])}
    return set()


def _transformed(kind: str | None, options: dict[str, Any], found: set[str]) -> set[str]:
    """Return the columns after a transformation.

    Raises:
        ValueError: What it does to columns is not written down here.
    """
    if kind == "organize":
        left_out = {name for name, hidden in options.get("excludeByName", {}).items() if hidden}
        renamed = options.get("renameByName", {})
        return {renamed.get(name) or name for name in found - left_out}
    if kind == "filterFieldsByName":
        chosen = set(options.get("include", {}).get("names", found))
        return (found & chosen) - set(options.get("exclude", {}).get("names", []))
    if kind in {"joinByField", "limit", "merge", "sortBy"}:
        return found
    raise ValueError(f"which columns does {kind!r} leave?")
