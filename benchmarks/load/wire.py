"""The few MQTT 3.1.1 packets that a raw client needs."""

import socket
import struct

DISCONNECT = b"\xe0\x00"
_PINGREQ = b"\xc0\x00"
_PINGRESP = b"\xd0\x00"
_CONNACK_ACCEPTED = b"\x20\x02\x00\x00"
_SUBACK_HEAD = b"\x90\x03"
_SUBACK_BYTES = 5
_PUBACK_BYTES = 4
_MAX_SEVEN_BITS = 127


class BrokerError(Exception):
    """The broker did not answer as it should."""


def connect(port: int, client_id: str) -> socket.socket:
    """Connect to a broker of the loopback address, with a clean session and no keepalive.

    Raises:
        BrokerError: It does not accept.
        OSError: It cannot be reached.
    """
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = client_id.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(name)) + name
    link.sendall(b"\x10" + _length(len(body)) + body)
    _expect(link, _CONNACK_ACCEPTED)
    return link


def subscribe(link: socket.socket, topic_filter: bytes) -> None:
    """Subscribe, and wait until the broker confirms it.

    Raises:
        BrokerError: It does not confirm, or something else comes first.
    """
    body = b"\x00\x01" + struct.pack("!H", len(topic_filter)) + topic_filter + b"\x00"
    link.sendall(b"\x82" + _length(len(body)) + body)
    if not _read(link, _SUBACK_BYTES).startswith(_SUBACK_HEAD):
        raise BrokerError("the subscription was not confirmed")


def publish_packet(topic: bytes, payload: bytes, packet_id: int | None = None) -> bytes:
    """Encode a PUBLISH: at QoS 1 with a packet id, else at QoS 0."""
    body = struct.pack("!H", len(topic)) + topic
    if packet_id is not None:
        body += struct.pack("!H", packet_id)
    body += payload
    return (b"\x30" if packet_id is None else b"\x32") + _length(len(body)) + body


def await_acknowledged(link: socket.socket, count: int) -> None:
    """Wait until as many PUBACKs have come.

    Raises:
        BrokerError: The broker closed the connection.
    """
    left = count * _PUBACK_BYTES
    while left:
        more = link.recv(min(left, 65_536))
        if not more:
            raise BrokerError("the broker closed the connection")
        left -= len(more)


def fence(link: socket.socket) -> None:
    """Wait until the broker has read all that was sent: it answers in order.

    Raises:
        BrokerError: It does not answer.
    """
    link.sendall(_PINGREQ)
    _expect(link, _PINGRESP)


def _expect(link: socket.socket, packet: bytes) -> None:
    if _read(link, len(packet)) != packet:
        raise BrokerError(f"the broker did not answer {packet.hex()}")


def _read(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise BrokerError("the broker closed the connection")
        data += more
    return data


def _length(value: int) -> bytes:
    """Encode a variable byte integer (MQTT 3.1.1, 2.2.3)."""
    encoded = bytearray()
    while value > _MAX_SEVEN_BITS:
        encoded.append(value & _MAX_SEVEN_BITS | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
