"""A rule at work: one action after another, slowly, and not for long."""

from collections.abc import Mapping
from string import Template
from typing import Protocol

from otel_tickrmeter.fleets.autocore.automation.permission import Permission, Touched
from otel_tickrmeter.fleets.autocore.automation.rule import Log, Notify, Rule, RuleAction
from otel_tickrmeter.fleets.autocore.reason import RunOutcome
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.stream.ticket import Ticket

LONGEST_NS = 60 * SECOND_NS
PAUSE_NS = SECOND_NS // 10
"""Between two actions."""


class Hands(Protocol):
    """What carries out actions; none of it blocks or raises."""

    def notify(self, rule: Rule, text: str, severity: str) -> None:
        """Give people notice."""

    def log(self, rule: Rule, text: str) -> None:
        """Write to the program's log."""

    def publish(self, topic: str, payload: str) -> Ticket:
        """Publish at QoS 1, not retained."""


class Run:
    """One run of a rule; times are monotonic nanoseconds.

    Args:
        rule: What runs.
        cause: What brought it about, in words.
        values: What texts, topics and payloads of its actions may name.
        begun_ns: When it began; `begun_unix_ns` by the calendar.

    Attributes:
        error: What went wrong first, or why something was not published; None while nothing was.
        reached: What the last publishing may have switched; None when there was none.
    """

    def __init__(
        self, rule: Rule, cause: str, values: Mapping[str, str], begun_ns: int, begun_unix_ns: int
    ) -> None:
        self.rule = rule
        self.cause = cause
        self.begun_unix_ns = begun_unix_ns
        self.error: str | None = None
        self.reached: Touched | None = None
        self._values = values
        self._deadline_ns = begun_ns + LONGEST_NS
        self._next_ns = begun_ns
        self._done = 0
        self._ticket: Ticket | None = None
        self._outcome = RunOutcome.DONE

    def advance(self, now_ns: int, hands: Hands, permission: Permission) -> RunOutcome | None:
        """Do the next action, if it is time; says how the run ended, when it has."""
        actions, late = self.rule.actions, now_ns >= self._deadline_ns
        if self._ticket is not None:
            if not self._ticket.ended:
                return self._end(RunOutcome.FAILED, "the broker has not answered") if late else None
            if self._ticket.failure is not None:
                return self._end(RunOutcome.FAILED, self._ticket.failure)
            self._ticket = None
            self._done += 1
        if self._done < len(actions):
            if late:
                told = f"{self._done} of {len(actions)} actions in {LONGEST_NS // SECOND_NS} s"
                return self._end(RunOutcome.TIMEOUT, told)
            if now_ns >= self._next_ns:
                self._next_ns = now_ns + PAUSE_NS
                self._act(actions[self._done], hands, permission)
        return self._outcome if self._ticket is None and self._done == len(actions) else None

    def _act(self, action: RuleAction, hands: Hands, permission: Permission) -> None:
        if isinstance(action, Notify):
            hands.notify(self.rule, self._filled(action.text), action.severity)
        elif isinstance(action, Log):
            hands.log(self.rule, self._filled(action.text))
        else:
            self._publish(self._filled(action.topic), self._filled(action.payload), hands, permission)
        if self._ticket is None:
            self._done += 1

    def _publish(self, topic: str, payload: str, hands: Hands, permission: Permission) -> None:
        refusal = permission.refusal(self.rule, topic, payload)
        if refusal is None:
            self.reached = permission.touched(topic, payload)
            self._ticket = hands.publish(topic, payload)
            return
        self._outcome = RunOutcome.DRY_RUN
        self.error = self.error or refusal
        hands.log(self.rule, f"would publish on {topic}: {payload} ({refusal})")

    def _end(self, outcome: RunOutcome, why: str) -> RunOutcome:
        self.error = why
        return outcome

    def _filled(self, text: str) -> str:
        return Template(text).safe_substitute(self._values)
