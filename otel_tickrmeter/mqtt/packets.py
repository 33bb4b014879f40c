"""Bytes in, MQTT packets out: takes the messages off the stream and leaves the rest for paho.

The rules this file keeps:

1. Any cutting of a stream into chunks gives the same items, in the stream's order.
2. A QoS 0 PUBLISH becomes a `Message` here, at a fraction of paho's cost; one at QoS 1 or 2
   `Unacknowledged`, which is for us to acknowledge; a PUBREL `Released`, for us to answer. Every other
   packet is passed on whole for paho to answer or to refuse. MQTT 5 properties are skipped by their length;
   our CONNECT allows no topic aliases, so the topic is always there.
3. At most `MAX_BUFFERED_BYTES` are held, whatever the packet: of a PUBLISH with more than
   `MAX_PAYLOAD_BYTES` of payload, or of properties, only topic and packet id are kept, and its message is
   oversize.
4. What is malformed reaches paho as `IMPOSSIBLE`, and nothing follows: the stream has no way back from a
   wrong length.
"""

from typing import NamedTuple

from otel_tickrmeter.stream.message import Message

MAX_PAYLOAD_BYTES = 65_536
"""The largest payload carried; a heartbeat has some 300 bytes."""

MAX_BUFFERED_BYTES = 2 * MAX_PAYLOAD_BYTES + 65_535 + 16
"""The largest packet held whole: payload, properties and topic at their limits, and their lengths."""

IMPOSSIBLE = b"\x30\xff\xff\xff\xff\xff"
"""A remaining length of five bytes, which paho answers by closing with a protocol error."""

_PUBLISH = 3
_PUBLISH_QOS_0 = 0x30
_PUBLISH_QOS_1 = 0x32
_PUBLISH_QOS_2 = 0x34
_PUBREL = 0x62
_DUP = 0x08
_QOS_BITS = 0x06
_QOS_3 = 0x06
_SHORTEST_PACKET = 2
_PACKET_ID_BYTES = 2
_MORE = 0x80  # in a variable length: another byte follows


class Unacknowledged(NamedTuple):
    """A message at QoS 1 or 2; with `dup`, the broker may have sent it before."""

    message: Message
    packet_id: int
    dup: bool


class Released(NamedTuple):
    """The broker will not send the QoS 2 message with this packet id again."""

    packet_id: int


Item = Message | Unacknowledged | Released | bytes
"""What the stream has: messages, and packets for paho."""


class _MalformedError(Exception):
    """A length that contradicts the packet around it, or a packet id that none has."""


