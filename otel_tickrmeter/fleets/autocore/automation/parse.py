"""From what operators write into the table to a rule, or to all that is wrong with it."""

import json
import math
import re
from collections.abc import Callable
from string import Template
from typing import Any, NamedTuple, TypeVar

import orjson

from otel_tickrmeter.fleets.autocore.automation.rule import (
    MAX_ACTIONS,
    Bound,
    Condition,
    Log,
    Notify,
    Publish,
    ReadingCondition,
    ReadingTrigger,
    RelayCondition,
    RelayTrigger,
    Rule,
    RuleAction,
    RuleTrigger,
    StatusCondition,
    StatusTrigger,
    TimeCondition,
    TimeTrigger,
)
from otel_tickrmeter.fleets.autocore.topics import DEVICE_ID, MAX_RELAYS, RESERVED
from otel_tickrmeter.stream.second import SECOND_NS

LONGEST_JSON = 65_536
LONGEST_TEXT = 1_000
LONGEST_TOPIC = 256
LONGEST_PAYLOAD = 4_096
LONGEST_SECONDS = 7 * 86_400
MAX_CONDITIONS = 20
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEVERITIES = ("critical", "warning", "info")
_NAME = re.compile(r"[A-Za-z0-9 _.:-]{1,64}")
_SENSOR = re.compile(r"[a-z0-9_-]{1,64}(\.[a-z0-9_-]{1,64})*")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_PLACES = frozenset({"device", "relay", "sensor", "value", "state"})

_T = TypeVar("_T")


