"""Whatever was published: a dead letter is one line of JSON and reads back equal; damage is one error."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st
from loguru import logger

from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.sender import device_in
from otel_tickrmeter.letters.escape import escaped, payload_shown
from otel_tickrmeter.letters.letter import Letter, LetterError, decode_letter, encode_letter
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.limiter import INTERVAL_NS
from otel_tickrmeter.stream.message import Message
from tests.support.exporter import Exporter
from tests.support.wire import A

LATEST_MS = 253_402_300_799_999
letters = st.builds(
    Letter,
    st.integers(0, LATEST_MS),
    st.binary(max_size=40) | st.text(max_size=20).map(str.encode),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.sampled_from([message_type.value for message_type in MessageType]),
    st.text(max_size=20),
    st.binary(max_size=300),
)


@given(letters)
@example(Letter(0, b"\\xff", 0, False, False, "ignored", "internal", b""))  # noqa: FBT003  a record
@example(Letter(0, b"\xff", 0, False, False, "ignored", "internal", b""))  # noqa: FBT003  a record
def test_a_letter_is_one_line_and_comes_back(letter: Letter) -> None:
    line = encode_letter(letter)
    assert line.isascii()
    assert line.index(b"\n") == len(line) - 1
    assert decode_letter(line) == letter
    content = json.loads(line)
    try:
        assert content["topic"] == letter.topic.decode()
        assert "topic_base64" not in content
    except UnicodeDecodeError:
        assert "topic_base64" in content


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.binary(max_size=100) | json_values.map(json.dumps).map(str.encode))
@example(b"[" * 100_000)
@example(b"1" * 10_000)
def test_any_other_line_is_the_declared_error(line: bytes) -> None:
    try:
        decode_letter(line)
    except LetterError:
        return
    raise AssertionError


@given(letters, st.sampled_from(["time", "topic", "topic_base64", *Letter._fields]), json_values)
@example(Letter(0, b"t", 0, False, False, "", "", b""), "time", "2026-01-01T00:00:00")  # noqa: FBT003  no zone
@example(Letter(0, b"t", 0, False, False, "", "", b""), "topic", "\ud800")  # noqa: FBT003  a record
@example(Letter(0, b"t", 0, False, False, "", "", b""), "payload", "é=")  # noqa: FBT003  a record
def test_a_letter_with_another_value_is_a_letter_or_the_error(
    letter: Letter, name: str, value: object
) -> None:
    content = json.loads(encode_letter(letter))
    content[name] = value
    try:
        decode_letter(json.dumps(content).encode())
    except LetterError:
        return


@given(letters, st.data())
def test_a_letter_that_was_cut_off_is_the_error(letter: Letter, data: st.DataObject) -> None:
    line = encode_letter(letter)
    at = data.draw(st.integers(0, len(line) - 3))
    try:
        decode_letter(line[:at])
    except LetterError:
        return
    raise AssertionError


@given(st.sampled_from(MessageType), st.binary(max_size=40), st.binary(max_size=400))
def test_what_is_shown_is_printable_ascii(message_type: MessageType, topic: bytes, payload: bytes) -> None:
    device = device_in(message_type, Message(topic, payload, 0))
    for shown in (escaped(topic), payload_shown(payload), escaped(device or b"")):
        assert shown.isascii()
        assert shown.isprintable()


@given(
    st.text(alphabet=st.characters(exclude_characters='"', codec="utf-8"), max_size=64),
    st.binary(max_size=40),
)
def test_a_device_is_read_as_it_is_spelled(device: str, rest: bytes) -> None:
    spelled = device.encode()[:64]
    payload = b'{"device" : "' + spelled + b'"' + rest
    assert device_in(MessageType.DEVICE_BOOT, Message(b"TICKRMETERBOOT", payload, 0)) == spelled
    assert device_in(MessageType.STOCK_RESPONSE, Message(b"a/b/" + b"0A", payload, 0)) == b"0A"


TOPICS = [
    b"STOCKPRICEUPDATE",
    b"DEVICESTATUS_RES",
    b"TICKRMETERBOOT",
    b"DEVICE_BOOTED",
    A.encode(),
    b"\xff\n",
]
bad_messages = st.builds(
    Message,
    st.sampled_from(TOPICS),
    st.binary(max_size=200)
    | json_values.map(json.dumps).map(str.encode)
    | st.dictionaries(st.sampled_from(["device", "symbol", "battery", "vin"]), json_values)
    .map(json.dumps)
    .map(str.encode),
    st.integers(0, INTERVAL_NS - 1),
    retain=st.booleans(),
    duplicate=st.booleans(),
    oversize=st.booleans(),
    qos=st.integers(0, 2),
)


@given(st.lists(bad_messages, max_size=20))
def test_whatever_is_set_aside_makes_whole_lines_and_a_letter_for_each(messages: list[Message]) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}", level="DEBUG")
    try:
        with TemporaryDirectory() as directory:
            path = Path(directory) / "letters"
            with LetterWriter(path, 10**9, 1) as writer:
                exporter = Exporter(letters=writer)
                exporter.deliver(*messages)
            letters_ = [decode_letter(line) for line in path.read_bytes().splitlines()]
    finally:
        logger.remove(sink)
    for line in lines:
        assert line.startswith(("Set aside, as a whole or in part: ", "Failed to parse message: "))
        assert line.isascii()
        assert line.removesuffix("\n").isprintable()
    kinds = {line.partition(", device")[0] for line in lines}
    assert len(kinds) == len(lines)  # no minute has gone by
    wire = [(m.topic, m.payload, m.qos, m.retain, m.duplicate) for m in messages]
    kept = [(each.topic, each.payload, each.qos, each.retain, each.duplicate) for each in letters_]
    remaining = iter(wire)
    assert all(each in remaining for each in kept)  # in their order
    counted = exporter.errors()
    rejected = exporter.figures("tickrmeter_identities_rejected_total")
    faults = [
        labels for labels in (*counted, *rejected) if not labels.endswith(('"retained"', '"duplicate"'))
    ]
    assert bool(kept) == bool(faults)