class PacketSplitter:
    """Splits the stream of one connection."""

    def __init__(self, *, mqtt5: bool) -> None:
        self._mqtt5 = mqtt5
        self._rest = bytearray()  # the beginning of a packet
        self._need = 0  # how long that must grow before more can be said of the packet
        self._skip = 0  # bytes still to come of a packet that is cut
        self._cut: Message | Unacknowledged | None = None  # what that packet becomes at its end
        self._dead = False

    @property
    def buffered(self) -> int:
        """Bytes held until the rest of their packet comes."""
        return len(self._rest)

    def feed(self, data: bytes, at_ns: int) -> list[Item]:
        """The messages, and the packets for paho, that `data` completes; `at_ns` is when it was read."""
        items: list[Item] = []
        if self._dead:
            return items
        start = 0
        if self._skip:
            if len(data) < self._skip:
                self._skip -= len(data)
                return items
            start = self._skip
            self._end_cut(at_ns, items)
        elif self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return items
            data = bytes(self._rest)
            self._rest.clear()
        try:
            self._split(data, start, at_ns, items)
        except _MalformedError:
            self._dead = True
            items.append(IMPOSSIBLE)
        return items

    def _split(  # noqa: C901, PLR0912  the one hot loop: each call in it costs a tenth of a message
        self, data: bytes, pos: int, at_ns: int, items: list[Item]
    ) -> None:
        """Every packet of `data` from `pos` on; keeps the beginning of one that has not ended."""
        mqtt5 = self._mqtt5
        end = len(data)
        need = _SHORTEST_PACKET
        while end - pos >= _SHORTEST_PACKET:
            first = data[pos]
            length = data[pos + 1]
            body = pos + 2
            if length & _MORE:
                try:
                    length, body = _variable_length(data, pos + 1)
                except IndexError:
                    need = end - pos + 1
                    break
            stop = body + length
            if length > MAX_PAYLOAD_BYTES:
                need = self._large(data, pos, body, stop)
                if need:
                    break
                if self._skip:
                    if stop > end:
                        self._skip = stop - end
                        return
                    self._end_cut(at_ns, items)
                    pos = stop
                    continue
            elif stop > end:
                need = stop - pos
                break
            if first & 0xF6 == _PUBLISH_QOS_0:  # whatever its retain and DUP bits
                try:
                    topic_end, payload, _ = _publish_head(data, first, body, stop, mqtt5=mqtt5)
                except IndexError:
                    raise _MalformedError from None
                items.append(Message(data[body + 2 : topic_end], data[payload:stop], at_ns, first & 1 == 1))
            elif first & 0xF6 == _PUBLISH_QOS_1 or first & 0xF6 == _PUBLISH_QOS_2:
                items.append(self._unacknowledged(data, first, body, stop, at_ns))
            elif first == _PUBREL and length >= _PACKET_ID_BYTES:
                items.append(Released(_packet_id(data, body)))
            else:
                items.append(data[pos:stop])
            pos = stop
            need = _SHORTEST_PACKET
        if pos < end:
            self._rest += data[pos:]
            self._need = need

    def _unacknowledged(self, data: bytes, first: int, body: int, stop: int, at_ns: int) -> Unacknowledged:
        """A message at QoS 1 or 2."""
        try:
            topic_end, payload, _ = _publish_head(data, first, body, stop, mqtt5=self._mqtt5)
        except IndexError:
            raise _MalformedError from None
        qos = (first & _QOS_BITS) >> 1
        topic, packet_id = data[body + 2 : topic_end], _packet_id(data, topic_end)
        message = Message(topic, data[payload:stop], at_ns, first & 1 == 1, qos=qos, packet_id=packet_id)
        return Unacknowledged(message, packet_id, first & _DUP != 0)

    def _large(self, data: bytes, pos: int, body: int, stop: int) -> int:
        """Decide on a packet of more than `MAX_PAYLOAD_BYTES`, of which `data` may have only a part.

        Returns how many bytes it takes to go on; 0 when it is all there, or when it is to be cut
        (then `_skip` is set).
        """
        first = data[pos]
        end = len(data)
        # No such packet is near that long: don't let one fill the memory.
        if first >> 4 != _PUBLISH or first & _QOS_BITS == _QOS_3:
            raise _MalformedError
        try:
            topic_end, payload, properties = _publish_head(data, first, body, stop, mqtt5=self._mqtt5)
        except IndexError:
            topic_bytes = int.from_bytes(data[body : body + 2]) if end - body > 1 else 0
            return max(end - pos + 1, body + 2 + topic_bytes - pos)
        head_end = min(topic_end + 2, stop)
        if head_end > end:  # in MQTT 3.1.1 nothing behind the topic had to be read so far
            return head_end - pos
        if stop - payload <= MAX_PAYLOAD_BYTES and properties <= MAX_PAYLOAD_BYTES:
            return stop - pos if stop > end else 0
        qos = (first & _QOS_BITS) >> 1
        cut = Message(data[body + 2 : topic_end], b"", 0, first & 1 == 1, oversize=True, qos=qos)
        self._cut = cut
        if qos:
            packet_id = _packet_id(data, topic_end)
            self._cut = Unacknowledged(cut._replace(packet_id=packet_id), packet_id, first & _DUP != 0)
        self._skip = stop - body
        return 0

    def _end_cut(self, at_ns: int, items: list[Item]) -> None:
        """A packet that was cut has been read to its end."""
        cut = self._cut
        if isinstance(cut, Message):
            items.append(cut._replace(arrived_ns=at_ns))
        elif cut is not None:
            items.append(cut._replace(message=cut.message._replace(arrived_ns=at_ns)))
        self._skip = 0
        self._cut = None


def _publish_head(data: bytes, first: int, body: int, stop: int, *, mqtt5: bool) -> tuple[int, int, int]:
    """Where the topic of a PUBLISH ends, where its payload starts, and the bytes of its properties.

    Raises IndexError when `data` ends before that can be said.
    """
    topic_end = body + 2 + (data[body] << 8 | data[body + 1])
    payload = topic_end + 2 if first & _QOS_BITS else topic_end
    if payload > stop or (topic_end == body + 2 and not mqtt5):  # MQTT 3.1.1 has no empty topic
        raise _MalformedError
    properties = 0
    if mqtt5:
        properties, payload = _variable_length(data, payload)
        payload += properties
        if payload > stop:
            raise _MalformedError
    return topic_end, payload, properties


def _packet_id(data: bytes, at: int) -> int:
    """The packet id at `at`, which is never 0 (specification 2.2.1)."""
    packet_id = data[at] << 8 | data[at + 1]
    if not packet_id:
        raise _MalformedError
    return packet_id


def _variable_length(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer at `at`, and the index behind it (specification 1.5.5)."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            return value, at
    raise _MalformedError
