"""What a server's frames carry: any cutting gives the same, and wsproto finds the same in them."""

from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong
from wsproto.frame_protocol import CloseReason, Opcode

from otel_tickrmeter.mqtt.websocket import FrameStripper, WebSocketError, encode_binary

BINARY, CONTINUATION, PING, PONG = (
    int(opcode) for opcode in (Opcode.BINARY, Opcode.CONTINUATION, Opcode.PING, Opcode.PONG)
)
FINAL = 0x80
CLOSINGS = (b"\x88\x00", b"\x88\x02\x03\xe8", b"\x88\x05\x03\xe8bye")

contents = st.binary(max_size=400)
controls = st.tuples(st.sampled_from([FINAL | PING, FINAL | PONG]), st.binary(max_size=125))


def encode(first: int, data: bytes) -> bytes:
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    return bytes([first, 126]) + len(data).to_bytes(2) + data


@st.composite
def messages(draw: st.DrawFn) -> list[bytes]:
    """One message in frames, with control frames between them."""
    parts = draw(st.lists(contents, min_size=1, max_size=5))
    frames = []
    for index, part in enumerate(parts):
        opcode = CONTINUATION if index else BINARY
        frames.append(encode((FINAL if index == len(parts) - 1 else 0) | opcode, part))
        frames += [encode(*control) for control in draw(st.lists(controls, max_size=2))]
    return frames


good = st.lists(messages(), max_size=8).map(lambda sent: [frame for frames in sent for frame in frames])
# Any order, and whatever is not allowed; no text, which WebSockets have and MQTT does not.
odd = st.one_of(
    st.tuples(
        st.sampled_from([first for first in range(256) if first & 0x0F not in {Opcode.TEXT, Opcode.CLOSE}]),
        st.binary(max_size=130),
    ).map(lambda frame: encode(*frame)),
    st.sampled_from([*CLOSINGS, b"\x82\x81aaaab", b"\x82\x7e\x00\x01a", b"\x82\x7f" + bytes(7) + b"\x01a"]),
    st.sampled_from(
        [b"\x82\x7f" + (1 << 63).to_bytes(8), b"\x82\x7f" + (0x10000).to_bytes(8) + bytes(0x10000)]
    ),
)
streams = st.one_of(
    good, st.lists(odd, max_size=6), st.builds(lambda a, b: a + b, good, st.lists(odd, max_size=3))
)


def pieces(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def ours(stream: bytes, size: int) -> tuple[bytes | None, list[Event]]:
    """The content, None for an error; and what a server makes of the replies."""
    stripper = FrameStripper()
    try:
        content: bytes | None = b"".join(stripper.feed(piece) for piece in pieces(stream, size))
    except WebSocketError:
        content = None
    server = Connection(ConnectionType.SERVER)
    server.receive_data(bytes(stripper.replies))
    return content, list(server.events())


def theirs(stream: bytes, size: int) -> tuple[bytes | None, list[Event]]:
    """The same by wsproto, and what it would reply."""
    client = Connection(ConnectionType.CLIENT)
    content, replies = bytearray(), list[Event]()
    for piece in pieces(stream, size):
        client.receive_data(piece)
        for event in client.events():
            match event:
                case BytesMessage():
                    content += event.data
                case Ping():
                    replies.append(Pong(payload=event.payload))
                case CloseConnection(code=CloseReason.PROTOCOL_ERROR):
                    return None, replies  # no closing of ours has this code
                case CloseConnection():
                    # What comes after it is nothing.
                    return bytes(content), [*replies, event]
    return bytes(content), replies


@given(streams, st.integers(1, 300))
def test_wsproto_finds_the_same(sent: list[bytes], size: int) -> None:
    stream = b"".join(sent)
    assert ours(stream, size) == theirs(stream, size)


@given(contents)
def test_wsproto_reads_what_we_send(data: bytes) -> None:
    server = Connection(ConnectionType.SERVER)
    server.receive_data(encode_binary(data))
    assert list(server.events()) == [BytesMessage(data=data)]


@given(good, st.integers(1, 300))
def test_any_cutting_gives_the_content(sent: list[bytes], size: int) -> None:
    stream = b"".join(sent)
    assert ours(stream, size) == ours(stream, max(len(stream), 1))


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
