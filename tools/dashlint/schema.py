"""Holds a dashboard to Grafana's own types: a key or a value that Grafana does not know is a fault.

Grafana itself ignores such a key in silence, and so does the SDK that builds the dashboards.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

Json = Mapping[str, Any]

_INSTALL = Path(__file__).with_name("grafana_types") / "install"
_INSTALLED = Path(__file__).parents[2] / "build" / "grafana-types"
_UNITS = "node_modules/@grafana/data/dist/esm/valueFormats/categories.mjs"


def install() -> Path:
    """Return the folder of Grafana's types, made now if it is missing or was made from other versions."""
    subprocess.run([_INSTALL], check=True)  # noqa: S603  a script of ours
    return _INSTALLED


def units(installed: Path) -> frozenset[str]:
    """Return the ids of Grafana's units."""
    return frozenset(re.findall(r'\bid: "([^"]+)"', (installed / _UNITS).read_text(encoding="utf-8")))


class GrafanaSchema:
    """The JSON Schema of dashboards, as the parts of which grafana_types/types.ts consists."""

    def __init__(self, installed: Path) -> None:
        self._parts = json.loads((installed / "schema.json").read_text(encoding="utf-8"))["properties"]

    def faults(self, dashboard: Json) -> Iterator[str]:
        """Yield what is wrong, each with its place. The parts come one by one: that gives readable faults."""
        own = {
            key: value
            for key, value in dashboard.items()
            if key not in {"annotations", "panels", "templating"}
        }
        yield from _faults(self._parts["dashboard"], own, "dashboard")
        for key, kind in (("annotations", "annotation"), ("templating", "variable")):
            holder = dashboard.get(key, {})
            yield from (f"{key}: unknown key {name!r}" for name in holder if name != "list")
            for entry in holder.get("list", []):
                yield from _faults(self._parts[kind], entry, f"{kind} {entry.get('name')!r}")
        for panel in dashboard.get("panels", []):
            if panel.get("type") == "row":
                inner = panel.get("panels", [])
                row = {key: value for key, value in panel.items() if key != "panels"}
                yield from _faults(self._parts["row"], row, f"row {panel.get('title')!r}")
            else:
                inner = [panel]
            for each in inner:
                yield from self._panel(each)

    def _panel(self, panel: Json) -> Iterator[str]:
        place = f"panel {panel.get('title')!r}"
        yield from _faults(self._parts["panel"], panel, place)
        plugin = self._parts["plugins"]["properties"].get(panel.get("type"))
        if plugin is None:
            yield f"{place}: type {panel.get('type')!r} is not in grafana_types/types.ts"
            return
        options, custom = plugin["properties"]["options"], plugin["properties"]["custom"]
        # Grafana fills in the options that are left out.
        yield from _faults(_partial(options), panel.get("options", {}), f"{place}: options")
        for calc in _calcs(panel.get("options", {})):
            yield from _faults(self._parts["reducer"], calc, f"{place}: calcs")
        yield from self._fields(panel.get("fieldConfig", {}), _partial(custom), place)
        for target in panel.get("targets", []):
            yield from _faults(self._parts["target"], target, f"{place}: target {target.get('refId')!r}")
        for transformation in panel.get("transformations", []):
            yield from self._transformation(transformation, place)

    def _fields(self, config: Json, custom: Json, place: str) -> Iterator[str]:
        defaults = config.get("defaults", {})
        yield from _faults(custom, defaults.get("custom", {}), f"{place}: custom")
        for link in defaults.get("links", []):
            yield from _faults(self._parts["link"], link, f"{place}: link")
        for override in config.get("overrides", []):
            matcher = override.get("matcher", {})
            where = f"{place}: override of {matcher.get('options')!r}"
            yield from _faults(self._parts["matcher"], matcher.get("id"), f"{where}: matcher")
            for changed in override.get("properties", []):
                yield from self._override(changed, custom, where)

    def _override(self, changed: Json, custom: Json, where: str) -> Iterator[str]:
        """Yield the faults of one property, whose id is a path: `unit`, `custom.hideFrom`."""
        head, *rest = changed["id"].split(".")
        of_fields = self._parts["panel"]["properties"]["fieldConfig"]["properties"]["defaults"]
        schema = {**of_fields, "properties": {**of_fields["properties"], "custom": custom}}
        for name in (head, *rest):
            schema = schema.get("properties", {}).get(name)
            if schema is None:
                yield f"{where}: unknown property {changed['id']!r}"
                return
        if head == "links":
            schema = {"items": self._parts["link"]}
        yield from _faults(schema, changed.get("value"), f"{where}: {changed['id']}")

    def _transformation(self, transformation: Json, place: str) -> Iterator[str]:
        kind = transformation.get("id")
        known = self._parts["transformations"]["properties"].get(kind)
        if known is None:
            yield f"{place}: transformation {kind!r} is not in grafana_types/types.ts"
        else:
            yield from _faults(
                _partial(known), transformation.get("options", {}), f"{place}: transformation {kind}"
            )


def _faults(schema: Json, value: object, place: str) -> Iterator[str]:
    for error in Draft7Validator(schema).iter_errors(value):
        # Of alternatives, the fault of the one that comes nearest says most.
        deepest = best_match([error]) or error
        yield f"{place}{deepest.json_path[1:]}: {deepest.message}"


def _partial(schema: Json) -> Json:
    return {key: value for key, value in schema.items() if key != "required"}


def _calcs(options: Json) -> Iterator[str]:
    for holder in ("legend", "reduceOptions"):
        yield from options.get(holder, {}).get("calcs", [])
