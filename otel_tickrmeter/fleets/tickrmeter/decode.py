"""Decodes a message into an event.

The law: any bytes on any topic become an event, None (an ignored topic), or one DecodeError; never
anything else. tests/property holds it.

A payload is read strictly. What that refuses as no JSON may be read a second time, mended: the usual message
pays nothing for the odd one.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from otel_tickrmeter.fleets.tickrmeter.event import (
    DeviceBoot,
    DeviceBooted,
    DeviceCommand,
    DeviceStatus,
    Event,
    HttpStream,
    MessageType,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.fleets.tickrmeter.heartbeat import READINGS
from otel_tickrmeter.fleets.tickrmeter.mend import mend
from otel_tickrmeter.fleets.tickrmeter.readings import FieldError, read_online
from otel_tickrmeter.fleets.tickrmeter.reason import IdentityKind
from otel_tickrmeter.fleets.tickrmeter.spelling import DeviceIdForm, canonical_device_id, canonical_symbol
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason, Repair

_TOPICS: Mapping[bytes, MessageType] = {
    b"STOCKPRICEUPDATE": MessageType.STOCK_REQUEST,
    b"DEVICESTATUS_RES": MessageType.DEVICE_STATUS,
    b"TICKRMETERBOOT": MessageType.DEVICE_BOOT,
    b"DEVICE_BOOTED": MessageType.DEVICE_BOOTED,
    b"HTTPSTREAMSTOCKS": MessageType.HTTP_STREAM,
}
NAMED_TOPICS = frozenset(topic.decode() for topic in _TOPICS)
"""All others are of a device, or nobody's."""

MAX_SPELLINGS = 32_768
"""Spellings of each kind that are remembered; then all are forgotten at once, which costs one look each."""
LONGEST_SPELLING = 64
"""Longer ones are not remembered: blanks around a symbol have no end."""

# Nothing but the device is read from these.
_BARE_EVENTS: Mapping[MessageType, Callable[[str], Event]] = {
    MessageType.DEVICE_BOOT: DeviceBoot,
    MessageType.DEVICE_BOOTED: DeviceBooted,
    MessageType.HTTP_STREAM: HttpStream,
}


class DecodeError(Exception):
    """The message cannot be taken.

    Either `reason` says what is wrong with it, or `rejected` names the identity that fails its pattern.
    """

    def __init__(self, reason: ErrorReason | None = None, *, rejected: IdentityKind | None = None) -> None:
        super().__init__(reason or f"{rejected} does not match its pattern")
        self.reason = reason
        self.rejected = rejected


class NotJsonError(DecodeError):
    """The payload is no JSON: `Decoder.decode_mended` may still make something of it."""


