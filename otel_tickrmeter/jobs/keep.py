"""The file in which workers outlast the exporter: one JSON text, written anew and put in place whole."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from otel_tickrmeter.jobs.state import Outcome, State
from otel_tickrmeter.jobs.worker import Worker

VERSION = 1
_LARGEST = 64 << 20
_NONE = type(None)
_KINDS: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("id", "blueprint", "owner", "shard"), (str,)),
        **dict.fromkeys(("current", "total", "ticks"), (int,)),
        "created_at": (int, float),
        **dict.fromkeys(("started_at", "ended_at"), (int, float, _NONE)),
        "error": (str, _NONE),
        "parameters": (dict,),
        **dict.fromkeys(("summary", "checkpoint"), (dict, _NONE)),
    }
)
"""What the fields of a worker must be: whatever else would be noticed only when it is used."""


class KeptError(Exception):
    """What was kept cannot be read; it was put aside."""


def to_bytes(workers: Sequence[Worker]) -> bytes:
    """What is written: workers as they are at this moment."""
    told = [{field.name: getattr(worker, field.name) for field in fields(worker)} for worker in workers]
    return orjson.dumps({"version": VERSION, "workers": told})


def save(path: Path, content: bytes) -> None:
    """Put it in place; for a thread.

    Raises:
        OSError: It was not.
    """
    new = path.with_suffix(".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def load(path: Path) -> list[Worker]:
    """The workers of before; none when there is no file.

    Raises:
        KeptError: It cannot be read; it lies beside its place now.
        OSError: It cannot be opened or put aside.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except FileNotFoundError:
        return []
    try:
        told = orjson.loads(content)
        if told["version"] == VERSION:
            return [_worker(each) for each in told["workers"]]
        why = f"it is of version {told['version']}"
    except (ValueError, KeyError, TypeError) as error:
        why = str(error)
    aside = path.with_suffix(".unreadable")
    path.replace(aside)
    raise KeptError(f"{path} cannot be read ({why}); it is {aside.name} now")


def _worker(told: Mapping[str, Any]) -> Worker:
    for name, kinds in _KINDS.items():
        if name in told and not isinstance(told[name], kinds):
            raise TypeError(f"{name} is {told[name]!r}")
    int(told["shard"])  # it names a number
    worker = Worker(**{**told, "holds_slot": False, "running": False})
    worker.state = State(worker.state)
    worker.outcome = None if worker.outcome is None else Outcome(worker.outcome)
    return worker
