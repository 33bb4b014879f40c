"""A fault scenario on a broker of its own: what a client of that broker makes of it is for others to see.

It touches only processes that it has started.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from otel_tickrmeter.blueprints.made_up import fleet_options, fleet_simulator
from otel_tickrmeter.blueprints.own_broker import DEMO, HOST, PROGRAMS, OwnBroker, missing
from otel_tickrmeter.blueprints.scenario import SCENARIO, Cut, Step, StepKind, misplaced
from otel_tickrmeter.blueprints.timeline import Timeline
from otel_tickrmeter.blueprints.watched import WatchedBrokerError, check_resolved, check_written
from otel_tickrmeter.jobs.blueprint import Blueprint, Parameter, ParameterFault, Stopped, Work
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import TOPIC_PREFIX, choice, integer

if TYPE_CHECKING:
    from otel_tickrmeter.simulate.planned import Planned

_DEVICES = 50
_RATE = 100.0
_MARGIN_SECONDS = 60.0
"""A plan has somewhat more than a message for each place in it, or less."""
_HOUR = 3600.0


def fault_blueprint() -> Blueprint:
    """A fault scenario, as a job."""
    return Blueprint(
        "fault",
        "Starts a broker of its own, and has it fail as a scenario says.",
        (
            Parameter("scenario", SCENARIO, "steps as JSON objects, or the name of a scenario"),
            Parameter("port", integer(1, 65535), f"of {HOST}, where its broker listens"),
            Parameter("broker_program", choice(*PROGRAMS), "which broker it starts", DEMO),
            Parameter("topic_prefix", TOPIC_PREFIX, "levels before every topic that it publishes to", ""),
        ),
        _run,
        check=_faults,
    )


def _faults(parameters: Mapping[str, Any], surroundings: Surroundings) -> Sequence[ParameterFault]:
    told = [ParameterFault("scenario", fault) for fault in misplaced(parameters["scenario"])]
    if lacking := missing(parameters["broker_program"]):
        told.append(ParameterFault("broker_program", lacking))
    try:
        check_written(f"mqtt://{HOST}:{parameters['port']}", surroundings)
    except WatchedBrokerError as error:
        told.append(ParameterFault("port", str(error)))
    return told


@dataclass(frozen=True, slots=True)
class _Publishing:
    """Where and how messages of a step go; implements `PublishOptions`."""

    broker: str
    topic_prefix: str
    qos: int = 1
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    duration: float = 0.0
    patience: float = 0.0


def _run(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    timeline = Timeline(work)
    steps = parameters["scenario"]
    with OwnBroker(parameters["broker_program"], parameters["port"], timeline) as broker:
        check_resolved(broker.url, work.surroundings)
        stage = _Stage(work, timeline, broker, parameters["topic_prefix"])
        for done, step in enumerate(steps):
            work.report(done, len(steps))
            timeline.checkpoint()
            stage.play(step)
            broker.check()
    work.report(len(steps), len(steps))
    return {"steps": len(steps), "sent": dict(stage.sent)}


class _Stage:
    """Where the steps are played. `sent` is how many messages, by kind of step."""

    def __init__(self, work: Work, timeline: Timeline, broker: OwnBroker, topic_prefix: str) -> None:
        self._work = work
        self._timeline = timeline
        self._broker = broker
        self._topic_prefix = topic_prefix
        self.sent: Counter[str] = Counter()

    def play(self, step: Step) -> None:
        """Do what a step says.

        Raises:
            OwnBrokerError: The broker does not start.
            BrokerError: It takes no messages.
            Stopped: The worker is to end.
        """
        given = step.given
        match step.kind:
            case StepKind.START_BROKER:
                self._broker.start()
            case StepKind.STOP_BROKER:
                self._broker.stop()
            case StepKind.RESTART_BROKER:
                self._broker.stop()
                self._broker.start()
            case StepKind.WAIT:
                self._wait(given["duration"])
            case StepKind.CUT:
                self._cut(given["duration"], Cut(given["how"]))
            case StepKind.FLOOD:
                self._publish(step, _planned(given["fleet"], given["messages"]), qos=given["qos"])
            case StepKind.RETAINED:
                self._publish(step, _planned(given["fleet"], given["messages"]), retain=True)
            case StepKind.CLOCK:
                self._publish(step, _planned("autocore", given["messages"], given["hours"]))
            case StepKind.BAD_PAYLOADS:
                from otel_tickrmeter.blueprints.bad_payloads import bad_messages

                self._publish(step, bad_messages(given["fleet"], given["messages"]))

    def _wait(self, seconds: float) -> None:
        self._timeline.wait_until(self._timeline.now + seconds)

    def _cut(self, seconds: float, how: Cut) -> None:
        if how is Cut.DROP:
            self._broker.kill()
            self._wait(seconds)
            self._broker.start()
            return
        self._broker.stand_still(still=True)
        try:
            self._wait(seconds)
        finally:
            self._broker.stand_still(still=False)

    def _publish(
        self, step: Step, messages: Iterable["Planned[Any]"], *, qos: int = 1, retain: bool = False
    ) -> None:
        from otel_tickrmeter.blueprints.hold import Hold
        from otel_tickrmeter.simulate.control import RunControl
        from otel_tickrmeter.simulate.publisher import Pace, publish

        def note(_: object) -> None:
            self.sent[step.kind] += 1

        options = _Publishing(self._broker.url, self._topic_prefix, qos)
        with Hold(self._work) as hold:
            control = RunControl(hold.stop, hold.held)
            publish(messages, options, control, sent=note, pace=Pace(), retain=retain)
        if hold.stop.is_set():
            raise Stopped


def _planned(fleet: str, count: int, hours: float = 0.0) -> Iterator["Planned[Any]"]:
    """So many messages of a made-up fleet, all due at once; of devices whose clocks are so far off."""
    import time

    more: dict[str, object] = {}
    if fleet == "autocore":
        # All clocks are as far off as is asked for.
        more |= {"started": time.time() + hours * _HOUR, "bad_clocks": 0.0, "clocks_off": 0.0}
    duration = count / _RATE + _MARGIN_SECONDS
    options = fleet_options(fleet).record(devices=_DEVICES, rate=_RATE, duration=duration, **more)
    for message in islice(fleet_simulator(fleet).plan(options), count):
        yield message._replace(at_seconds=0.0)
