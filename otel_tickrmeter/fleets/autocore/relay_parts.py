"""Reads what boards say of their relays, from the object that a payload is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from otel_tickrmeter.fleets.autocore.event import (
    RELAY_CHANGE,
    TELEMETRY_EVENTS,
    MessageType,
    Reading,
    RelayReport,
    RelayStates,
    SafetyShutoff,
)
from otel_tickrmeter.fleets.autocore.readings import (
    FieldError,
    as_paths,
    find,
    read_flag,
    read_number,
    read_relay,
    read_text,
)
from otel_tickrmeter.fleets.autocore.reason import Reason, Trigger
from otel_tickrmeter.fleets.autocore.sensors import Faults
from otel_tickrmeter.stream.reason import ErrorReason

_TRIGGERS: Mapping[str, Trigger] = {trigger.value: trigger for trigger in Trigger}
_NUMBER = as_paths(("relay_id", "channel", "relay_index"))
# Of one relay, in the status of a board.
_SENSORS = (("current", "A"), ("voltage", "V"), ("temperature", "°C"))


class RelayParts:
    """Knows how fields are spelled, and from where boards count.

    Args:
        fields: For each field the names looked for, in order.
        relay_offset: What boards call their first relay; None: 0 in the seed's layout, 1 in the other.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]], relay_offset: int | None) -> None:
        self._trigger = as_paths(fields["triggered_by"])
        self._seed_offset = 0 if relay_offset is None else relay_offset
        self._offset = 1 if relay_offset is None else relay_offset

    def one(self, payload: Mapping[str, Any], spelled: str) -> RelayStates:
        """Read the state of the relay that the topic names.

        Raises:
            FieldError: It names none, another one than the payload, or there is no state.
        """
        number = read_relay(spelled, self._seed_offset)
        given = payload.get("relay_index")
        if given is not None and read_relay(given, self._seed_offset) != number:
            raise FieldError(Reason.ID_MISMATCH)
        return RelayStates((self._report(payload, number, payload.get("state")),), switching=True)

    def snapshot(self, payload: Mapping[str, Any], faults: Faults) -> RelayStates:
        """Read the states of all relays of a board, by the numbers it gives them.

        Raises:
            FieldError: There are none.
        """
        channels = payload.get("channels")
        if type(channels) is not dict:
            raise FieldError(ErrorReason.MISSING_FIELD if channels is None else ErrorReason.WRONG_TYPE)
        reports = []
        for number, state in channels.items():
            try:
                reports.append(RelayReport(read_relay(number, self._offset), read_flag(state)))
            except FieldError as error:
                faults.append(error.reason)
        return RelayStates(tuple(reports))

    def reported(self, payload: Mapping[str, Any], faults: Faults) -> RelayStates:
        """Read the states of some relays of a board, with what it measures of them; or of one.

        Raises:
            FieldError: There is neither.
        """
        relays = payload.get("relays")
        if type(relays) is not list:
            number = read_relay(_required(find(payload, _NUMBER)), self._offset)
            return RelayStates((self._report(payload, number, payload.get("state")),))
        reports: list[RelayReport] = []
        readings: list[Reading] = []
        for each in relays:
            try:
                if type(each) is not dict:
                    raise FieldError(ErrorReason.WRONG_TYPE)  # noqa: TRY301  each relay fails for itself
                number = read_relay(_required(find(each, _NUMBER)), self._offset)
                reports.append(self._report(each, number, each.get("state")))
            except FieldError as error:
                faults.append(error.reason)
                continue
            readings.extend(_measured(each, number, faults))
        return RelayStates(tuple(reports), readings=tuple(readings))

    def telemetry_event(
        self, payload: Mapping[str, Any]
    ) -> tuple[MessageType, RelayStates | SafetyShutoff] | None:
        """Read what a board tells of a switching on a topic of telemetry; None: nothing of that.

        Raises:
            FieldError: It says not which relay, or not how it is now.
        """
        event = payload.get("event")
        if event not in TELEMETRY_EVENTS:
            return None
        number = read_relay(_required(payload.get("channel")), self._offset)
        if event == RELAY_CHANGE:
            report = self._report(payload, number, payload.get("state"))
            return MessageType.RELAY_CHANGE, RelayStates((report,), switching=True)
        return MessageType.SAFETY_SHUTOFF, SafetyShutoff(
            number, _text_or_none(payload.get("reason")), payload
        )

    def _report(self, payload: Mapping[str, Any], number: int, state: object) -> RelayReport:
        trigger = _text_or_none(find(payload, self._trigger))
        return RelayReport(
            number,
            read_flag(_required(state)),
            None if trigger is None else _TRIGGERS.get(trigger.lower(), Trigger.OTHER),
            _text_or_none(payload.get("source")),
        )


def _measured(payload: Mapping[str, Any], number: int, faults: Faults) -> Iterator[Reading]:
    for name, unit in _SENSORS:
        value = payload.get(name)
        if value is not None:
            try:
                yield Reading(f"relay.{number}.{name}", read_number(value), unit)
            except FieldError as error:
                faults.append(error.reason)


def _required(value: object) -> object:
    if value is None:
        raise FieldError(ErrorReason.MISSING_FIELD)
    return value


def _text_or_none(value: object) -> str | None:
    """A text that tells why; what is none is left out, since the switching is what counts."""
    try:
        return None if value is None else read_text(value)
    except FieldError:
        return None
