"""What the description of the JSON interface says of jobs, as OpenAPI 3.1 has it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.jobs.blueprint import Blueprint, Need
from otel_tickrmeter.jobs.controller import Status
from otel_tickrmeter.jobs.state import Command, Outcome, Queue, State
from otel_tickrmeter.web.openapi import (
    COUNT,
    MOMENT,
    TEXT,
    closed,
    json_answer,
    problem_answer,
    query_parameter,
)

_TOKEN = "token"  # noqa: S105  a name
SCHEMES: Mapping[str, Any] = MappingProxyType({_TOKEN: {"type": "http", "scheme": "bearer"}})
_NULL_TEXT = {"type": ("string", "null")}
_STATE = {"enum": tuple(state.value for state in State)}
_ID = {"name": "id", "in": "path", "required": True, "schema": TEXT}
_ADMISSION = {
    "401": problem_answer("No token, or one that nobody knows; WWW-Authenticate says so."),
    "403": problem_answer("Neither over TLS nor at a loopback address, or somebody else's worker."),
}
_BUSY = {
    "description": "Too much waits, or nobody can be admitted; Retry-After says when to come again.",
    "content": {
        **problem_answer("")["content"],
        "text/plain; charset=utf-8": {"schema": TEXT},
    },
}
_TOO_LARGE = {
    "description": "The body is longer than 64 KiB.",
    "content": {"text/plain; charset=utf-8": {"schema": TEXT}},
}
_BODIES = {
    "413": _TOO_LARGE,
    "415": problem_answer("The body is not said to be JSON, or is compressed."),
}
_FAULTS = problem_answer("A parameter cannot be used, or the body; `faults` has all that is wrong with it.")
_UNKNOWN = problem_answer("There is no such worker, or no longer.")


def describe_jobs(root: str, blueprints: Mapping[str, Blueprint]) -> Mapping[str, Any]:
    """The paths of the interface below `root`."""
    worker = _worker()
    status = query_parameter("status", "Only those in this state.", _STATE)
    listed = _listed(_worker(alone=False))
    paths: dict[str, Any] = {
        root: {"get": _operation("How the controller is.", _ok(_overview()))},
        f"{root}/blueprints": {
            "get": _operation("What kinds of jobs there are.", _ok(_listed(_blueprint())))
        },
        f"{root}/workers": {
            "get": _operation("The workers that are the caller's business.", _ok(listed), [status]),
            "post": _operation(
                "Make a worker; it is idle, unless it is to start at once.",
                {"201": _created(worker), **_BODIES},
                body=_body(_wanted(blueprints), required=True),
            ),
        },
        f"{root}/workers/{{id}}": {
            "get": _operation("A worker.", {**_ok(worker), "404": _UNKNOWN}, [_ID]),
        },
    }
    for command in Command:
        answers = {
            **_ok(worker),
            **_BODIES,
            "404": _UNKNOWN,
            "409": problem_answer("It is in a state in which it does not take that."),
        }
        paths[f"{root}/workers/{{id}}/{command.value}"] = {
            "put": _operation(
                f"Have a worker {command.value}.", answers, [_ID], _body(closed({}), required=False)
            )
        }
    return paths


def _operation(
    meaning: str,
    answers: Mapping[str, Any],
    parameters: Sequence[Any] = (),
    body: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    told = {
        "summary": meaning,
        "parameters": list(parameters),
        "security": [{_TOKEN: []}],
        "responses": {**answers, "400": _FAULTS, **_ADMISSION, "503": _BUSY},
    }
    return told if body is None else {**told, "requestBody": body}


def _ok(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"200": json_answer("It.", schema)}


def _created(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    location = {"Location": {"description": "Its path.", "schema": TEXT}}
    return {**json_answer("It was made.", schema), "headers": location}


def _body(schema: Mapping[str, Any], *, required: bool) -> Mapping[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _wanted(blueprints: Mapping[str, Blueprint]) -> Mapping[str, Any]:
    start = {"type": "boolean", "default": False}
    kinds = []
    for blueprint in blueprints.values():
        parameters = {
            "type": "object",
            "additionalProperties": False,
            "required": [each.name for each in blueprint.parameters if each.default is Need.REQUIRED],
            "properties": {each.name: {"description": each.meaning} for each in blueprint.parameters},
        }
        name = {"const": blueprint.name}
        told = closed({"blueprint": name, "parameters": parameters, "start": start})
        required = ["blueprint", *(["parameters"] if parameters["required"] else [])]
        kinds.append({**told, "required": required, "description": blueprint.meaning})
    return {"oneOf": kinds}


def _worker(*, alone: bool = True) -> Mapping[str, Any]:
    ratio = {"type": "number", "minimum": 0, "maximum": 1}
    outcomes = [outcome.value for outcome in Outcome]
    long = {"parameters": {"type": "object"}, "summary": {"type": ("object", "null")}} if alone else {}
    return closed(
        {
            "id": {"type": "string", "format": "uuid"},
            "blueprint": TEXT,
            "status": _STATE,
            "progress": closed({"current": COUNT, "total": COUNT, "ratio": ratio}),
            "owner": TEXT,
            "shard": TEXT,
            "ticks": COUNT,
            "created_at": {"type": "string", "format": "date-time"},
            "started_at": MOMENT,
            "ended_at": MOMENT,
            "outcome": {"enum": [*outcomes, None]},
            "error": _NULL_TEXT,
            **long,
        }
    )


def _listed(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return closed({"total": COUNT, "items": {"type": "array", "items": item}})


def _overview() -> Mapping[str, Any]:
    counts = closed({state.value: COUNT for state in State})
    shard = closed({"id": TEXT, "running": {"type": "boolean"}, "workers": counts})
    return closed(
        {
            "status": {"enum": [status.name.lower() for status in Status]},
            "shards": {"type": "array", "items": shard},
            "queue_sizes": closed({queue.value: COUNT for queue in Queue}),
        }
    )


def _blueprint() -> Mapping[str, Any]:
    flag = {"type": "boolean"}
    parameter = closed({"name": TEXT, "meaning": TEXT, "required": flag, "default": {}})
    parameters = {"type": "array", "items": parameter}
    return closed({"name": TEXT, "meaning": TEXT, "resumable": flag, "parameters": parameters})
