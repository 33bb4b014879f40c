"""A fleet whose rules run, with hands that only note what they are to do."""

import json
from collections.abc import Collection, Iterable

from otel_tickrmeter.fleets.autocore.automation.engine import Automation
from otel_tickrmeter.fleets.autocore.automation.parse import parse_rule
from otel_tickrmeter.fleets.autocore.automation.permission import Permission
from otel_tickrmeter.fleets.autocore.automation.rule import Rule
from otel_tickrmeter.fleets.autocore.automation.run import Run
from otel_tickrmeter.fleets.autocore.decode import Decoder
from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.reason import RunOutcome
from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS
from otel_tickrmeter.stream.ticket import Ticket
from tests.support.autocore import Driver

LOG = [{"type": "log", "text": "$device/$relay $sensor $value $state"}]


def rule(
    trigger: object,
    *,
    name: str = "r",
    conditions: object = (),
    actions: object = None,
    cooldown: float = 0,
    may_publish: bool = True,
) -> Rule:
    actions = LOG if actions is None else actions
    texts = [json.dumps(each) for each in (trigger, conditions, actions)]
    return parse_rule(name, may_publish, texts[0], texts[1], texts[2], cooldown)


class Hands:
    """Notes; what is published is answered when the test says so, or at once."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.tickets: list[Ticket] = []
        self.at_once = True

    def notify(self, rule: Rule, text: str, severity: str) -> None:
        self.done.append((rule.name, "notify", text, severity))

    def log(self, rule: Rule, text: str) -> None:
        self.done.append((rule.name, "log", text))

    def publish(self, topic: str, payload: str) -> Ticket:
        self.done.append(("publish", topic, payload))
        ticket = Ticket()
        if self.at_once:
            ticket.end()
        self.tickets.append(ticket)
        return ticket


class RuleDriver:
    """A fleet with rules; `ended` has name, cause, outcome and error of each run."""

    def __init__(
        self,
        *rules: Rule,
        publish: bool = True,
        topics: Collection[str] = ("autocore/#",),
        barred: Iterable[tuple[str, int]] = (),
    ) -> None:
        self.hands = Hands()
        self.ended_runs: list[tuple[str, str, RunOutcome, str | None]] = []
        classify = Decoder(("seed", "devices"), DEFAULT_FIELDS).classify
        self.permission = Permission(topics, "autocore/", (0, 0), classify, publish=publish)
        self.permission.barred = frozenset(barred)
        self.automation = Automation(self.hands, self, self.permission, self._find)
        self.fleet = Driver(automation=self.automation)
        self.at = 0.0
        self.fleet.quiet(0)
        self.automation.use(rules, {})

    def ended(self, run: Run, outcome: RunOutcome, ended_unix_ns: int) -> None:
        assert ended_unix_ns >= run.begun_unix_ns
        self.ended_runs.append((run.rule.name, run.cause, outcome, run.error))

    def _find(self, device: str) -> Device | None:
        return self.fleet.fleet.devices.get(device)

    def until(self, at: float) -> list[tuple[str, ...]]:
        """Let time pass in steps of 0.1 s; returns what was done meanwhile."""
        steps = round((at - self.at) * 10)
        start = self.at
        for step in range(1, steps + 1):
            self.at = start + step / 10
            self.fleet.quiet(self.at)
        done, self.hands.done = self.hands.done, []
        return done

    @property
    def outcomes(self) -> list[RunOutcome]:
        return [outcome for _, _, outcome, _ in self.ended_runs]
