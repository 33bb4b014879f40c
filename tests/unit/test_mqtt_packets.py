import pytest

from otel_tickrmeter.mqtt.packets import (
    IMPOSSIBLE,
    MAX_BUFFERED_BYTES,
    MAX_PAYLOAD_BYTES,
    Item,
    PacketSplitter,
    Released,
    Unacknowledged,
)
from otel_tickrmeter.stream.message import Message

PINGRESP = b"\xd0\x00"


def length(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def publish(first: int, head: bytes, payload: bytes) -> bytes:
    return bytes([first]) + length(len(head) + len(payload)) + head + payload


def split(stream: bytes, *, mqtt5: bool = True, size: int = 65_536) -> list[Item]:
    splitter = PacketSplitter(mqtt5=mqtt5)
    items: list[Item] = []
    for start in range(0, len(stream), size):
        items += splitter.feed(stream[start : start + size], 7)
        assert splitter.buffered <= MAX_BUFFERED_BYTES
    return items


@pytest.mark.parametrize("size", [1, 2, 3, 65_536])
def test_a_qos_0_message_is_taken_off(size: int) -> None:
    stream = publish(0x30, b"\x00\x01t\x00", b"pay") + publish(0x31, b"\x00\x01u\x00", b"")
    assert split(stream, size=size) == [Message(b"t", b"pay", 7), Message(b"u", b"", 7, retain=True)]


def test_mqtt_311_has_no_properties() -> None:
    assert split(publish(0x30, b"\x00\x01t", b"\x00p"), mqtt5=False) == [Message(b"t", b"\x00p", 7)]


@pytest.mark.parametrize("properties", [b"\x02\x01\x01", length(300) + bytes(300)])
def test_properties_are_skipped_by_their_length(properties: bytes) -> None:
    assert split(publish(0x30, b"\x00\x01t" + properties, b"pay")) == [Message(b"t", b"pay", 7)]


@pytest.mark.parametrize("size", [1, 5, 65_536])
def test_what_is_no_message_is_passed_on_whole_and_all_is_in_order(size: int) -> None:
    packets = [
        b"\x20\x03\x00\x00\x00",
        publish(0x32, b"\x00\x01t\x00\x07\x00", b"one"),
        publish(0x30, b"\x00\x01t\x00", b"zero"),
        publish(0x3C, b"\x00\x01t\x00\x08\x00", b"two"),
        b"\x62\x02\x00\x08",
        b"\x62\x03\x00\x09\x92",  # with a reason code
        PINGRESP,
    ]
    items: list[Item] = [*packets]
    items[1] = Unacknowledged(Message(b"t", b"one", 7, qos=1, packet_id=7), 7, dup=False)
    items[2] = Message(b"t", b"zero", 7)
    items[3] = Unacknowledged(Message(b"t", b"two", 7, qos=2, packet_id=8), 8, dup=True)
    items[4:6] = Released(8), Released(9)
    assert split(b"".join(packets), size=size) == items


def test_a_qos_1_message_has_its_bits_and_its_packet_id() -> None:
    (item,) = split(publish(0x3B, b"\x00\x01t\xab\xcd\x02\x01\x01", b"pay"))
    assert item == Unacknowledged(
        Message(b"t", b"pay", 7, retain=True, qos=1, packet_id=0xABCD), 0xABCD, dup=True
    )
    (item,) = split(publish(0x32, b"\x00\x01t\x00\x01", b"pay"), mqtt5=False)
    assert item == Unacknowledged(Message(b"t", b"pay", 7, qos=1, packet_id=1), 1, dup=False)


@pytest.mark.parametrize(
    ("packet", "mqtt5"),
    [
        (b"\x30\x00", True),
        (b"\x30\x01\x00", True),
        (b"\x30\x02\x00\x01", True),  # the topic is longer than the packet
        (b"\x30\x03\x00\x01t", True),  # no property length
        (b"\x30\x04\x00\x01t\x01", True),  # properties longer than the packet
        (b"\x30\x08\x00\x01t\xff\xff\xff\xff\xff", True),
        (b"\x30\x02\x00\x00", False),  # no topic
        (b"\x32\x04\x00\x01t\x00", False),  # no packet id
        (b"\x32\x05\x00\x01t\x00\x00", False),  # the packet id that none has
        (b"\x32\x06\x00\x01t\x00\x01\x01", True),  # properties longer than the packet
        (b"\x34\x05\x00\x01t\x00\x00", False),
        (b"\x62\x02\x00\x00", True),
    ],
)
def test_a_message_that_does_not_parse_is_the_last(packet: bytes, *, mqtt5: bool) -> None:
    assert split(PINGRESP + packet + PINGRESP, mqtt5=mqtt5) == [PINGRESP, IMPOSSIBLE]


@pytest.mark.parametrize("size", [1_000, 65_536])
@pytest.mark.parametrize("excess", [0, 1])
def test_the_largest_payload_is_carried_and_one_byte_more_is_not(excess: int, size: int) -> None:
    payload = bytes(MAX_PAYLOAD_BYTES + excess)
    (message, end) = split(publish(0x30, b"\x00\x01t\x00", payload) + PINGRESP, size=size)
    assert message == Message(b"t", b"" if excess else payload, 7, oversize=bool(excess))
    assert end == PINGRESP


@pytest.mark.parametrize("size", [1_000, 65_536, 10_000_000])
@pytest.mark.parametrize("qos", [1, 2])
def test_an_oversize_message_is_acknowledged_like_any_other(size: int, qos: int) -> None:
    stream = publish(0x31 | qos << 1, b"\x00\x01t\x00\x07\x00", bytes(1_000_000)) + PINGRESP
    cut = Message(b"t", b"", 7, retain=True, oversize=True, qos=qos, packet_id=7)
    assert split(stream, size=size) == [Unacknowledged(cut, 7, dup=False), PINGRESP]


def test_an_oversize_message_is_stamped_when_it_has_ended() -> None:
    splitter = PacketSplitter(mqtt5=False)
    stream = publish(0x31, b"\x00\x01t", bytes(100_000))
    assert splitter.feed(stream[:90_000], 1) == []
    assert splitter.feed(stream[90_000:], 2) == [Message(b"t", b"", 2, retain=True, oversize=True)]


def test_properties_beyond_the_bound_are_not_buffered_either() -> None:
    head = b"\x00\x01t" + length(MAX_PAYLOAD_BYTES + 1) + bytes(MAX_PAYLOAD_BYTES + 1)
    assert split(publish(0x30, head, b"p"), size=1_000) == [Message(b"t", b"", 7, oversize=True)]


def test_topic_properties_and_payload_at_their_limits_are_carried() -> None:
    topic, payload = b"t" * 65_535, b"p" * MAX_PAYLOAD_BYTES
    head = b"\xff\xff" + topic + length(MAX_PAYLOAD_BYTES) + bytes(MAX_PAYLOAD_BYTES)
    assert split(publish(0x30, head, payload), size=5_000) == [Message(topic, payload, 7)]


@pytest.mark.parametrize("size", [1_000, 65_536])
@pytest.mark.parametrize("payload", [b"", b"p", b"pp"])
def test_a_long_topic_waits_for_no_byte_of_the_next_packet(payload: bytes, size: int) -> None:
    topic = b"t" * 65_535
    stream = publish(0x30, b"\xff\xff" + topic, payload)
    assert split(stream, mqtt5=False, size=size) == [Message(topic, payload, 7)]


@pytest.mark.parametrize(
    "stream",
    [
        b"\xd0\xff\xff\xff\xff\x7f",  # five bytes of length
        b"\x20" + length(MAX_PAYLOAD_BYTES + 1),  # a CONNACK that would fill the memory
        b"\x30" + length(70_000) + b"\x00\x01t" + length(80_000),
        b"\x30" + length(70_000) + b"\x00\x01t\xff\xff\xff\xff",
        b"\x36" + length(70_000) + b"\x00\x01t\x00\x01\x00",  # QoS 3
        b"\x32" + length(70_000) + b"\x00\x01t\x00\x00\x00",  # the packet id that none has
    ],
)
@pytest.mark.parametrize("size", [1, 65_536])
def test_there_is_no_way_on_from_a_length_that_cannot_be(stream: bytes, size: int) -> None:
    assert split(PINGRESP + stream + PINGRESP * 9, size=size) == [PINGRESP, IMPOSSIBLE]