class RuleError(Exception):
    """What is written is no rule; the text names every fault and its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def parse_rule(  # noqa: PLR0917  a row of the table
    name: object,
    may_publish: bool,  # noqa: FBT001
    trigger: str,
    conditions: str,
    actions: str,
    cooldown: object,
) -> Rule:
    """Read a row of the table: three texts of JSON, and seconds. SQLite lets a column have any type.

    Raises:
        RuleError: It is none.
    """
    faults: list[str] = []
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        faults.append("name: must be 1 to 64 letters, digits, blanks or _ . : -")
    cooldown_ns = 0
    try:
        cooldown_ns = _seconds(cooldown)
    except ValueError as error:
        faults.append(f"cooldown_seconds: {error}")
    found = None
    if (read := _json("trigger", trigger, faults)) is not None:
        found = _trigger(_Reader("trigger", read.value, faults))
    of_device = not isinstance(found, TimeTrigger)
    held = [
        _condition(_Reader(f"conditions[{place}]", each, faults), of_device=of_device)
        for place, each in enumerate(_list("conditions", conditions, range(MAX_CONDITIONS + 1), faults))
    ]
    done = [
        _action(_Reader(f"actions[{place}]", each, faults))
        for place, each in enumerate(_list("actions", actions, range(1, MAX_ACTIONS + 1), faults))
    ]
    if faults or found is None:
        raise RuleError(faults)
    return Rule(
        str(name),
        may_publish,
        found,
        tuple(each for each in held if each is not None),
        tuple(each for each in done if each is not None),
        cooldown_ns,
    )


class _Json(NamedTuple):
    value: object


def _json(place: str, text: str, faults: list[str]) -> _Json | None:
    """What a text is; None for one that is no JSON."""
    try:
        if len(text) <= LONGEST_JSON:
            return _Json(orjson.loads(text))
        faults.append(f"{place}: must not be longer than {LONGEST_JSON} characters")
    except ValueError as error:
        faults.append(f"{place}: must be JSON: {error}")
    return None


def _list(place: str, text: str, sizes: range, faults: list[str]) -> list[object]:
    read = _json(place, text, faults)
    if read is None:
        return []
    given = read.value
    if not isinstance(given, list):
        faults.append(f"{place}: must be a list")
        return []
    if len(given) not in sizes:
        faults.append(f"{place}: must be from {sizes[0]} to {sizes[-1]}")
        return []
    return given


class _Reader:
    """Takes what is expected out of an object, and notes what is wrong with it."""

    def __init__(self, place: str, given: object, faults: list[str]) -> None:
        self._place = place
        self._faults = faults
        self._left: dict[str, Any] = {}
        self._sound = True
        if isinstance(given, dict):
            self._left = dict(given)
        else:
            self.fault("must be an object")

    def fault(self, text: str, key: str = "") -> None:
        """Note one."""
        self._sound = False
        self._faults.append(f"{self._place}{'.' if key else ''}{key}: {text}")

    def kind(self, *known: str) -> str:
        """What the object is; empty when that is a fault."""
        kind = self._left.pop("type", None)
        if kind in known:
            return str(kind)
        self.fault(f"must be one of {', '.join(known)}", "type")
        return ""

    def take(self, key: str, read: Callable[[Any], _T], *, needed: bool = False) -> _T | None:
        """One value; None when it is not there, or is a fault."""
        if key not in self._left:
            if needed:
                self.fault("is missing", key)
            return None
        try:
            return read(self._left.pop(key))
        except ValueError as error:
            self.fault(str(error), key)
            return None

    def end(self) -> bool:
        """Whether all was right; what is left is not known, and a fault."""
        for key in self._left:
            self.fault("unknown", key)
        return self._sound


def _trigger(reader: _Reader) -> RuleTrigger | None:
    found: RuleTrigger | None = None
    match reader.kind("relay", "reading", "status", "time"):
        case "relay":
            found = RelayTrigger(
                reader.take("device", _device), reader.take("relay", _relay), reader.take("state", _bool)
            )
        case "reading":
            device, sensor = reader.take("device", _device), reader.take("sensor", _sensor, needed=True)
            bound, lasting = _bound(reader), reader.take("for", _seconds)
            found = ReadingTrigger(device, sensor or "", bound, lasting or 0)
        case "status":
            found = StatusTrigger(reader.take("device", _device), reader.take("status", _online))
        case "time":
            at, days = reader.take("at", _clock, needed=True), reader.take("days", _days)
            found = TimeTrigger(at or 0, days or frozenset(range(len(DAYS))))
        case _:
            return None
    return found if reader.end() else None


def _condition(reader: _Reader, *, of_device: bool) -> Condition | None:
    found: Condition
    kind = reader.kind("relay", "reading", "status", "time")
    if not kind:
        return None
    if kind == "time":
        after, before = reader.take("after", _clock, needed=True), reader.take("before", _clock, needed=True)
        found = TimeCondition(after or 0, before or 0)
        return found if reader.end() else None
    device = reader.take("device", _device, needed=not of_device)
    if kind == "relay":
        relay, state = reader.take("relay", _relay, needed=True), reader.take("state", _bool, needed=True)
        found = RelayCondition(device, relay or 0, bool(state))
    elif kind == "reading":
        found = ReadingCondition(device, reader.take("sensor", _sensor, needed=True) or "", _bound(reader))
    else:
        found = StatusCondition(device, bool(reader.take("status", _online, needed=True)))
    return found if reader.end() else None


def _action(reader: _Reader) -> RuleAction | None:
    found: RuleAction
    match reader.kind("notify", "log", "publish"):
        case "notify":
            text = reader.take("text", _text(LONGEST_TEXT), needed=True)
            found = Notify(text or "", reader.take("severity", _severity) or "info")
        case "log":
            found = Log(reader.take("text", _text(LONGEST_TEXT), needed=True) or "")
        case "publish":
            topic = reader.take("topic", _topic, needed=True)
            found = Publish(topic or "", reader.take("payload", _payload, needed=True) or "")
        case _:
            return None
    return found if reader.end() else None


def _bound(reader: _Reader) -> Bound:
    below, above = reader.take("below", _number), reader.take("above", _number)
    if (below is None) == (above is None):
        reader.fault("must have one of below, above")
    return Bound(below, above)


def _device(value: object) -> str:
    if not isinstance(value, str) or not DEVICE_ID.fullmatch(value) or value in RESERVED:
        raise ValueError("must be a device id")
    return value


def _relay(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_RELAYS:
        raise ValueError(f"must be a whole number from 0 to {MAX_RELAYS - 1}")
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  as every reader
    return value


def _sensor(value: object) -> str:
    if not isinstance(value, str) or not _SENSOR.fullmatch(value):
        raise ValueError("must be the name of a sensor: small letters, digits, _, - and dots")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    return float(value)


def _seconds(value: object) -> int:
    seconds = _number(value)
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"must be seconds from 0 to {LONGEST_SECONDS}")
    return round(seconds * SECOND_NS)


def _online(value: object) -> bool:
    if value not in ("online", "offline"):
        raise ValueError("must be online or offline")
    return value == "online"


def _clock(value: object) -> int:
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be a time such as 06:30 or 06:30:00, UTC")
    hours, minutes, seconds = found.groups("0")
    return (int(hours) * 60 + int(minutes)) * 60 + int(seconds)


def _days(value: object) -> frozenset[int]:
    if not isinstance(value, list) or not value or any(day not in DAYS for day in value):
        raise ValueError(f"must be a list of some of {', '.join(DAYS)}")
    return frozenset(DAYS.index(day) for day in value)


def _severity(value: object) -> str:
    if value not in SEVERITIES:
        raise ValueError(f"must be one of {', '.join(SEVERITIES)}")
    return str(value)


def _text(longest: int) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
            raise ValueError(f"must be a line of 1 to {longest} characters")
        return _template(value)

    return read


def _topic(value: object) -> str:
    topic = _text(LONGEST_TOPIC)(value)
    if set(topic) & {"+", "#"} or topic.startswith("$$"):
        raise ValueError("must be a topic, not a filter")
    return topic


def _payload(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), allow_nan=False)
    if len(text.encode(errors="replace")) > LONGEST_PAYLOAD or "\0" in text:
        raise ValueError(f"must be at most {LONGEST_PAYLOAD} bytes, without NUL")
    return _template(text)


def _template(text: str) -> str:
    for found in Template.pattern.finditer(text):
        named = found["named"] or found["braced"]
        if found["escaped"] is None and named not in _PLACES:
            raise ValueError(f"has a $ that is none of ${', $'.join(sorted(_PLACES))}, or $$")
    return text
