"""The splitter against paho: the same stream, read by paho alone and through the splitter.

What paho gives at the end of an exchange at QoS 2 we give at its beginning: that is held to a model.
"""

from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from otel_tickrmeter.mqtt.exchanges import Exchanges
from otel_tickrmeter.mqtt.packets import (
    MAX_BUFFERED_BYTES,
    MAX_PAYLOAD_BYTES,
    Item,
    PacketSplitter,
    Released,
    Unacknowledged,
)
from otel_tickrmeter.mqtt.tap import Tap
from otel_tickrmeter.stream.message import Message

Seen = tuple[bytes, bytes, bool, bool, bool]


class Memory:
    """A stream that brings what it is given, and takes everything."""

    def __init__(self) -> None:
        self.incoming = b""
        self.sent = b""

    def receive(self) -> bytes:
        return b""

    def recv(self, size: int) -> bytes:
        data, self.incoming = self.incoming[:size], self.incoming[size:]
        if not data:
            raise BlockingIOError
        return data

    def send(self, data: bytes | bytearray) -> int:
        self.sent += data
        return len(data)

    def flush(self) -> bool:
        return False

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  a socket's signature
        pass

    def close(self) -> None:
        pass


class Paho(Client):
    """paho over one of the two; `seen` is what it delivered."""

    def __init__(self, opened: Memory | Tap, *, mqtt5: bool) -> None:
        version = MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311
        super().__init__(CallbackAPIVersion.VERSION2, client_id="c", protocol=version)
        self._opened = opened
        self.seen: list[Seen] = []
        self.on_message = self._see
        self.connect_async("nowhere")
        self.reconnect()

    def _create_socket(self) -> Memory | Tap:
        return self._opened

    def _see(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.qos == 2:
            return
        payload = bytes(message.payload)
        oversize = len(payload) > MAX_PAYLOAD_BYTES
        topic = message.topic.encode()
        self.seen.append((topic, b"" if oversize else payload, message.retain, message.dup, oversize))


def length(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + length(len(body)) + body


def user_properties(size: int) -> bytes:
    """Valid properties of about `size` bytes."""
    each = b"\x26\x00\x01k\x03\xe8" + b"v" * 1000
    return each * (size // len(each) + 1) if size else b""


class Publish(NamedTuple):
    """A PUBLISH as drawn: sizes in place of content, so that a report of hundreds of kB stays readable."""

    topic: str
    payload: bytes
    repeat: int
    qos: int
    mid: int
    retain: bool
    duplicate: bool
    properties: int

    def encode(self, *, mqtt5: bool) -> bytes:
        body = len(self.topic.encode()).to_bytes(2) + self.topic.encode()
        if self.qos:
            body += self.mid.to_bytes(2)
        if mqtt5:
            properties = user_properties(self.properties)
            body += length(len(properties)) + properties
        first = 0x30 | self.qos << 1 | self.retain | (self.duplicate << 3 if self.qos else 0)
        return packet(first, body + self.payload * self.repeat)


publishes = st.builds(
    Publish,
    st.text(st.characters(exclude_characters="+#\x00", codec="utf-8"), min_size=1, max_size=40),
    st.binary(min_size=1, max_size=1),
    st.one_of(st.integers(0, 400), st.integers(MAX_PAYLOAD_BYTES - 80, MAX_PAYLOAD_BYTES + 80)),
    st.integers(0, 2),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 0, 1, 40_000]),
)
others = st.one_of(st.integers(1, 3).map(lambda mid: packet(0x62, mid.to_bytes(2))), st.just(b"\xd0\x00"))
streams = st.lists(st.one_of(publishes, others), max_size=12)


def encode(packets: list[Publish | bytes], *, mqtt5: bool) -> bytes:
    return b"".join(item if isinstance(item, bytes) else item.encode(mqtt5=mqtt5) for item in packets)


def pieces(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(stream):
        yield stream[at : at + sizes[turn % len(sizes)]]
        at += sizes[turn % len(sizes)]
        turn += 1


def read_by_paho(stream: bytes, *, mqtt5: bool) -> tuple[list[Seen], bytes]:
    """Return what is delivered, and what the broker is told."""
    memory = Memory()
    paho = Paho(memory, mqtt5=mqtt5)
    memory.incoming = stream
    while memory.incoming:
        paho.loop_read()
    return paho.seen, memory.sent


class Read(NamedTuple):
    """What came of a stream: below QoS 2, at QoS 2, and what the broker was told."""

    seen: list[Seen]
    exactly_once: list[Seen]
    sent: bytes


def read_by_splitter(stream: bytes, sizes: list[int], *, mqtt5: bool) -> Read:
    splitter = PacketSplitter(mqtt5=mqtt5)
    memory = Memory()
    tap = Tap(memory)
    paho = Paho(tap, mqtt5=mqtt5)
    exchanges = Exchanges()
    exactly_once: list[Seen] = []
    for piece in pieces(stream, sizes):
        for item in splitter.feed(piece, 1):
            if isinstance(item, Message):
                paho.seen.append((item.topic, item.payload, item.retain, item.duplicate, item.oversize))
            elif isinstance(item, Unacknowledged):
                message, packet_id = item.message, item.packet_id
                found = (message.topic, message.payload, message.retain, item.dup, message.oversize)
                if message.qos == 1:
                    paho.seen.append(found)
                elif exchanges.begins(packet_id, message.topic, message.payload):
                    exactly_once.append(found)
                tap.acknowledge([bytes([0x40 if message.qos == 1 else 0x50, 2]) + packet_id.to_bytes(2)])
            elif isinstance(item, Released):
                exchanges.released(item.packet_id)
                tap.acknowledge([b"\x70\x02" + item.packet_id.to_bytes(2)])
            else:
                tap.hand_over(item)
                while tap.pending():
                    paho.loop_read()
        assert splitter.buffered <= MAX_BUFFERED_BYTES
    return Read(paho.seen, exactly_once, memory.sent)


def read_by_the_book(packets: list[Publish | bytes]) -> list[Seen]:
    """Return what comes first of each exchange at QoS 2 (specification 4.3.3, method B)."""
    under_way: dict[int, tuple[str, bytes]] = {}
    seen: list[Seen] = []
    for each in packets:
        if isinstance(each, bytes):
            if each[0] == 0x62:
                under_way.pop(int.from_bytes(each[2:4]), None)
        elif each.qos == 2:
            payload = each.payload * each.repeat
            oversize = len(payload) > MAX_PAYLOAD_BYTES
            content = (each.topic, b"" if oversize else payload)
            if under_way.get(each.mid) != content:
                seen.append((each.topic.encode(), content[1], each.retain, each.duplicate, oversize))
            under_way[each.mid] = content
    return seen


def held_to_paho(packets: list[Publish | bytes], sizes: list[int], *, mqtt5: bool) -> None:
    stream = encode(packets, mqtt5=mqtt5)
    seen, sent = read_by_paho(stream, mqtt5=mqtt5)
    assert read_by_splitter(stream, sizes, mqtt5=mqtt5) == Read(seen, read_by_the_book(packets), sent)


sizes_lists = st.lists(
    st.one_of(st.integers(1, 9), st.integers(1000, 70_000)), min_size=1, max_size=5
).filter(lambda sizes: sum(sizes) > 500)


@given(streams, sizes_lists)
def test_mqtt_5_reads_as_by_paho(packets: list[Publish | bytes], sizes: list[int]) -> None:
    held_to_paho(packets, sizes, mqtt5=True)


@given(streams, sizes_lists)
def test_mqtt_311_reads_as_by_paho(packets: list[Publish | bytes], sizes: list[int]) -> None:
    held_to_paho(packets, sizes, mqtt5=False)


endless = st.sampled_from([b"\x30\xff\xff\xff\x7f\x00\x01t\x00", b"\x20\xff\xff\xff\x7f"])
rubbish = st.lists(st.one_of(st.binary(max_size=40), publishes, endless), max_size=6)


@given(
    st.lists(st.one_of(st.binary(max_size=40), publishes, endless), max_size=6), sizes_lists, st.booleans()
)
def test_any_bytes_in_any_pieces_give_the_same_items_and_stay_bounded(
    parts: list[Publish | bytes],
    sizes: list[int],
    mqtt5: bool,  # noqa: FBT001  drawn
) -> None:
    stream = encode(parts, mqtt5=mqtt5)
    whole = PacketSplitter(mqtt5=mqtt5)
    cut = PacketSplitter(mqtt5=mqtt5)
    items: list[Item] = []
    for piece in pieces(stream, sizes):
        items += cut.feed(piece, 1)
        assert cut.buffered <= MAX_BUFFERED_BYTES
    assert items == whole.feed(stream, 1)
