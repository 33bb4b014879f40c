from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.mqtt.websocket import FrameStripper, WebSocketError

frames = st.one_of(
    st.tuples(st.sampled_from([0x82, 0x02, 0x00, 0x80]), st.binary(max_size=400)),
    st.tuples(st.sampled_from([0x89, 0x8A]), st.binary(max_size=125)),
)


def encode(first: int, data: bytes) -> bytes:
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    return bytes([first, 126]) + len(data).to_bytes(2) + data


@given(st.lists(frames, max_size=20), st.integers(1, 300))
def test_any_cutting_gives_the_content(sent: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join(encode(first, data) for first, data in sent)
    stripper = FrameStripper()
    content = b"".join(stripper.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    assert content == b"".join(data for first, data in sent if not first & 0x08)
    pings = [data for first, data in sent if first == 0x89]
    assert len(stripper.replies) == sum(6 + len(data) for data in pings)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_give_content_or_the_declared_error(stream: bytes, size: int) -> None:
    stripper = FrameStripper()
    taken = 0
    try:
        for at in range(0, len(stream), size):
            taken += len(stripper.feed(stream[at : at + size]))
    except WebSocketError:
        return
    assert taken <= len(stream)
