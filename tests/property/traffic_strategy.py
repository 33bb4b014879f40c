"""Random traffic: what a fleet, a backend, strangers, the link and scrapers may do, in any order."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

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
from tests.support.assembly import SECOND_NS, START_NS, Answered, Step

# One more of each than LIMITS of the tests admit.
DEVICES = ("08A6F792DD5C", "EC6260314DD0", "4022D8E2FB0C", "4022d8ecc94c")
SYMBOLS = ("AAPL", "BTC-USD", "EUR/USD", "^GSPC")

_device = st.sampled_from(DEVICES)
_symbol = st.sampled_from(SYMBOLS)
_text = st.text(st.characters(codec="utf-8"), max_size=8)
_version: st.SearchStrategy[object] = (
    st.sampled_from(
        ["62p", "61a", "unknown", "other", 'a"b', "a\\b", "a\\n", "a\nb", "é→", "{x=1}", "", "x" * 65, 7]
    )
    | _text
)
_number: st.SearchStrategy[object] = st.sampled_from(
    ["78", 78, 0, -0.0, 0.1, "1e2", "1e400", -1, True, None, [], "nan"]
) | st.floats(0, 1e15)
_readings = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["online", "offline", "Online", "gone"]),
        "firmware_version": _version,
        "inner_version": _version,
        "flash_id": _version,
        "battery": _number,
        "charging": st.sampled_from(["1", 0, "charging", False, "maybe", None]),
        "vin": _number,
        "uptime": _number,
        "wifi_lost": _number,
        "boot_count": _number,
    },
)
_flags = st.sampled_from(
    [{}] * 8 + [{"retain": True}, {"duplicate": True}, {"backlog": True}, {"oversize": True}]
)


def _message(topic: bytes | str, payload: object, flags: dict[str, Any]) -> Message:
    name = topic.encode() if isinstance(topic, str) else topic
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(name, body, 0, **flags)


_requests = st.builds(
    lambda device, symbol, flags: _message("STOCKPRICEUPDATE", {"device": device, "symbol": symbol}, flags),
    _device,
    _symbol,
    _flags,
)
_answers = st.builds(
    lambda device, symbol, flags: _message(device, {"symbol": symbol}, flags), _device, _symbol, _flags
)
_heartbeats = st.builds(
    lambda device, readings, flags: _message("DEVICESTATUS_RES", {"device": device, **readings}, flags),
    _device,
    _readings,
    _flags,
)
_bare = st.builds(
    lambda topic, device, flags: _message(topic, {"device": device}, flags),
    st.sampled_from(["TICKRMETERBOOT", "DEVICE_BOOTED", "HTTPSTREAMSTOCKS"]),
    _device,
    _flags,
)
_strange = st.builds(
    _message,
    st.sampled_from(["STOCKPRICEUPDATE", "DEVICESTATUS_RES", DEVICES[0], "weather"]) | st.binary(max_size=12),
    st.sampled_from(
        [
            b"",
            b"{",
            b"[]",
            b"\xff",
            {},
            {"device": "x"},
            {"device": 1},
            {"device": DEVICES[0], "symbol": "a b"},
        ]
    )
    | st.binary(max_size=12),
    _flags,
)
_link = st.sampled_from(
    [
        Connected(0, session_present=True, protocol="5"),
        Subscribed(0),
        Refused(0, LinkReason.BAD_CREDENTIALS, "no"),
        Lost(0, LinkReason.CLOSED_BY_BROKER, "by the peer"),
        Stalled(0, 1.5),
        Dropped(0, 3),
        Watermark(0, 7, 0),
    ]
)
_http = st.builds(
    Answered,
    st.sampled_from(["GET", "HEAD", "OTHER"]),
    st.sampled_from(["/metrics", "/health", "unknown"]),
    st.sampled_from([200, 404, 503]),
    st.floats(0, 10),
)
_elapsed_ns = st.integers(0, 3 * SECOND_NS) | st.sampled_from(
    [0, 100_000_000, 500_000_000, 30 * SECOND_NS, 30 * SECOND_NS + 1, 61 * SECOND_NS]
)
# Requests and answers twice: most of what happens.
_what: st.SearchStrategy[Step] = st.one_of(
    _requests, _requests, _answers, _answers, _heartbeats, _bare, _strange, _link, _http
)


def _timed(step: Step, now_ns: int) -> Step:
    if isinstance(step, Message):
        return step._replace(arrived_ns=now_ns)
    return step if isinstance(step, Answered) else replace(step, at_ns=now_ns)


def _in_time(happenings: list[tuple[int, Step]]) -> list[Step]:
    now_ns = START_NS
    steps = []
    for elapsed_ns, step in happenings:
        now_ns += elapsed_ns
        steps.append(_timed(step, now_ns))
    return steps


def traffic(steps: int) -> st.SearchStrategy[list[Step]]:
    """Up to so many steps in the order of their time, which starts at START_NS and passes irregularly.

    Left alone, hypothesis makes lists of five on average, in which next to nothing is answered or expires.
    """
    happenings = st.tuples(_elapsed_ns, _what)
    return st.lists(happenings, min_size=steps // 3, max_size=steps).map(_in_time)
