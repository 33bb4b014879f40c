"""What a rule is: when it runs, what must hold then, and what it does."""

from typing import NamedTuple

MAX_RULES = 200
MAX_ACTIONS = 50
DAY_SECONDS = 86_400


class RelayTrigger(NamedTuple):
    """A relay was switched. None: any device, any relay, either way."""

    device: str | None
    relay: int | None
    state: bool | None


class Bound(NamedTuple):
    """What a reading is beyond: below `below`, or above `above`; one of the two is None."""

    below: float | None
    above: float | None

    def passed(self, value: float) -> bool:
        """Whether a reading is beyond it."""
        if self.below is not None:
            return value < self.below
        return self.above is not None and value > self.above


class ReadingTrigger(NamedTuple):
    """Readings of a sensor were beyond a bound for `for_ns`; once, until one is not. None: of any device."""

    device: str | None
    sensor: str
    bound: Bound
    for_ns: int


class StatusTrigger(NamedTuple):
    """A device came (`online`) or went. None: any."""

    device: str | None
    online: bool | None


class TimeTrigger(NamedTuple):
    """A time of the day, UTC, seconds; on days of the week, 0 is Monday."""

    second: int
    days: frozenset[int]


RuleTrigger = RelayTrigger | ReadingTrigger | StatusTrigger | TimeTrigger


class RelayCondition(NamedTuple):
    """A relay is on, or off; what is not known is neither. Device None, here and below: the trigger's."""

    device: str | None
    relay: int
    state: bool


class ReadingCondition(NamedTuple):
    """The newest reading of a sensor is beyond a bound."""

    device: str | None
    sensor: str
    bound: Bound


class StatusCondition(NamedTuple):
    """A device is there, or is not."""

    device: str | None
    online: bool


class TimeCondition(NamedTuple):
    """It is a time of the day, UTC, from `after` until `before`, seconds; over midnight when that is less."""

    after: int
    before: int


Condition = RelayCondition | ReadingCondition | StatusCondition | TimeCondition


class Notify(NamedTuple):
    """Give people notice. Severity is critical, warning or info."""

    text: str
    severity: str


class Log(NamedTuple):
    """Write a line to the program's log."""

    text: str


class Publish(NamedTuple):
    """Publish at QoS 1, never retained; if all that permits it is given."""

    topic: str
    payload: str


RuleAction = Notify | Log | Publish


class Rule(NamedTuple):
    """A rule; texts, topics and payloads of its actions may have $device, $relay, $sensor, $value, $state."""

    name: str
    may_publish: bool
    trigger: RuleTrigger
    conditions: tuple[Condition, ...]
    actions: tuple[RuleAction, ...]
    cooldown_ns: int

    @property
    def publishes(self) -> bool:
        """Whether it does more than to tell somebody."""
        return any(isinstance(action, Publish) for action in self.actions)
