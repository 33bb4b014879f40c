"""Decodes a message into what it means.

The law: any bytes on any topic become a `Decoded`, None (nothing to apply), or one DecodeError; never
anything else. tests/property holds it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from otel_tickrmeter.fleets.autocore.bounds import check_bounds
from otel_tickrmeter.fleets.autocore.event import Decoded, Event, MessageType, Noted
from otel_tickrmeter.fleets.autocore.parts import Parts
from otel_tickrmeter.fleets.autocore.readings import FieldError, as_paths, find
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.fleets.autocore.relay_parts import RelayParts
from otel_tickrmeter.fleets.autocore.sensors import Faults
from otel_tickrmeter.fleets.autocore.stamp import read_repeated_stamp, read_stamp
from otel_tickrmeter.fleets.autocore.topics import DEVICE_ID, RESERVED, ROOT, Place, place
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason

KNOWN_MAJOR_VERSION = 2
_MOST_TOPICS = 65_536
_LONGEST_TOPIC = 160
_NOTHING = frozenset({MessageType.IGNORED, MessageType.COMMAND})
OF_A_DEVICE = frozenset({MessageType.TELEMETRY, MessageType.ANNOUNCE})
"""Where the topic of one of these names no device, its payload does."""


class DecodeError(Exception):
    """The message cannot be taken; `reason` says what is wrong with it."""

    def __init__(self, reason: ErrorReason | Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoder:
    """Knows the topics and the spelling of fields.

    Args:
        layouts: The layouts of topics that are read, of `topics.LAYOUTS`.
        fields: For each of `parts.DEFAULT_FIELDS` the names looked for, in order; dotted ones are nested.
        relay_offset: What devices call their first relay; None: 0 in the seed's layout, 1 in the other.
        topic_prefix: What stands before every topic, a trailing slash included; may be empty.
    """

    def __init__(
        self,
        layouts: Collection[str],
        fields: Mapping[str, Sequence[str]],
        relay_offset: int | None = None,
        topic_prefix: str = "",
    ) -> None:
        self._layouts = frozenset(layouts)
        self._root = f"{topic_prefix}{ROOT}"
        self._ids = as_paths(fields["device_id"])
        self._parts = Parts(fields)
        self._relays = RelayParts(fields, relay_offset)
        # What each topic says is looked up (a twentieth of the time) and worked out only once.
        self._places: dict[bytes, Place | None] = {}

    def classify(self, topic: bytes) -> MessageType | None:
        """Say what a message on this topic is; None when it is not below the fleet's root."""
        found = self.place(topic)
        return None if found is None else found.message_type

    def place(self, topic: bytes) -> Place | None:
        """Say all that the topic says; None when it is not below the fleet's root."""
        try:
            return self._places[topic]
        except KeyError:
            pass
        text = topic.decode(errors="replace")
        found = None
        if text.startswith(self._root):
            found = place(tuple(text[len(self._root) :].split("/")), self._layouts)
        if len(topic) <= _LONGEST_TOPIC:
            if len(self._places) >= _MOST_TOPICS:
                self._places.clear()
            self._places[topic] = found
        return found

    def named_device(self, message: Message) -> str | None:
        """The device that the payload names; None when it names none that can be read."""
        try:
            return self._named(_object(message.payload))
        except DecodeError:
            return None

    def decode(self, message: Message) -> Decoded | None:
        """What the message means; None for one that has nothing to apply.

        Raises:
            DecodeError: The message cannot be taken.
        """
        where = self.place(message.topic)
        if where is None or where.message_type in _NOTHING:
            return None
        if not where.valid:
            raise DecodeError(Reason.BAD_ID)
        if message.oversize:  # then the receiver has not carried it
            raise DecodeError(ErrorReason.OVERSIZE)
        payload = _object(message.payload)
        device_id = self._device(where, payload)
        faults: Faults = []
        try:
            check_bounds(message.payload, payload)
            message_type, event = self._event(where, payload, faults)
        except FieldError as error:
            raise DecodeError(error.reason) from None
        if "protocol_version" in payload and _major(payload["protocol_version"]) > KNOWN_MAJOR_VERSION:
            faults.append(Reason.PROTOCOL_VERSION)
        stamp = payload.get("timestamp")
        stamp_ns = None
        if stamp is not None:
            stamp_ns = read_stamp(stamp)
            if stamp_ns is None and message.payload.count(b'"timestamp"') > 1:
                stamp_ns = read_repeated_stamp(message.payload)
        return Decoded(message_type, device_id, event, stamp_ns, stamp is not None, tuple(faults))

    def _device(self, where: Place, payload: Mapping[str, Any]) -> str | None:
        """Whose message it is: the topic's device, else the one that the payload names."""
        if where.device_id is None:
            return self._named(payload) if where.message_type in OF_A_DEVICE else None
        other = False
        for path in self._ids:
            given = find(payload, (path,))
            if given is not None:
                if str(given) == where.device_id:
                    return where.device_id
                other = True
                # Of the seed's, the first that is given must be right; others give a number beside the uuid.
                if where.seed:
                    break
        if other:
            raise DecodeError(Reason.ID_MISMATCH)
        return where.device_id

    def _named(self, payload: Mapping[str, Any]) -> str:
        given = [value for path in self._ids if (value := find(payload, (path,))) is not None]
        if not given:
            raise DecodeError(ErrorReason.MISSING_FIELD)
        for value in given:  # a number beside the uuid is that of a row in somebody's table
            if type(value) is str and DEVICE_ID.fullmatch(value) and value not in RESERVED:
                return value
        raise DecodeError(Reason.BAD_ID)

    def _event(  # noqa: C901, PLR0911  a case for each type
        self, where: Place, payload: Mapping[str, Any], faults: Faults
    ) -> tuple[MessageType, Event]:
        message_type = where.message_type
        match message_type:
            case MessageType.TELEMETRY:
                if not where.seed and "event" in payload:
                    found = self._relays.telemetry_event(payload)
                    if found is not None:
                        return found
                return message_type, self._parts.telemetry(payload, faults)
            case MessageType.STATUS:
                return message_type, self._parts.status(payload, faults, seed=where.seed)
            case MessageType.RELAY_STATUS:
                if where.seed:
                    return message_type, self._relays.one(payload, where.detail)
                return message_type, self._relays.reported(payload, faults)
            case MessageType.RELAY_STATES:
                return message_type, self._relays.snapshot(payload, faults)
            case MessageType.INTERACTION:
                return message_type, self._parts.interaction(payload, where.detail, faults)
            case MessageType.SYSTEM:
                return message_type, self._parts.system(payload, where.detail)
            case MessageType.ANNOUNCE:
                return message_type, self._parts.announcement(payload, faults)
        return message_type, Noted(where.detail, payload)


def _object(payload: bytes) -> dict[str, Any]:
    if not payload:
        raise DecodeError(ErrorReason.EMPTY)
    try:
        # orjson refuses what json lets through: NaN, lone surrogates, unbounded nesting.
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise DecodeError(_why_unreadable(payload)) from None
    if type(found) is not dict:
        raise DecodeError(ErrorReason.NOT_OBJECT)
    return found


def _why_unreadable(payload: bytes) -> ErrorReason:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return ErrorReason.BAD_UTF8
    return ErrorReason.BAD_JSON


def _major(version: object) -> int:
    """The major version of a protocol; 1 when it is not there, or is no version."""
    text = str(version).partition(".")[0].strip().lstrip("v")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("10000") else 1
