"""What a fault scenario is: steps, one after the other, on a broker of its own. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.blueprints.kinds import json_number
from otel_tickrmeter.blueprints.made_up import MADE_UP
from otel_tickrmeter.jobs.blueprint import Need, Parameter
from otel_tickrmeter.settings.kinds import DURATION, ValueKind, choice, integer

_MOST_STEPS = 1000
_MESSAGES = integer(1, 1_000_000)


class StepKind(StrEnum):
    """What a step does."""

    START_BROKER = "start_broker"
    STOP_BROKER = "stop_broker"
    RESTART_BROKER = "restart_broker"
    WAIT = "wait"
    CUT = "cut"
    FLOOD = "flood"
    BAD_PAYLOADS = "bad_payloads"
    RETAINED = "retained"
    CLOCK = "clock"


class Cut(StrEnum):
    """How a connection ends without a word: the broker stands still, or is killed."""

    SILENCE = "silence"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class StepDescription:
    """What a kind of step does, and what it can be told."""

    meaning: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `given` has every parameter of its kind, read."""

    kind: StepKind
    given: Mapping[str, Any]


def step_descriptions() -> Mapping[StepKind, StepDescription]:
    """Every kind of step."""
    fleet = Parameter("fleet", choice(*MADE_UP), "whose messages", MADE_UP[0])
    how = choice(*(each.value for each in Cut))
    return {
        StepKind.START_BROKER: StepDescription("starts the broker"),
        StepKind.STOP_BROKER: StepDescription("stops it in order"),
        StepKind.RESTART_BROKER: StepDescription("stops and starts it"),
        StepKind.WAIT: StepDescription(
            "does nothing for a while", (Parameter("duration", DURATION, "how long"),)
        ),
        StepKind.CUT: StepDescription(
            "takes the broker away without a word, and brings it back",
            (
                Parameter("duration", DURATION, "for how long"),
                Parameter("how", how, "it stands still, or is killed", Cut.SILENCE.value),
            ),
        ),
        StepKind.FLOOD: StepDescription(
            "publishes as fast as it goes",
            (
                Parameter("messages", _MESSAGES, "how many"),
                fleet,
                Parameter("qos", integer(0, 1), "quality of service", 0),
            ),
        ),
        StepKind.BAD_PAYLOADS: StepDescription(
            "publishes malformed messages",
            (Parameter("messages", integer(1, 1000), "how many of each kind", 1), fleet),
        ),
        StepKind.RETAINED: StepDescription(
            "publishes messages that the broker keeps for whoever subscribes later",
            (Parameter("messages", _MESSAGES, "how many; of each topic it keeps the last"), fleet),
        ),
        StepKind.CLOCK: StepDescription(
            "publishes messages of AutoCore devices whose clocks have jumped",
            (
                Parameter("hours", json_number(-1e6, 1e6), "how far; below 0: into the past"),
                Parameter("messages", _MESSAGES, "how many", 100),
            ),
        ),
    }


_START: Mapping[str, object] = MappingProxyType({"step": "start_broker"})
_BRIEF: Mapping[str, object] = MappingProxyType({"step": "wait", "duration": "10s"})
NAMED: Mapping[str, tuple[Mapping[str, object], ...]] = MappingProxyType(
    {
        "restart": (_START, _BRIEF, {"step": "restart_broker"}, _BRIEF),
        "outage": (
            *(_START, _BRIEF, {"step": "stop_broker"}, {"step": "wait", "duration": "30s"}),
            *(_START, _BRIEF),
        ),
        "silence": (_START, _BRIEF, {"step": "cut", "duration": "30s"}, _BRIEF),
        "drops": (
            *(_START, _BRIEF, {"step": "cut", "how": "drop", "duration": "1s"}, _BRIEF),
            *({"step": "cut", "how": "drop", "duration": "1s"}, _BRIEF),
        ),
        "noise": (
            *(_START, _BRIEF, {"step": "bad_payloads", "messages": 10}),
            *({"step": "flood", "messages": 10_000}, _BRIEF),
        ),
        "clocks": (
            *(_START, _BRIEF, {"step": "clock", "hours": 5}, {"step": "clock", "hours": -48}),
            *({"step": "clock", "hours": 0}, _BRIEF),
        ),
    }
)
"""Scenarios that have a name. They leave a client some time to connect and to come back."""


def _read_scenario(value: object) -> tuple[Step, ...]:
    if isinstance(value, str):
        if value not in NAMED:
            raise ValueError(f"must be a list of steps, or one of {', '.join(NAMED)}")
        value = NAMED[value]
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MOST_STEPS:
        raise ValueError(f"must be a list of 1 to {_MOST_STEPS} steps, or one of {', '.join(NAMED)}")
    known = step_descriptions()
    return tuple(_read_step(place, each, known) for place, each in enumerate(value, 1))


def _read_step(place: int, value: object, known: Mapping[StepKind, StepDescription]) -> Step:
    name = value.get("step") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(name, str) or name not in known:
        raise ValueError(f"step {place}: must be an object whose step is one of {', '.join(known)}")
    kind = StepKind(name)
    parameters = {each.name: each for each in known[kind].parameters}
    strange = [name for name in value if name not in parameters and name != "step"]
    if strange:
        raise ValueError(f"step {place}: {kind} has no {str(strange[0])[:80]}")
    given = {}
    for name, parameter in parameters.items():
        told = value.get(name, parameter.default)
        if told is Need.REQUIRED:
            raise ValueError(f"step {place}: {name}: must be given")
        try:
            given[name] = parameter.kind.read(told)
        except ValueError as error:
            raise ValueError(f"step {place}: {name}: {error}") from None
    return Step(kind, given)


SCENARIO = ValueKind(_read_scenario)
"""A list of steps, or the name of one."""


def misplaced(steps: Sequence[Step]) -> Iterator[str]:
    """Yield which steps need a broker that does not run then, or start one that does."""
    runs = False
    for place, step in enumerate(steps, 1):
        if step.kind is StepKind.START_BROKER and runs:
            yield f"step {place}: {step.kind}: the broker runs already"
        elif step.kind not in (StepKind.START_BROKER, StepKind.WAIT) and not runs:
            yield f"step {place}: {step.kind}: the broker does not run"
        if step.kind in (StepKind.START_BROKER, StepKind.STOP_BROKER):
            runs = step.kind is StepKind.START_BROKER
