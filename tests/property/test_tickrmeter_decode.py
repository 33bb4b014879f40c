"""The decoder's law: any bytes on any topic become an event, None or one DecodeError; nothing else."""

import json
import re
from collections.abc import Callable
from typing import get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.decode import DecodeError, Decoder, NotJsonError
from otel_tickrmeter.fleets.tickrmeter.event import (
    DeviceStatus,
    Event,
    MessageType,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS, PLACES
from otel_tickrmeter.fleets.tickrmeter.readings import (
    MAX_FIGURE,
    FieldError,
    read_battery,
    read_count,
    read_duration,
    read_flag,
    read_online,
    read_supply,
    read_text,
)
from otel_tickrmeter.fleets.tickrmeter.spelling import canonical_symbol
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason
from tests.support.wire import A, B, decoder

TOPICS = ("STOCKPRICEUPDATE", "DEVICESTATUS_RES", "TICKRMETERBOOT", "DEVICE_BOOTED", "HTTPSTREAMSTOCKS", A, B)
NAMES = ("device", "symbol", *(name for names in DEFAULT_FIELDS.values() for name in names))
# What breaks readers of numbers, text and JSON.
NASTY = (
    "NaN",
    "-Infinity",
    "1e999",
    "-0",
    "9" * 400,
    "18446744073709551616",
    "-9223372036854775809",
    r'"\ud800"',
    r'"\u0000"',
    '"' + "x" * 100 + '"',
    '"1e999"',
    '"78"',
    '"0x10"',
    f'"{A}"',
    f'"{A}\\n"',
    '"AAPL"',
    '"AAPL\\n"',
    '"АAPL"',  # noqa: RUF001  begins with a Cyrillic letter
    "[" * 2000,
    "[" * 100 + "]" * 100,
    '{"":{}}',
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RAW_VALUES = st.sampled_from(NASTY) | VALUES.map(json.dumps)
OBJECTS = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), RAW_VALUES), max_size=12).map(
    lambda members: ("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members) + "}").encode(
        errors="surrogatepass"
    )
)
WELL_FORMED = st.fixed_dictionaries(
    {"device": st.sampled_from([A, B]), "symbol": st.sampled_from(["AAPL", "BRK.B"])},
    optional={name: st.sampled_from([0, "78", True, "online", "62p", None]) for name in NAMES[2:]},
).map(lambda payload: json.dumps(payload).encode())


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A payload that was fine before some bytes of it were cut, changed or doubled."""
    payload = bytearray(draw(WELL_FORMED))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(payload)))
        end = draw(st.integers(at, min(at + 8, len(payload))))
        payload[at:end] = draw(st.binary(max_size=4) | st.just(bytes(payload[at:end]) * 2))
    return bytes(payload)


ANY_TOPIC = (
    st.sampled_from(TOPICS).map(str.encode)
    | st.binary(max_size=20)
    | st.text().map(lambda text: text.encode(errors="replace"))
)
ANY_PAYLOAD = st.binary() | OBJECTS | WELL_FORMED | mutated()
FIELD_FAULTS = {ErrorReason.WRONG_TYPE, ErrorReason.OUT_OF_RANGE, ErrorReason.BAD_UTF8}
PATTERNS = st.sampled_from([r"^[0-9A-Fa-f]{12}$", ".*", r"(?s).*", r"\w+", ""])


def _decode(how: Decoder, message_type: MessageType, delivery: Message) -> Event | None:
    try:
        return how.decode(message_type, delivery)
    except NotJsonError:
        event, repairs = how.decode_mended(message_type, delivery)
        assert len(set(repairs)) == len(repairs)
        return event


def law(topic: bytes, payload: bytes, prefix: str, pattern: str, *, oversize: bool) -> Event | None:
    """Decode, and hold the law; returns the event, if it is one."""
    how = decoder(prefix, pattern)
    claimed = how.classify(topic)
    levels = topic.removeprefix(prefix.encode()).count(b"/")
    assert (claimed is not None) == (topic.startswith(prefix.encode()) and levels == 0)
    message_type = claimed or MessageType.IGNORED
    found: Event | DecodeError | None
    try:
        found = _decode(how, message_type, Message(topic, payload, 0, oversize=oversize))
    except DecodeError as error:
        found = error
    assert (found is None) == (message_type is MessageType.IGNORED)
    if isinstance(found, DecodeError):
        assert (found.reason is None) != (found.rejected is None)
        return None
    assert found is None or isinstance(found, get_args(Event))
    return found


@settings(max_examples=600)
@given(
    topic=ANY_TOPIC,
    payload=ANY_PAYLOAD,
    prefix=st.sampled_from(["", "fleet/"]),
    pattern=PATTERNS,
    oversize=st.booleans(),
)
@example(topic=b"\xff", payload=b'{"symbol":"AAPL"}', prefix="", pattern=".*", oversize=False)
@example(topic=A.encode(), payload=b"[" * 100_000, prefix="", pattern=".*", oversize=False)
def test_any_bytes_on_any_topic_keep_the_law(
    *, topic: bytes, payload: bytes, prefix: str, pattern: str, oversize: bool
) -> None:
    law(topic, payload, prefix, pattern, oversize=oversize)


@settings(max_examples=600)
@given(st.sampled_from(TOPICS).map(str.encode), OBJECTS | mutated() | WELL_FORMED)
def test_what_comes_through_is_fit_for_a_label(topic: bytes, payload: bytes) -> None:
    event = law(topic, payload, "", r"^[0-9A-Fa-f]{12}$", oversize=False)
    if event is None:
        return
    # Not A or B: a mutation may make another id of one.
    assert re.fullmatch("[0-9A-F]{12}", event.device_id)
    if isinstance(event, StockRequest | StockResponse):
        assert canonical_symbol(event.symbol) == event.symbol
        assert event.symbol.isprintable()
        assert 0 < len(event.symbol) <= 32
        assert event.symbol.strip() == event.symbol
    if isinstance(event, DeviceStatus):
        told = dict(zip(PLACES, event.readings, strict=True))
        for text in (event.firmware_version, told.pop("inner_version"), told.pop("flash_id")):
            assert text is None or (text.isprintable() and 0 < len(text) <= 64)
        battery = told.pop("battery")
        assert battery is None or 0 <= battery <= 100
        assert event.online in (None, True, False)
        assert told.pop("charging") in (None, True, False)
        for figure in told.values():
            assert figure is None or 0 <= figure <= MAX_FIGURE
        assert set(event.faults) <= FIELD_FAULTS


@given(WELL_FORMED, st.sampled_from(TOPICS))
def test_a_well_formed_payload_is_always_taken(payload: bytes, topic: str) -> None:
    assert law(topic.encode(), payload, "", r"^[0-9A-Fa-f]{12}$", oversize=False) is not None


READERS = st.sampled_from(
    [read_battery, read_supply, read_duration, read_count, read_flag, read_text, read_online]
)


@settings(max_examples=400)
@given(READERS, VALUES)
def test_a_reader_returns_or_raises_its_one_error(read: Callable[[object], object], value: object) -> None:
    found: object
    try:
        found = read(value)
    except FieldError as error:
        found = error.reason
    assert found in FIELD_FAULTS or found is None or type(found) in (float, bool, str)
