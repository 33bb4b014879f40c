"""Which rule runs when: what happens to the fleet, and time, in; runs and how they ended, out.

The rules that this file keeps:

1. What is retained, late or has waited on its way brings nothing about; nor does the first that is known of a
   device, or a relay.
2. What a rule may have caused triggers no rule: for a minute after it published, no change of a relay that it
   may have switched, and no coming or going of its device. A reading of the device that goes beyond a bound
   in that minute triggers none that publishes; who is to be told of it, is.
3. A rule has one run at a time, and none before its cooldown is over.
4. An emergency stop ends all runs, and for a minute none begins.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from otel_tickrmeter.fleets.autocore.automation.permission import Permission, Touched
from otel_tickrmeter.fleets.autocore.automation.rule import (
    DAY_SECONDS,
    Condition,
    ReadingCondition,
    ReadingTrigger,
    RelayCondition,
    RelayTrigger,
    Rule,
    StatusTrigger,
    TimeCondition,
    TimeTrigger,
)
from otel_tickrmeter.fleets.autocore.automation.run import Hands, Run
from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import When
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Cause, RunOutcome, Word
from otel_tickrmeter.fleets.autocore.relay import Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.stream.second import SECOND_NS

CAUSED_NS = 60 * SECOND_NS
STOPPED_NS = 60 * SECOND_NS
LONGEST_GAP_SECONDS = 60
"""A time of the day that was missed by more than this, while the machine slept, has passed."""
_THURSDAY = 3  # the day of the week that Unix time begins on


class RunEnds(Protocol):
    """Told how runs end."""

    def ended(self, run: Run, outcome: RunOutcome, ended_unix_ns: int) -> None:
        """A run is over."""


@dataclass(slots=True)
class _Beyond:
    """Since when readings of a device are beyond the bound of a rule; `done`: it has run, or is not to."""

    since_ns: int
    done: bool


class Automation(Outcomes):
    """Runs rules.

    Args:
        hands: Carries out their actions.
        ends: Told how runs end.
        permission: Says what may be published.
        find: Finds what is known of a device, by its id.

    Attributes:
        stopped_until_ns: Until when none begins, since all were stopped; monotonic nanoseconds.
    """

    def __init__(
        self, hands: Hands, ends: RunEnds, permission: Permission, find: Callable[[str], Device | None]
    ) -> None:
        self._hands = hands
        self._ends = ends
        self._permission = permission
        self._find = find
        self._now_ns = 0
        self._unix_ns = 0
        self._rules: tuple[Rule, ...] = ()
        self._by_sensor: dict[str, list[tuple[Rule, ReadingTrigger]]] = {}
        self._running: dict[str, Run] = {}
        # Of rules, by their names: when the cooldown is over.
        self._ready_ns: dict[str, int] = {}
        self.stopped_until_ns = 0
        # By rule and device.
        self._beyond: dict[tuple[str, str], _Beyond] = {}
        # What rules may have switched, and until when what happens to it is put down to them.
        self._caused: list[tuple[Touched, int]] = []
        self._gone: set[str] = set()

    def use(self, rules: Iterable[Rule], last_runs_ns: Mapping[str, int]) -> None:
        """Go by these rules from now on; what is no more, or is another now, is stopped.

        Args:
            rules: All there are; names differ.
            last_runs_ns: When rules ran last, Unix nanoseconds, by their names; for those not known yet.
        """
        before = {rule.name: rule for rule in self._rules}
        self._rules = tuple(rules)
        now = {rule.name: rule for rule in self._rules}
        if now == before:
            return
        changed = {name for name, rule in before.items() if now.get(name) != rule}
        for name in changed & self._running.keys():
            self._running[name].error = "the rule was changed, or taken away"
            self._end(self._running[name], RunOutcome.STOPPED)
        self._beyond = {key: beyond for key, beyond in self._beyond.items() if key[0] not in changed}
        self._ready_ns = {name: at for name, at in self._ready_ns.items() if name in now}
        for name in now.keys() & last_runs_ns.keys() - before.keys():
            ago_ns = self._unix_ns - last_runs_ns[name]
            self._ready_ns[name] = self._now_ns + now[name].cooldown_ns - ago_ns
        self._by_sensor = {}
        for rule in self._rules:
            if isinstance(rule.trigger, ReadingTrigger):
                self._by_sensor.setdefault(rule.trigger.sensor, []).append((rule, rule.trigger))

    def passed(self, now_ns: int, unix_ns: int, *, history: bool = False) -> None:
        """Time has passed, by the monotonic clock and by the calendar; some times a second.

        `history`: it passed for a program that was killed, which may have done what was due by it.
        """
        before = self._unix_ns // SECOND_NS
        self._now_ns, self._unix_ns = now_ns, unix_ns
        second = unix_ns // SECOND_NS
        if second != before and before:
            self._caused = [(reach, until) for reach, until in self._caused if now_ns < until]
            if not history:
                self._at_times(max(before, second - LONGEST_GAP_SECONDS), second)
        for run in list(self._running.values()):
            outcome = run.advance(now_ns, self._hands, self._permission)
            if run.reached is not None:
                self._caused.append((run.reached, now_ns + CAUSED_NS))
                run.reached = None
            if outcome is not None:
                self._end(run, outcome)

    def stop_all(self) -> None:
        """An emergency stop: end all runs, and begin none for STOPPED_NS."""
        self.stopped_until_ns = self._now_ns + STOPPED_NS
        for run in list(self._running.values()):
            run.error = "emergency stop"
            self._end(run, RunOutcome.STOPPED)

    def relay_changed(self, device: Device, relay: Relay, change: Change) -> None:
        """A relay was switched."""
        # Of a state that was not known before nobody can say whether it is new.
        if change.previous is None or change.when.backlog or self._is_caused(device.id, relay.number):
            return
        how = "on" if change.state else "off"
        for rule in self._rules:
            trigger = rule.trigger
            if (
                isinstance(trigger, RelayTrigger)
                and trigger.device in {None, device.id}
                and trigger.relay in {None, relay.number}
                and trigger.state in {None, change.state}
            ):
                values = {"relay": str(relay.number), "state": how}
                self._begin(rule, f"{device.id}/{relay.number} was switched {how}", device, values)

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        """A device came, or went."""
        del cause
        online = device.online
        if online and device.id not in self._gone:
            return
        (self._gone.discard if online else self._gone.add)(device.id)
        if when.backlog or self._is_caused(device.id, None):
            return
        state = "online" if online else "offline"
        for rule in self._rules:
            trigger = rule.trigger
            if (
                isinstance(trigger, StatusTrigger)
                and trigger.device in {None, device.id}
                and trigger.online in {None, online}
            ):
                self._begin(rule, f"{device.id} is {state}", device, {"state": state})

    def reading(self, device: Device, sensor: Sensor, when: When, *, keep: bool) -> None:
        """A sensor has a new reading."""
        del keep
        rules = self._by_sensor.get(sensor.key)
        if rules is None or when.backlog:
            return
        for rule, trigger in rules:
            if trigger.device not in {None, device.id}:
                continue
            key = (rule.name, device.id)
            if not trigger.bound.passed(sensor.value):
                self._beyond.pop(key, None)
                continue
            beyond = self._beyond.get(key)
            if beyond is None:
                caused = rule.publishes and self._is_caused(device.id, None)
                beyond = self._beyond[key] = _Beyond(when.at_ns, done=caused)
            if not beyond.done and when.at_ns - beyond.since_ns >= trigger.for_ns:
                value = f"{sensor.value:.6g}"
                values = {"sensor": sensor.key, "value": value}
                beyond.done = self._begin(rule, f"{device.id}: {sensor.key} is {value}", device, values)

    def recalled(self, device: Device) -> None:
        """A device is known from before a restart: its return is news if it was gone."""
        if device.word is Word.OFFLINE:
            self._gone.add(device.id)

    def forgotten(self, device: Device) -> None:
        """A device is forgotten."""
        self._gone.discard(device.id)
        self._beyond = {key: beyond for key, beyond in self._beyond.items() if key[1] != device.id}

    def _at_times(self, before: int, now: int) -> None:
        for rule in self._rules:
            if isinstance(rule.trigger, TimeTrigger):
                due = before - before % DAY_SECONDS + rule.trigger.second
                if due <= before:
                    due += DAY_SECONDS
                if due <= now and (due // DAY_SECONDS + _THURSDAY) % 7 in rule.trigger.days:
                    self._begin(rule, "the time of the day", None, {})

    def _begin(self, rule: Rule, cause: str, device: Device | None, values: dict[str, str]) -> bool:
        """Let a rule run, unless it may not; says whether it does."""
        if (
            rule.name in self._running
            or self._now_ns < self._ready_ns.get(rule.name, 0)
            or self._now_ns < self.stopped_until_ns
            or not all(self._holds(condition, device) for condition in rule.conditions)
        ):
            return False
        if device is not None:
            values["device"] = device.id
        self._ready_ns[rule.name] = self._now_ns + rule.cooldown_ns
        self._running[rule.name] = Run(rule, cause, values, self._now_ns, self._unix_ns)
        return True

    def _end(self, run: Run, outcome: RunOutcome) -> None:
        del self._running[run.rule.name]
        self._ends.ended(run, outcome, self._unix_ns)

    def _is_caused(self, device: str, relay: int | None) -> bool:
        return any(self._now_ns < until and reach.meets(device, relay) for reach, until in self._caused)

    def _holds(self, condition: Condition, triggering: Device | None) -> bool:
        if isinstance(condition, TimeCondition):
            second = self._unix_ns // SECOND_NS % DAY_SECONDS
            if condition.after <= condition.before:
                return condition.after <= second < condition.before
            return second >= condition.after or second < condition.before
        device = triggering if condition.device is None else self._find(condition.device)
        if device is None:
            return False
        if isinstance(condition, RelayCondition):
            relay = device.relays.get(condition.relay)
            return relay is not None and relay.state is condition.state
        if isinstance(condition, ReadingCondition):
            sensor = device.sensors.get(condition.sensor)
            return sensor is not None and condition.bound.passed(sensor.value)
        return device.online is condition.online
