"""The series that recording rules would have left behind, found by asking the rules themselves.

A small database, the last ten minutes of the fleet, answers each rule once at its end. What it answers is
filled in for the whole time, because other rules ask for it, and the rest of the rules are asked again.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from alerts.recording import recording_groups
from alerts.rule import Recording
from alerts.windows import Windows
from benchmarks.backfill.blocks import backfill
from benchmarks.backfill.fleet import Series
from benchmarks.rig.prometheus import Prometheus

_STEPS = 10


def recording_rules() -> list[tuple[Recording, float]]:
    """Return all recording rules, each with how often a minute it is evaluated."""
    minutes = {"1m": 1.0, "5m": 5.0}
    return [
        (rule, 1 / minutes[group.interval])
        for group in recording_groups(Windows())
        for rule in group.rules
        if isinstance(rule, Recording)
    ]


def recorded(scratch: Path, raw: Sequence[Series], steps: range) -> list[Series]:
    """Return the recorded series.

    Args:
        scratch: For a database that is of no use afterwards; not there yet.
        raw: The fleet's.
        steps: All times of samples.
    """
    backfill(scratch, raw, steps, last=_STEPS)
    waiting = [rule for rule, _ in recording_rules()]
    every: list[Series] = []
    while True:
        with Prometheus(scratch) as server:
            answers = [(rule, list(_answer(server, rule, steps[-1]))) for rule in waiting]
        found = [series for _, answer in answers for series in answer]
        if not found:
            return every
        backfill(scratch, found, steps)
        every += found
        waiting = [rule for rule, answer in answers if not answer]


def _answer(server: Prometheus, rule: Recording, at: int) -> Iterator[Series]:
    whole = server.ask("query", {"query": rule.expression, "time": str(at)}).whole()
    for sample in whole["data"]["result"]:
        metric = {name: value for name, value in sample["metric"].items() if name != "__name__"}
        labels = ",".join(
            f'{name}="{_escaped(value)}"' for name, value in (metric | dict(rule.labels)).items()
        )
        yield Series(f"{rule.record}{{{labels}}}".encode(), float(sample["value"][1]), rises=False)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
