"""The least that a dashboard must be before anything can look at it: lists and records in their places."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft7Validator

_Schema = Mapping[str, Any]


def _list(each: _Schema) -> _Schema:
    return {"type": "array", "items": each}


def _record(*required: str, **parts: _Schema) -> _Schema:
    return {"type": "object", "properties": parts, "required": list(required)}


def _if_id(name: str, schema: _Schema, **parts: _Schema) -> _Schema:
    """Return the schema of a record that has `parts` as well if that is its id."""
    return {**schema, "if": _record("id", id={"const": name}), "then": _record(*parts, **parts)}


_TEXT: _Schema = {"type": "string"}
_RECORDS = _list(_record())
_CHANGED = _if_id("links", _record("id", id=_TEXT), value=_RECORDS)
_MATCHER = _if_id("byName", _record("id"), options=_TEXT)
_OVERRIDE = _record("matcher", matcher=_MATCHER, properties=_list(_CHANGED))
# The query of one that asks Prometheus is a text, or has it inside.
_VARIABLE = _record(name=_TEXT, query={"type": ["object", "string"], "properties": {"query": _TEXT}})
_PANEL = _record(
    fieldConfig=_record(
        defaults=_record(custom=_record(), links=_RECORDS),
        overrides=_list(_OVERRIDE),
    ),
    links=_RECORDS,
    options=_record(legend=_record(calcs=_list({})), reduceOptions=_record(calcs=_list({}))),
    targets=_RECORDS,
    transformations=_list(_record(id=_TEXT, options=_record())),
    type=_TEXT,
)
_DASHBOARD = _record(
    annotations=_record(list=_RECORDS),
    panels=_list({"allOf": [_PANEL, _record(panels=_list(_PANEL))]}),
    templating=_record(list=_list(_VARIABLE)),
    uid=_TEXT,
)


def misshapen(dashboard: object) -> Iterator[str]:
    """Yield what is no list or no record where one must be, each with its place."""
    for error in Draft7Validator(_DASHBOARD).iter_errors(dashboard):
        yield f"{error.json_path}: {error.message}"
