"""A short scripted day of a small fleet, in which every row of the catalogue gets at least one series."""

import json
from collections.abc import Iterator
from typing import Any

from otel_tickrmeter.fleets.tickrmeter.heartbeat import KEPT
from otel_tickrmeter.stream.message import (
    Connected,
    Dropped,
    Lost,
    Message,
    Refused,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.assembly import BOUNDS, SECOND_NS, START_NS, Answered, Step

REQUEST_TIMEOUT_SECONDS = BOUNDS.request_timeout
FIRST, SECOND, THIRD = "08A6F792DD5C", "EC6260314DD0", "4022D8E2FB0C"


def at(seconds: float) -> int:
    """Monotonic nanoseconds, `seconds` after the start."""
    return START_NS + round(seconds * SECOND_NS)


def request(device: str, symbol: str, at_ns: int, **flags: Any) -> Message:  # noqa: ANN401  flags, which mypy would take for every field
    payload = json.dumps({"type": "UPDATE", "device": device, "symbol": symbol}).encode()
    return Message(b"STOCKPRICEUPDATE", payload, at_ns, **flags)


def answer(device: str, symbol: str, at_ns: int, **flags: Any) -> Message:  # noqa: ANN401  flags, which mypy would take for every field
    payload = json.dumps({"symbol": symbol, "price": "$1", "type": "UPDATE"}).encode()
    return Message(device.encode(), payload, at_ns, **flags)


def status(device: str, at_ns: int, *, retain: bool = False, **fields: object) -> Message:
    payload = json.dumps({"status": "online", "device": device, **fields}).encode()
    return Message(b"DEVICESTATUS_RES", payload, at_ns, retain=retain)


def bare(topic: bytes, device: str, at_ns: int) -> Message:
    return Message(topic, json.dumps({"device": device}).encode(), at_ns)


def scripted() -> Iterator[Step]:
    """Yield it, in order."""
    yield Refused(at(0), LinkReason.NETWORK_UNREACHABLE, "nobody there")
    yield Connected(at(1), session_present=False, protocol="5")
    yield Subscribed(at(1))
    yield bare(b"TICKRMETERBOOT", THIRD, at(2))
    yield bare(b"DEVICE_BOOTED", THIRD, at(9.5))
    told: dict[str, object] = {
        "firmware_version": "62p",
        "inner_version": "1.4",
        "flash_id": "EF4016",
        "battery": "78",
        "charging": "1",
        "vin": "4.97",
        "uptime": "86400",
        "wifi_lost": 3,
        "boot_count": 12,
    }
    # One that was added later is exposed without a line here.
    added = {reading.name: 1 for reading in KEPT if reading.name not in told}
    yield status(FIRST, at(10), retain=False, **told, **added)
    yield status(SECOND, at(11), firmware_version='6"1\\ü', battery=101, charging="perhaps")
    yield status(THIRD, at(11.5), retain=True, battery=55)
    yield bare(b"HTTPSTREAMSTOCKS", FIRST, at(12))
    for number, latency in enumerate((0.05, 0.1, 0.25, 0.75, 3.0, 61.0)):
        asked = 20 + number * 2
        yield request(FIRST, "AAPL", at(asked))
        if latency < REQUEST_TIMEOUT_SECONDS:
            yield answer(FIRST, "AAPL", at(asked + latency))
    yield request(SECOND, "EUR/USD", at(31))
    yield request(SECOND, "EUR/USD", at(32))
    yield answer(SECOND, "EUR/USD", at(33.5))
    yield answer(SECOND, "EUR/USD", at(33.6))
    yield answer(SECOND, "AAPL", at(33.7))
    yield request(SECOND, "EUR/USD", at(34))
    yield Watermark(at(70), 3, at(70))
    yield answer(FIRST, "AAPL", at(91))
    yield Message(b"STOCKPRICEUPDATE", b"{", at(92))
    yield Message(b"STOCKPRICEUPDATE", b'{"device":"08A6F792DD5C","symbol":"a\\nb"}', at(92))
    yield Message(b"HTTPSTREAMSTOCKS", b'{"device":"08a6f792dd5c"}\0\0', at(92))
    yield Message(b"08A6F792DD5C", b"REBOOT", at(92))
    yield Message(b"weather/today", b"rain", at(92))
    yield Stalled(at(93), 2.0)
    yield Dropped(at(93), 5)
    yield request(FIRST, "BTC", at(94))
    yield Lost(at(95), LinkReason.CLOSED_BY_BROKER, "by the peer")
    yield Connected(at(96), session_present=False, protocol="3.1.1")
    yield Subscribed(at(96))
    yield request(THIRD, "BTC", at(97))
    for symbol in ("S&P 500", "Nestl\u00e9", 'say "GOLD"'):
        yield request(THIRD, symbol, at(98))
        yield answer(THIRD, symbol.upper(), at(98.5))
    yield Answered("GET", "/metrics", 200, 0.004)
    yield Answered("GET", "/metrics", 200, 0.3)
    yield Answered("OTHER", "unknown", 404, 0.00009)
