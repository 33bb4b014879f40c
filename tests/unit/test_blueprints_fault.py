"""What a fault scenario may be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.blueprints import own_broker
from otel_tickrmeter.blueprints.bad_payloads import MALFORMED, bad_messages
from otel_tickrmeter.blueprints.fault import fault_blueprint
from otel_tickrmeter.blueprints.own_broker import missing
from otel_tickrmeter.blueprints.scenario import NAMED, SCENARIO, Step, StepKind, misplaced, step_descriptions
from otel_tickrmeter.jobs.blueprint import BlueprintParameterError, read_parameters
from tests.support.autocore_instruments import Instruments
from tests.support.worker_process import surroundings

START = {"step": "start_broker"}
WAIT = {"step": "wait", "duration": "1s"}


@pytest.mark.parametrize("name", NAMED)
def test_named_scenarios_can_be_played(name: str) -> None:
    steps = SCENARIO.read(name)
    assert len(steps) == len(NAMED[name])
    assert list(misplaced(steps)) == []


def test_named_scenarios_do_all_there_is() -> None:
    assert {step.kind for name in NAMED for step in SCENARIO.read(name)} == {*StepKind} - {StepKind.RETAINED}


def test_a_step_has_all_its_parameters() -> None:
    assert SCENARIO.read([START, {"step": "flood", "messages": 7}, {"step": "cut", "duration": 2}]) == (
        Step(StepKind.START_BROKER, {}),
        Step(StepKind.FLOOD, {"messages": 7, "fleet": "tickrmeter", "qos": 0}),
        Step(StepKind.CUT, {"duration": 2.0, "how": "silence"}),
    )
    assert {*step_descriptions()} == {*StepKind}


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        ("flames", "must be a list of steps, or one of restart, outage, silence, drops, noise, clocks"),
        ([], "must be a list of 1 to 1000 steps"),
        ({"step": "wait"}, "must be a list of 1 to 1000 steps"),
        (["wait"], "step 1: must be an object whose step is one of start_broker, stop_broker"),
        ([WAIT, {}], "step 2: must be an object whose step is one of"),
        ([{"step": ["wait"]}], "step 1: must be an object whose step is one of"),
        ([{"step": "kill", "pid": 1}], "step 1: must be an object whose step is one of"),
        ([{"step": "wait"}], "step 1: duration: must be given"),
        ([{"step": "wait", "duration": -1}], "step 1: duration: must be a finite duration above zero"),
        ([{**START, "port": 1}], "step 1: start_broker has no port"),
        ([{"step": "cut", "duration": 1, "how": "axe"}], "step 1: how: must be one of silence, drop"),
        ([{"step": "clock", "hours": "5"}], "step 1: hours: must be a number from -1e+06 to 1e+06"),
        ([{"step": "flood", "messages": 10**7}], "step 1: messages: must be a whole number from 1 to"),
        ([{"step": "retained", "messages": 1, "fleet": "x"}], "step 1: fleet: must be one of"),
    ],
)
def test_what_is_no_scenario_is_told(scenario: object, fault: str) -> None:
    with pytest.raises(ValueError, match=r"must|has") as raised:
        SCENARIO.read(scenario)
    assert str(raised.value).startswith(fault)


@pytest.mark.parametrize(
    ("kinds", "faults"),
    [
        (["start_broker", "stop_broker", "start_broker", "restart_broker"], []),
        (["flood"], ["step 1: flood: the broker does not run"]),
        (["start_broker", "wait", "start_broker"], ["step 3: start_broker: the broker runs already"]),
        (["start_broker", "stop_broker", "cut", "wait"], ["step 3: cut: the broker does not run"]),
        (
            ["restart_broker", "stop_broker"],
            [
                "step 1: restart_broker: the broker does not run",
                "step 2: stop_broker: the broker does not run",
            ],
        ),
    ],
)
def test_steps_have_an_order(kinds: Sequence[str], faults: list[str]) -> None:
    assert list(misplaced([Step(StepKind(kind), {}) for kind in kinds])) == faults


def faults_of(directory: Path, given: Mapping[str, Any], watched: str) -> tuple[str, ...]:
    try:
        read_parameters(fault_blueprint(), given, surroundings(directory, watched_broker=watched))
    except BlueprintParameterError as error:
        return tuple(map(str, error.faults))
    return ()


def test_the_watched_broker_is_left_alone(tmp_path: Path) -> None:
    given = {"scenario": "restart", "port": 1883}
    assert faults_of(tmp_path, given, "mqtt://localhost:1884") == ()
    (told,) = faults_of(tmp_path, given, "mqtt://localhost")
    assert told.startswith("port: is the broker that the exporter watches")
    where = surroundings(tmp_path, watched_broker="mqtt://localhost", allow_watched_broker=True)
    assert read_parameters(fault_blueprint(), given, where)["broker_program"] == "demo"


def test_a_scenario_at_fault_is_told(tmp_path: Path) -> None:
    told = faults_of(tmp_path, {"scenario": [WAIT, {"step": "stop_broker"}], "port": 5}, "mqtt://x")
    assert told == ("scenario: step 2: stop_broker: the broker does not run",)


def test_a_broker_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert missing("demo") is None
    monkeypatch.setattr(own_broker, "find_spec", lambda _: None)
    monkeypatch.setattr(own_broker, "_PATH", str(tmp_path))
    given = {"scenario": [START], "port": 5}
    assert faults_of(tmp_path, given, "mqtt://x") == (
        "broker_program: needs amqtt: pip install 'otel-tickrmeter[demo]'",
    )
    assert faults_of(tmp_path, {**given, "broker_program": "mosquitto"}, "mqtt://x") == (
        "broker_program: Mosquitto is not installed",
    )


def test_every_bad_payload_is_one() -> None:
    fleet = Instruments()
    sent: Counter[str] = Counter()
    for message in bad_messages("autocore", 2):
        sent[message.meaning] += 1
        fleet.publish(0.0, message.topic, message.payload)
    assert sent == dict.fromkeys(MALFORMED, 6)
    shown = {name: value for (name, _), value in fleet.samples().items() if name == "autocore_devices"}
    assert sum(shown.values()) == 0
