"""The description of the JSON interface, as OpenAPI 3.1 has it: made from the views themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.views.view import FieldKind, View, ViewField
from otel_tickrmeter.web.lists import MAX_PART
from otel_tickrmeter.web.query import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET

_TYPES: Mapping[FieldKind, Mapping[str, Any]] = {
    "text": {"type": ("string", "null")},
    "whole": {"type": ("integer", "null")},
    "number": {"type": ("number", "null")},
    "share": {"type": ("number", "null"), "minimum": 0, "maximum": 1},
    "flag": {"type": ("boolean", "null")},
    "moment": {"type": ("string", "null"), "format": "date-time"},
}
TEXT = {"type": "string"}
MOMENT = _TYPES["moment"]
_NUMBER = _TYPES["number"]
COUNT = {"type": "integer", "minimum": 0}


@dataclass(frozen=True, slots=True)
class ApiPart:
    """A part of the interface that is not always there.

    Attributes:
        routes: What is served.
        paths: What the description says of them, by path.
        schemes: How its callers show who they are, by the name that `paths` have for it.
    """

    routes: Sequence[Route]
    paths: Mapping[str, Any]
    schemes: Mapping[str, Any]


def describe(views: Sequence[View], version: str, parts: Sequence[ApiPart] = ()) -> Mapping[str, Any]:
    """The description of the interface with these lists and parts."""
    paths: dict[str, Any] = {
        "/api/v1/status": _get("How the exporter is.", {"200": json_answer("The status.", _status())}),
        "/api/v1/openapi.json": _get(
            "This description.", {"200": json_answer("OpenAPI 3.1.", {"type": "object"})}
        ),
    }
    paths["/api/v1/glance"] = _get("What the page shows.", {"200": json_answer("All of it.", _glance())})
    paths["/api/v1/events"] = _get(
        "The same as server-sent events named `glance`, one every two seconds.",
        {
            "200": {"description": "A stream.", "content": {"text/event-stream": {"schema": TEXT}}},
            "503": problem_answer("Too many listeners; Retry-After says when to come again."),
        },
    )
    for view in views:
        path = f"/api/v1/{view.path}"
        page = {**json_answer("A page.", _page(view))}
        paths[path] = _get(view.meaning, {"200": page}, _parameters(view))
        if view.find is not None:
            key = {"name": "id", "in": "path", "required": True, "schema": TEXT}
            single = _object(
                view.fields, {part.name: _part(part.meaning, part.fields) for part in view.parts}
            )
            answers = {"200": json_answer("It.", single), "404": problem_answer("There is none.")}
            page["links"] = {"first": _link(f"{path}/{{id}}", f"items/0/{view.fields[0].name}")}
            paths[f"{path}/{{id}}"] = _get(f"One of: {view.meaning}", answers, [key])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otel-tickrmeter",
            "version": version,
            "description": "Parameters that are not known are refused. What needs no token only reads.",
        },
        "paths": paths | {path: item for part in parts for path, item in part.paths.items()},
        "components": {
            "securitySchemes": {name: scheme for part in parts for name, scheme in part.schemes.items()}
        },
    }


def _get(meaning: str, answers: Mapping[str, Any], parameters: Sequence[Any] = ()) -> Mapping[str, Any]:
    found = {**answers, "400": problem_answer("A parameter cannot be used; `parameter` names it.")}
    return {"get": {"summary": meaning, "parameters": list(parameters), "responses": found}}


def _link(path: str, key: str) -> Mapping[str, Any]:
    """Where the first thing of a page is found by itself; `key` is where its key stands."""
    place = path.replace("~", "~0").replace("/", "~1")
    return {
        "description": "The first of the page by itself.",
        "operationRef": f"#/paths/{quote(place, safe='~')}/get",
        "parameters": {"id": f"$response.body#/{key}"},
    }


def json_answer(meaning: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer with JSON."""
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def problem_answer(meaning: str) -> Mapping[str, Any]:
    """An answer that says what is wrong."""
    schema = {
        "type": "object",
        "required": ("title", "status", "detail"),
        "properties": {
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "parameter": TEXT,
            "faults": {"type": "array", "items": TEXT},
        },
    }
    return {"description": meaning, "content": {"application/problem+json": {"schema": schema}}}


