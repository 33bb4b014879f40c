from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.stream.frames import FrameDecoder, FrameError, encode_batch, encode_event, encode_record
from otel_tickrmeter.stream.message import Dropped, Foreign, LinkEvent, Message, Refused, Watermark
from otel_tickrmeter.stream.reason import LinkReason

messages = st.builds(
    Message,
    st.binary(max_size=30),
    st.binary(max_size=300),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    packet_id=st.just(0),
    logged=st.none(),
)
events = st.one_of(
    st.builds(Watermark, st.integers(0, 2**63), st.integers(0, 10**6)),
    st.builds(Dropped, st.integers(0, 2**63), st.integers(1, 10**9)),
    st.builds(Foreign, st.integers(0, 2**63), st.integers(1, 10**9)),
    st.builds(Refused, st.integers(0, 2**63), st.sampled_from(LinkReason), st.text(max_size=99)),
)
items = st.lists(st.one_of(st.lists(messages, max_size=9), events), max_size=9)


def encode(item: list[Message] | LinkEvent) -> bytes:
    if isinstance(item, list):
        return encode_batch([encode_record(message) for message in item])
    return encode_event(item)


@given(items, st.lists(st.integers(1, 200), min_size=1))
def test_any_cutting_of_a_stream_gives_its_items(
    sent: list[list[Message] | LinkEvent], sizes: list[int]
) -> None:
    stream = b"".join(map(encode, sent))
    decoder = FrameDecoder()
    received: list[list[Message] | LinkEvent] = []
    at = 0
    turn = 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        received += decoder.feed(stream[at : at + size])
        at += size
        turn += 1
    assert received == sent
    assert decoder.pending == 0
    assert b"".join(map(encode, received)) == stream


@given(st.binary(max_size=200), items)
def test_whatever_the_bytes_items_or_the_declared_error(
    noise: bytes, sent: list[list[Message] | LinkEvent]
) -> None:
    stream = bytearray(b"".join(map(encode, sent)) + noise)
    for position in range(0, len(stream), 7):
        stream[position] ^= noise[position % len(noise)] if noise else 0
    decoder = FrameDecoder()
    try:
        decoder.feed(bytes(stream))
    except FrameError:
        return
    assert decoder.pending <= len(stream)
