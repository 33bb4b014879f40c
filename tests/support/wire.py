"""What devices and the backend put on the wire, as deliveries."""

import json

from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS
from otel_tickrmeter.fleets.tickrmeter.settings import TopicSettings
from otel_tickrmeter.fleets.tickrmeter.spelling import DeviceIdForm
from otel_tickrmeter.stream.message import Message

A = "08A6F792DD5C"
B = "EC6260314DD0"
C = "4022D8E2FB0C"
"""Device ids as they are in the field."""
DEVICE_ID_PATTERN = TopicSettings().device_id_pattern


def decoder(prefix: str = "", pattern: str = DEVICE_ID_PATTERN, form: DeviceIdForm = "mac") -> Decoder:
    """Make a decoder with the default spelling of fields."""
    return Decoder(prefix, form, pattern, DEFAULT_FIELDS)


def message(topic: str | bytes, payload: object, at_ns: int = 0) -> Message:
    """Make a live delivery; a payload that is not bytes is sent as JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(topic.encode() if isinstance(topic, str) else topic, raw, at_ns)


def request(at_ns: int, device: str = A, symbol: str = "AAPL") -> Message:
    return message("STOCKPRICEUPDATE", {"type": "UPDATE", "device": device, "symbol": symbol}, at_ns)


def answer(at_ns: int, device: str = A, symbol: str = "AAPL") -> Message:
    return message(device, {"symbol": symbol, "price": "$118593", "type": "UPDATE"}, at_ns)


def status(at_ns: int, device: str = A, **readings: object) -> Message:
    return message("DEVICESTATUS_RES", {"device": device, **readings}, at_ns)


def boot(at_ns: int, device: str = A) -> Message:
    return message("TICKRMETERBOOT", {"type": "BOOT", "device": device}, at_ns)


def booted(at_ns: int, device: str = A) -> Message:
    return message("DEVICE_BOOTED", {"type": "BOOT", "device": device}, at_ns)


def stream(at_ns: int, device: str = A) -> Message:
    return message("HTTPSTREAMSTOCKS", {"device": device, "params": {"symbols": ["AAPL"]}}, at_ns)