def _parameters(view: View) -> list[Mapping[str, Any]]:
    orders = [order for field in view.fields for order in (field.name, f"-{field.name}")]
    limits = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    offsets = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
    return [
        *(
            query_parameter(field.name, f"Only those: {field.meaning}", _choice(field))
            for field in view.fields
            if field.chooses
        ),
        query_parameter("sort", "What sorts.", {"type": "string", "enum": orders, "default": view.order}),
        query_parameter("offset", "How many come before the page.", offsets),
        query_parameter("limit", "How many are on the page at most.", limits),
    ]


def _choice(field: ViewField) -> Mapping[str, Any]:
    return {"type": "boolean"} if field.kind == "flag" else TEXT


def query_parameter(name: str, meaning: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parameter behind the question mark."""
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _object(fields: Sequence[ViewField], more: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = {field.name: {**_TYPES[field.kind], "description": field.meaning} for field in fields}
    return closed({**properties, **more})


def closed(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object with exactly these."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": dict(properties),
    }


def _part(meaning: str, fields: Sequence[ViewField]) -> Mapping[str, Any]:
    return {"type": "array", "description": meaning, "maxItems": MAX_PART, "items": _object(fields, {})}


def _page(view: View) -> Mapping[str, Any]:
    items = {"type": "array", "maxItems": MAX_LIMIT, "items": _object(view.fields, {})}
    return closed({"total": COUNT, "offset": COUNT, "limit": COUNT, "items": items})


def _glance() -> Mapping[str, Any]:
    # A tuple could be said more exactly (`prefixItems`), which not every tool can read yet.
    either = {"type": ("string", "integer"), "minimum": 0}
    pair = {
        "type": "array",
        "description": "A name and a number.",
        "items": either,
        "minItems": 2,
        "maxItems": 2,
    }
    field = closed({"name": TEXT, "kind": {"enum": list(_TYPES)}, "meaning": TEXT})
    rows = {"type": "array", "items": {"type": "array"}}
    fields = {"type": "array", "items": field}
    words = dict.fromkeys(("title", "path", "part", "line", "share"), TEXT)
    course = closed({**words, "fields": fields, "span_seconds": COUNT, "step_seconds": COUNT})
    excerpt = closed(
        {
            **dict.fromkeys(("title", "meaning", "bar"), TEXT),
            "fields": fields,
            "rows": rows,
            "course": {"anyOf": [course, {"type": "null"}]},
        }
    )
    breakdown = closed({"title": TEXT, "counts": {"type": "array", "items": pair}})
    fleet = closed(
        {
            "title": TEXT,
            "figures": {"type": "array", "items": pair},
            "breakdowns": {"type": "array", "items": breakdown},
            "excerpts": {"type": "array", "items": excerpt},
        }
    )
    return closed({"status": _status(), "fleets": {"type": "array", "items": fleet}})


def _status() -> Mapping[str, Any]:
    trouble = closed({"text": TEXT, "runbook": TEXT})
    note = closed(
        {
            "at": MOMENT,
            **dict.fromkeys(("message_type", "reason", "device", "topic", "sample"), TEXT),
            "count": COUNT,
        }
    )
    return closed(
        {
            "title": TEXT,
            "version": TEXT,
            "status": {"enum": ["healthy", "degraded"]},
            "not_ready_reason": _TYPES["text"],
            "broker": TEXT,
            "broker_connected": {"type": "boolean"},
            "connected_since": {
                **MOMENT,
                "description": "Since when it is subscribed; null while it is not.",
            },
            "disconnected_since": {
                **MOMENT,
                "description": "Since when it is not, the start if it never was; null while it is.",
            },
            "mqtt_protocol": _TYPES["text"],
            "last_message_time": MOMENT,
            "messages_processed": COUNT,
            "messages_per_second": _NUMBER,
            "errors_count": COUNT,
            "errors_per_second": _NUMBER,
            "uptime": {"type": "number"},
            "connection_uptime_share": {"type": "number", "minimum": 0, "maximum": 1},
            "queue_sizes": {"type": "object", "additionalProperties": COUNT},
            "fleets": {"type": "array", "items": TEXT},
            "partition": COUNT,
            "partitions": COUNT,
            "troubles": {"type": "array", "items": trouble},
            "set_aside": {"type": "array", "items": note},
        }
    )
