"""What the body of a request says, with all that is wrong with it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

MEMBERS = ("blueprint", "parameters", "start")
MOST_FAULTS = 50
"""So many are told."""
_LONGEST_FAULT = 300


@dataclass(frozen=True, slots=True)
class NewWorker:
    """A worker that is wanted."""

    blueprint: str
    parameters: Mapping[str, Any]
    start: bool


class BodyError(Exception):
    """A body that cannot be used; `faults` has a line for each reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        shown = [_cut(fault) for fault in faults[:MOST_FAULTS]]
        if len(faults) > MOST_FAULTS:
            shown.append(f"and {len(faults) - MOST_FAULTS} more")
        super().__init__("; ".join(shown))
        self.faults = tuple(shown)


class MediaTypeError(Exception):
    """A body that is not said to be JSON as it is."""


def check_media_type(headers: Mapping[str, str]) -> None:
    """See whether a body is what can be read.

    Raises:
        MediaTypeError: It is not.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeError("the body must be JSON, with Content-Type: application/json")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise MediaTypeError("the body must not be compressed")


def read_new_worker(raw: bytes, faults_of: Callable[[str, Mapping[str, Any]], Sequence[str]]) -> NewWorker:
    """The worker that a body asks for.

    Args:
        raw: The body.
        faults_of: What is wrong with a blueprint and its parameters.

    Raises:
        BodyError: Something is.
    """
    told = _object(raw)
    blueprint, parameters, start = told.get("blueprint"), told.get("parameters", {}), told.get("start", False)
    faults = [f"{name}: there is no such member" for name in told if name not in MEMBERS]
    if not isinstance(parameters, Mapping):
        faults.append("parameters: must be an object")
    if not isinstance(start, bool):
        faults.append("start: must be true or false")
    if isinstance(blueprint, str):
        faults += faults_of(blueprint, parameters if isinstance(parameters, Mapping) else {})
    else:
        faults.append("blueprint: must be given, and be text")
    if faults:
        raise BodyError(faults)
    assert isinstance(blueprint, str)  # noqa: S101  else there was a fault
    return NewWorker(blueprint, parameters, start)


def refuse_members(raw: bytes) -> None:
    """Check a body where none is expected; an empty object is as good as none.

    Raises:
        BodyError: It says something.
    """
    told = _object(raw)
    if told:
        raise BodyError([f"{name}: there is no such member" for name in told])


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if raw else "it is empty"
        raise BodyError([f"the body is not JSON: {where}"]) from None
    if not isinstance(told, dict):
        raise BodyError(["the body must be an object"])
    return told


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_FAULT else f"{text[:_LONGEST_FAULT]}…"
