"""The client's side of a WebSocket (RFC 6455), as far as MQTT needs it; no I/O.

paho has one of its own, but that one holds a whole frame, and goes through it again for each read: a
stranger's 100 MB message would take 100 MB and minutes. Here a frame's content is passed on as it comes.
"""

import base64
import hashlib
import os

MAX_HEADER_BYTES = 16_384
"""Of the answer to the upgrade; more is not a WebSocket server."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SUBPROTOCOL = "mqtt"
_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x2, 0x8, 0x9, 0xA
_CONTROL = 0x08
_FINAL = 0x80
_MASKED = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127


class WebSocketError(ConnectionError):
    """The other side does not speak WebSocket as it must."""


def upgrade_request(host: str, port: int, path: str, key: bytes) -> bytes:
    """The HTTP request that asks for a WebSocket which carries MQTT; `key` is 16 random bytes."""
    name = f"[{host}]" if ":" in host else host
    lines = (
        f"GET {path or '/'} HTTP/1.1",
        f"Host: {name}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(key).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {_SUBPROTOCOL}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def check_upgrade(answer: bytes, key: bytes) -> None:
    """Check the head of the answer to `upgrade_request`.

    Raises:
        WebSocketError: the server did not agree.
    """
    status, *lines = answer.decode("latin-1").split("\r\n")
    if status.split(" ")[1:2] != ["101"]:
        raise WebSocketError(f"the server answered {status[:80]!r} to the upgrade")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    digest = hashlib.sha1(base64.b64encode(key) + _GUID, usedforsecurity=False).digest()
    if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
        raise WebSocketError("the server answered the upgrade with a wrong key")
    # A server that names none has not refused ours; what it speaks, its first MQTT packet shows.
    chosen = headers.get("sec-websocket-protocol", _SUBPROTOCOL)
    if chosen != _SUBPROTOCOL:
        raise WebSocketError(f"the server wants to speak {chosen[:80]!r} and not {_SUBPROTOCOL}")


def encode_frame(opcode: int, data: bytes) -> bytes:
    """A whole frame, masked as a client's must be."""
    size = len(data)
    if size < _LENGTH_16:
        length = bytes([_MASKED | size])
    elif size <= 0xFFFF:  # noqa: PLR2004  the largest 16-bit number
        length = bytes([_MASKED | _LENGTH_16]) + size.to_bytes(2)
    else:
        length = bytes([_MASKED | _LENGTH_64]) + size.to_bytes(8)
    mask = os.urandom(4)
    masked = int.from_bytes(data) ^ int.from_bytes((mask * (size // 4 + 1))[:size])
    return bytes([0x80 | opcode]) + length + mask + masked.to_bytes(size)


def encode_binary(data: bytes) -> bytes:
    """A frame of MQTT bytes."""
    return encode_frame(_BINARY, data)


def _long_size(length: bytearray) -> int:
    """What two or eight bytes say, which must be the fewest that can, and no negative number."""
    size = int.from_bytes(length)
    if size < _LENGTH_16 or (len(length) > 2 and not 0xFFFF < size < 1 << 63):  # noqa: PLR2004  of the RFC
        raise WebSocketError("a WebSocket frame with a length that must not be said so")
    return size


class FrameStripper:
    """Takes a server's stream in pieces of any size and gives what its frames carry.

    `replies` are bytes to send back (pongs, the closing handshake); `closed` is set by a close frame.
    """

    def __init__(self) -> None:
        self.replies = bytearray()
        self.closed = False
        self._rest = bytearray()  # of a frame's head, or of a control frame
        self._left = 0  # of a data frame's content
        self._unfinished = False  # the message has more frames

    def feed(self, data: bytes) -> bytes:
        """The content of the data frames in `data`.

        Raises:
            WebSocketError: the server broke the protocol.
        """
        if self.closed:
            return b""
        if not self._rest and len(data) <= self._left:
            self._left -= len(data)
            return data
        content: list[bytes] = []
        rest = self._rest
        rest += data
        at = 0
        while at < len(rest) and not self.closed:
            if self._left:
                piece = bytes(rest[at : at + self._left])
                content.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            taken = self._frame(rest, at)
            if taken == 0:
                break
            at += taken
        del rest[:at]
        return b"".join(content)

    def _frame(self, rest: bytearray, at: int) -> int:
        """Read one frame's head, and the whole of a control frame; the bytes taken, 0 for too few."""
        if len(rest) - at < 2:  # noqa: PLR2004  the shortest head
            return 0
        opcode = rest[at] & 0x0F
        size = rest[at + 1]
        if rest[at] & 0x70 or size & _MASKED:
            raise WebSocketError("a WebSocket frame with reserved bits, or masked")
        head = 2
        if size >= _LENGTH_16:
            head = 4 if size == _LENGTH_16 else 10
            if len(rest) - at < head:
                return 0
            size = _long_size(rest[at + 2 : at + head])
        final = bool(rest[at] & _FINAL)
        if opcode in {_BINARY, _CONTINUATION}:
            if (opcode == _CONTINUATION) is not self._unfinished:
                raise WebSocketError("a WebSocket message that begins in another, or goes on without one")
            self._unfinished = not final
            self._left = size
            return head
        if not opcode & _CONTROL or not final or size >= _LENGTH_16:
            raise WebSocketError(f"a WebSocket frame of kind {opcode} and {size} bytes")
        if len(rest) - at < head + size:
            return 0
        self._control(opcode, bytes(rest[at + head : at + head + size]))
        return head + size

    def _control(self, opcode: int, content: bytes) -> None:
        if opcode == _CLOSE:
            self.closed = True
            self.replies += encode_frame(_CLOSE, content)
        elif opcode == _PING:
            self.replies += encode_frame(_PONG, content)
        elif opcode != _PONG:
            raise WebSocketError(f"a WebSocket frame of kind {opcode}")
