"""Decodes a message into an event.

The law: any bytes on any topic become an event, None (an ignored topic), or one DecodeError; never
anything else. tests/property holds it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from otel_tickrmeter.core.event import (
    DeviceBoot,
    DeviceBooted,
    DeviceStatus,
    Event,
    HttpStream,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.core.message import Message, MessageType
from otel_tickrmeter.core.readings import (
    FieldError,
    read_figure,
    read_flag,
    read_online,
    read_percent,
    read_text,
)
from otel_tickrmeter.core.reason import ErrorReason, IdentityKind

SYMBOL_PATTERN = re.compile(r"[A-Za-z0-9.^=/_:&+@$#*~-]{1,32}")
"""What exchanges use (BRK.B, ^GSPC, EUR/USD, BTC-USD, GC=F): no quotes, blanks, controls, other scripts."""

_TOPICS: Mapping[bytes, MessageType] = {
    b"STOCKPRICEUPDATE": MessageType.STOCK_REQUEST,
    b"DEVICESTATUS_RES": MessageType.DEVICE_STATUS,
    b"TICKRMETERBOOT": MessageType.DEVICE_BOOT,
    b"DEVICE_BOOTED": MessageType.DEVICE_BOOTED,
    b"HTTPSTREAMSTOCKS": MessageType.HTTP_STREAM,
}

# Nothing but the device is read from these.
_BARE_EVENTS: Mapping[MessageType, Callable[[str], Event]] = {
    MessageType.DEVICE_BOOT: DeviceBoot,
    MessageType.DEVICE_BOOTED: DeviceBooted,
    MessageType.HTTP_STREAM: HttpStream,
}

# In the order of DeviceStatus' fields.
_READERS: tuple[tuple[str, Callable[[object], Any]], ...] = (
    ("status", read_online),
    ("firmware_version", read_text),
    ("inner_version", read_text),
    ("flash_id", read_text),
    ("battery", read_percent),
    ("charging", read_flag),
    ("vin", read_figure),
    ("uptime", read_figure),
    ("wifi_lost", read_figure),
    ("boot_count", read_figure),
)
READINGS: tuple[str, ...] = tuple(name for name, _ in _READERS)
"""The readings a heartbeat may carry; `[messages.fields]` has a list of names for each."""


class DecodeError(Exception):
    """The message cannot be taken.

    Either `reason` says what is wrong with it, or `rejected` names the identity that fails its pattern.
    """

    def __init__(self, reason: ErrorReason | None = None, *, rejected: IdentityKind | None = None) -> None:
        super().__init__(reason or f"{rejected} does not match its pattern")
        self.reason = reason
        self.rejected = rejected


class Decoder:
    """Knows the topics and the spelling of fields.

    Args:
        topic_prefix: What stands before every topic, a trailing slash included; may be empty.
        device_id_pattern: A device id must match it as a whole.
        fields: For each of READINGS, the payload field names looked for, in order.
    """

    def __init__(
        self, topic_prefix: str, device_id_pattern: str, fields: Mapping[str, Sequence[str]]
    ) -> None:
        self._prefix = topic_prefix.encode()
        self._device_id = re.compile(device_id_pattern)
        self._fields = tuple((tuple(fields[name]), read) for name, read in _READERS)

    def classify(self, topic: bytes) -> MessageType:
        """Say what a message on this topic is."""
        name = topic.removeprefix(self._prefix)
        if len(name) + len(self._prefix) != len(topic):
            return MessageType.IGNORED
        known = _TOPICS.get(name)
        if known is not None:
            return known
        # A topic that is not UTF-8 becomes text that no sensible pattern matches.
        if self._device_id.fullmatch(name.decode(errors="replace")):
            return MessageType.STOCK_RESPONSE
        return MessageType.IGNORED

    def decode(self, message_type: MessageType, message: Message) -> Event | None:
        """Return what the message means; None for an ignored topic.

        Raises:
            DecodeError: The message cannot be taken.
        """
        if message_type is MessageType.IGNORED:
            return None
        payload = self._object(message)
        if message_type is MessageType.STOCK_RESPONSE:
            device_id = message.topic.removeprefix(self._prefix).decode(errors="replace")
            return StockResponse(device_id, self._symbol(payload))
        device_id = _identity(payload, "device", self._device_id, IdentityKind.DEVICE)
        if message_type is MessageType.STOCK_REQUEST:
            return StockRequest(device_id, self._symbol(payload))
        if message_type is MessageType.DEVICE_STATUS:
            return self._status(device_id, payload)
        return _BARE_EVENTS[message_type](device_id)

    @staticmethod
    def _object(message: Message) -> dict[str, Any]:
        if message.oversize:
            raise DecodeError(ErrorReason.OVERSIZE)
        if not message.payload:
            raise DecodeError(ErrorReason.EMPTY)
        try:
            # orjson refuses what json lets through: NaN, lone surrogates, unbounded nesting.
            payload = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            try:
                message.payload.decode()
            except UnicodeDecodeError:
                raise DecodeError(ErrorReason.BAD_UTF8) from None
            raise DecodeError(ErrorReason.BAD_JSON) from None
        if type(payload) is not dict:
            raise DecodeError(ErrorReason.NOT_OBJECT)
        return payload

    @staticmethod
    def _symbol(payload: Mapping[str, Any]) -> str:
        return _identity(payload, "symbol", SYMBOL_PATTERN, IdentityKind.SYMBOL)

    def _status(self, device_id: str, payload: Mapping[str, Any]) -> DeviceStatus:
        values: list[Any] = []
        faults: list[str] = []
        for names, read in self._fields:
            value = None
            for name in names:
                if name in payload:
                    try:
                        value = read(payload[name])
                    except FieldError as error:
                        faults.append(error.reason.value)
                    break
            values.append(value)
        return DeviceStatus._make((device_id, *values, tuple(faults)))


def _identity(payload: Mapping[str, Any], name: str, pattern: re.Pattern[str], kind: IdentityKind) -> str:
    value = payload.get(name)
    if value is None:
        raise DecodeError(ErrorReason.MISSING_FIELD)
    if type(value) is not str:
        raise DecodeError(ErrorReason.WRONG_TYPE)
    if not pattern.fullmatch(value):
        raise DecodeError(rejected=kind)
    return value
