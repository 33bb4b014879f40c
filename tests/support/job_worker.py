"""The process of a worker with blueprints that behave badly: `python -m tests.support.job_worker`."""

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from otel_tickrmeter.jobs.blueprint import Blueprint, Parameter, Work
from otel_tickrmeter.jobs.work import work
from otel_tickrmeter.settings.kinds import integer


def count(parameters: Mapping[str, Any], desk: Work) -> Mapping[str, Any]:
    begun = desk.resumed_at["done"] if desk.resumed_at else 0
    for done in range(begun, parameters["steps"]):
        desk.report(done, parameters["steps"])
        desk.checkpoint({"done": done})
        time.sleep(0.01)
    return {"begun": begun, "pid": os.getpid()}


def block(_: Mapping[str, Any], desk: Work) -> Mapping[str, Any]:
    desk.report(1, 2)
    while True:
        time.sleep(60)


def leak(_: Mapping[str, Any], desk: Work) -> Mapping[str, Any]:
    held = []
    while True:
        held.append(bytearray(16 << 20))
        desk.report(len(held), 1000)


def fail(_: Mapping[str, Any], __: Work) -> Mapping[str, Any]:
    raise ValueError("it cannot be")


def vanish(_: Mapping[str, Any], __: Work) -> Mapping[str, Any]:
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    os._exit(7)


def blueprints() -> Mapping[str, Blueprint]:
    """All of them, by name."""
    steps = Parameter("steps", integer(1, 100_000), "how many", 30)
    return {
        "count": Blueprint("count", "", (steps,), count, resumable=True),
        **{each.__name__: Blueprint(each.__name__, "", (), each) for each in (block, leak, fail, vanish)},
    }


if __name__ == "__main__":
    sys.exit(work(blueprints()))
