"""A capture as bytes, and back; what is damaged is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.capture.chunk import (
    CONNECTION,
    Captured,
    CaptureError,
    ChunkReader,
    Header,
    Note,
    encode_chunk,
    encode_header,
    encode_item,
)
from otel_tickrmeter.stream.frames import encode_event
from otel_tickrmeter.stream.message import Connected, Lost, Message, Watermark
from otel_tickrmeter.stream.reason import LinkReason

HEADER = Header("run", 2, 10**12, -5)
ITEMS: list[Captured] = [
    [Message(b"t", b"{}", 10**12), Message(b"\xff", b"", 10**12 + 1, retain=True, qos=1)],
    Note(unix_offset_ns=17),
    Note(missed=4),
    Lost(5, LinkReason.TIMEOUT, "gone"),
    Watermark(6, 0, 6),
]
WHOLE = encode_header(HEADER) + b"".join(map(encode_item, ITEMS))


def read(data: bytes, step: int = 1 << 20) -> tuple[Header | None, list[Captured], int]:
    reader = ChunkReader()
    found: list[Captured] = []
    for start in range(0, len(data), step):
        found += [item for _, item in reader.feed(data[start : start + step])]
    return reader.header, found, reader.torn


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_what_was_handed_over_comes_back(step: int) -> None:
    assert read(WHOLE, step) == (HEADER, ITEMS, 0)


def test_what_is_known_of_the_connection_is_marked() -> None:
    reader = ChunkReader()
    event = Connected(1, session_present=False, protocol="5")
    data = encode_header(HEADER) + encode_chunk(CONNECTION, encode_event(event))
    assert [*reader.feed(data)] == [(CONNECTION, event)]


def test_wherever_it_is_cut_off_what_is_whole_is_there() -> None:
    for length in range(len(WHOLE)):
        header, items, torn = read(WHOLE[:length])
        assert items == ITEMS[: len(items)]
        assert (header is None) == (length <= len(encode_header(HEADER)) - 1)
        if header is not None:
            rest = length - len(encode_header(HEADER)) - sum(len(encode_item(item)) for item in items)
            assert torn == rest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hello\n", "not a capture"),
        (b"[]\n", "not a capture"),
        (b"[" * 4_000 + b"\n", "not a capture"),
        (b"x" * 5_000, "not a capture"),
        (b'{"capture": 9}\n', "not a capture that this version can read"),
        (b'{"capture": 1, "run": "a"}\n', "its header is damaged"),
        (encode_header(HEADER) + b"\x09\0\0\0\0", "a chunk of unknown kind 9"),
        (encode_header(HEADER) + b"\x01\xff\xff\xff\xff", "a chunk of 4294967295 bytes"),
        (encode_header(HEADER) + encode_chunk(1, b"\x07\0\0\0\0"), "a frame of unknown kind 7"),
        (encode_header(HEADER) + encode_chunk(1, b"\x01\0\0"), "a frame that is cut off"),
        (encode_header(HEADER) + encode_chunk(3, b"1"), "not a capture"),
        (
            encode_header(HEADER) + encode_chunk(3, b'{"missed": "1"}'),
            "a note with a value of the wrong type",
        ),
    ],
)
def test_what_is_none_is_told(data: bytes, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        read(data)


@given(st.binary(), st.integers(0, len(WHOLE)))
def test_any_bytes_are_a_capture_or_an_error(data: bytes, start: int) -> None:
    try:
        _, items, _ = read(WHOLE[:start] + data)
    except CaptureError:
        items = []
    assert all(isinstance(item, list | Note) or item.at_ns >= 0 for item in items)