class Decoder:
    """Knows the topics and the spelling of fields.

    Args:
        topic_prefix: What stands before every topic, a trailing slash included; may be empty.
        device_id_form: How the spellings of one id are told to be one.
        device_id_pattern: A device id, in its one spelling, must match it as a whole.
        fields: For each reading, the payload field names looked for, in order.

    Attributes:
        named_topics: Those whose messages name their device in the payload.
    """

    def __init__(
        self,
        topic_prefix: str,
        device_id_form: DeviceIdForm,
        device_id_pattern: str,
        fields: Mapping[str, Sequence[str]],
    ) -> None:
        self._prefix = topic_prefix.encode()
        self._topics = {self._prefix + name: message_type for name, message_type in _TOPICS.items()}
        self.named_topics = frozenset(self._topics)
        self._canonical = canonical_device_id(device_id_form)
        self._device_id = re.compile(device_id_pattern)
        self._fields = tuple((tuple(fields[reading.name]), reading.read) for reading in READINGS)
        # The same few thousand spellings come again and again: what each means is looked up (a twentieth of
        # the time that matching takes), and worked out only once. See MAX_SPELLINGS.
        self._addressees: dict[bytes, str] = {}
        self._devices: dict[str, str] = {}
        self._symbols: dict[str, str] = {}

    def classify(self, topic: bytes) -> MessageType | None:
        """Say what a message on this topic is; None when it is not one level below the prefix."""
        if topic in self._addressees:
            return MessageType.STOCK_RESPONSE
        known = self._topics.get(topic)
        if known is not None:
            return known
        name = topic.removeprefix(self._prefix)
        if len(name) + len(self._prefix) != len(topic) or b"/" in name:
            return None
        device_id = self._addressee(topic)
        if not self._device_id.fullmatch(device_id):
            return MessageType.IGNORED
        _remember(self._addressees, topic, device_id)
        return MessageType.STOCK_RESPONSE

    def sender(self, message_type: MessageType, message: Message) -> tuple[str, str] | None:
        """The device of a message, and how the payload spells it; None when it names none that can be read.

        Its topic names the device of an answer or a command; there the spelling is empty.
        """
        if message_type is MessageType.STOCK_RESPONSE:
            return self._addressee(message.topic), ""
        if message_type is MessageType.IGNORED:
            return None
        try:
            try:
                payload = orjson.loads(message.payload)
            except orjson.JSONDecodeError:
                payload, _ = mend(message.payload)
            return None if type(payload) is not dict else (self._device(payload), payload["device"])
        except (ValueError, DecodeError):
            return None

    def decode(self, message_type: MessageType, message: Message) -> Event | None:
        """What the message means, which `classify` has said the type of; None for an ignored topic.

        Raises:
            NotJsonError: The payload is no JSON.
            DecodeError: The message cannot be taken.
        """
        if message_type is MessageType.IGNORED:
            return None
        if not message.payload:
            return self._empty(message_type, message)
        try:
            # orjson refuses what json lets through: NaN, lone surrogates, unbounded nesting.
            payload = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            raise NotJsonError(ErrorReason.BAD_JSON) from None
        return self._event(message_type, message, payload)

    def decode_mended(
        self, message_type: MessageType, message: Message
    ) -> tuple[Event | None, tuple[Repair, ...]]:
        """What a message means whose payload is no JSON, and what was repaired in it.

        Raises:
            DecodeError: The message cannot be taken.
        """
        try:
            payload, repairs = mend(message.payload)
        except ValueError:
            if message_type is MessageType.STOCK_RESPONSE and b'"symbol"' not in message.payload:
                return self._command(message), ()
            raise DecodeError(_why_unreadable(message.payload)) from None
        return self._event(message_type, message, payload), repairs

    def _empty(self, message_type: MessageType, message: Message) -> DeviceCommand:
        if message.oversize:  # then the receiver has not carried it
            raise DecodeError(ErrorReason.OVERSIZE)
        if message_type is not MessageType.STOCK_RESPONSE:
            raise DecodeError(ErrorReason.EMPTY)
        return self._command(message)

    def _event(self, message_type: MessageType, message: Message, payload: object) -> Event:
        if message_type is MessageType.STOCK_RESPONSE:
            # An answer names a symbol, or was meant to: it has a price and says it is an update.
            if type(payload) is dict and (
                "symbol" in payload or ("price" in payload and payload.get("type") == "UPDATE")
            ):
                device_id = self._addressees.get(message.topic) or self._addressee(message.topic)
                return StockResponse(device_id, self._symbol(payload))
            return self._command(message)
        if type(payload) is not dict:
            raise DecodeError(ErrorReason.NOT_OBJECT)
        device_id = self._device(payload)
        if message_type is MessageType.STOCK_REQUEST:
            return StockRequest(device_id, self._symbol(payload))
        if message_type is MessageType.DEVICE_STATUS:
            return self._status(device_id, payload)
        return _BARE_EVENTS[message_type](device_id)

    def _command(self, message: Message) -> DeviceCommand:
        return DeviceCommand(self._addressee(message.topic))

    def _addressee(self, topic: bytes) -> str:
        # A topic that is not UTF-8 becomes text that no sensible pattern matches.
        return self._canonical(topic[len(self._prefix) :].decode(errors="replace"))

    def _device(self, payload: Mapping[str, Any]) -> str:
        spelled = _text(payload, "device")
        device_id = self._devices.get(spelled)
        if device_id is None:
            device_id = self._canonical(spelled)
            if not self._device_id.fullmatch(device_id):
                raise DecodeError(rejected=IdentityKind.DEVICE)
            _remember(self._devices, spelled, device_id)
        return device_id

    def _symbol(self, payload: Mapping[str, Any]) -> str:
        value = payload.get("symbol")
        # Exchanges in Asia number their shares, and 7203 is a number to some serialisers.
        spelled = str(value) if type(value) is int else _text(payload, "symbol")
        symbol = self._symbols.get(spelled)
        if symbol is None:
            symbol = canonical_symbol(spelled)
            if symbol is None:
                raise DecodeError(rejected=IdentityKind.SYMBOL)
            _remember(self._symbols, spelled, symbol)
        return symbol

    def _status(self, device_id: str, payload: Mapping[str, Any]) -> DeviceStatus:
        values: list[Any] = []
        faults: list[ErrorReason] = []
        for names, read in self._fields:
            value = None
            for name in names:
                given = payload.get(name)
                if given is None:  # null is "not given"
                    continue
                try:
                    value = read(given)
                except FieldError as error:
                    faults.append(error.reason)
                    # What cannot be read as online is not online.
                    value = False if read is read_online else None
                break
            values.append(value)
        online, firmware_version, *kept = values
        return DeviceStatus(device_id, online, firmware_version, tuple(kept), tuple(faults))


def _why_unreadable(payload: bytes) -> ErrorReason:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return ErrorReason.BAD_UTF8
    return ErrorReason.BAD_JSON


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if value is None:
        raise DecodeError(ErrorReason.MISSING_FIELD)
    if type(value) is not str:
        raise DecodeError(ErrorReason.WRONG_TYPE)
    return value


def _remember(known: dict[Any, str], spelling: bytes | str, meaning: str) -> None:
    """Remember one more spelling; a stranger's invented ones must not fill the memory."""
    if len(spelling) > LONGEST_SPELLING:
        return
    if len(known) >= MAX_SPELLINGS:
        known.clear()
    known[spelling] = meaning
