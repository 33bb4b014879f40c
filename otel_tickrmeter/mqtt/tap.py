"""What paho holds for its socket: the receiver reads the stream, paho gets the packets meant for it."""

from collections.abc import Iterable

from otel_tickrmeter.mqtt.transport import Stream

PINGREQ = b"\xc0\x00"
PINGRESP = b"\xd0\x00"
MAX_UNREAD_BYTES = 4 * 65_535
"""Acknowledgements of all packet ids there are: no broker can be owed more."""
MAX_UNREAD_ANSWERS = 1_000
"""Packets handed to paho while its answers wait: a broker sends few that paho has to answer."""


class Tap:
    """Passes packets on to paho, and paho's own bytes to the broker.

    Our side calls `receive`, `hand_over`, `ping` and `acknowledge`; paho calls the rest, as on a
    non-blocking socket.
    `failure` is the last error of the stream, which paho does not tell.

    Paho pings too, for the keepalive. Answers come in the order of the questions, so both are counted.
    """

    def __init__(self, stream: Stream) -> None:
        self.failure: OSError | None = None
        self.ended = False
        self._stream = stream
        self._handed = b""
        self._at = 0
        self._unsent = b""  # of our own packets
        self._half = False  # paho's last packet is not written to its end
        self._blocked = 0  # packets that paho got since it last could send
        self._pings = 0
        self._pongs = 0
        self._last_ping = 0

    @property
    def answered(self) -> bool:
        """Whether the broker has answered the last `ping`."""
        return self._pongs >= self._last_ping

    @property
    def unread(self) -> bool:
        """Whether the broker makes us answer and does not read the answers, beyond all reason."""
        return len(self._unsent) > MAX_UNREAD_BYTES or self._blocked > MAX_UNREAD_ANSWERS

    def receive(self) -> bytes | None:
        """What has arrived; None when there is nothing now; empty when nothing will come any more."""
        try:
            chunk = self._stream.receive()
        except BlockingIOError:
            return None
        except OSError as error:
            self.failure = error
            chunk = b""
        if not chunk:
            self.ended = True
        return chunk

    def hand_over(self, packet: bytes) -> None:
        """Let paho read `packet`; the one before must have been read."""
        self._handed = packet
        self._at = 0
        if self._blocked:
            self._blocked += 1
        if packet == PINGRESP and self._pongs < self._pings:
            self._pongs += 1

    def pending(self) -> int:
        """Bytes that paho has not read yet."""
        return len(self._handed) - self._at

    def recv(self, buffer_size: int) -> bytes:
        """For paho: of the packet handed over, then nothing, or the end of the stream."""
        data = self._handed[self._at : self._at + buffer_size]
        if not data:
            if self.ended:
                return b""
            raise BlockingIOError
        self._at += len(data)
        return data

    def ping(self) -> None:
        """Ask the broker for a sign of life, as soon as the socket takes it and nothing is half written."""
        self._pings += 1
        self._last_ping = self._pings
        self._unsent += PINGREQ
        self._flush_ours()

    def acknowledge(self, packets: Iterable[bytes]) -> None:
        """Answer the broker's messages with these packets, as soon as that is possible."""
        self._unsent += b"".join(packets)
        self._flush_ours()

    def send(self, buffer: bytes | bytearray) -> int:
        """For paho: to the broker."""
        if self._flush_ours():
            self._blocked = self._blocked or 1
            raise BlockingIOError
        self._half = True
        try:
            sent = self._send(buffer)
        except BlockingIOError:
            self._blocked = self._blocked or 1
            raise
        self._blocked = 0
        self._half = sent < len(buffer)
        if buffer == PINGREQ:
            self._pings += 1
        return sent

    def flush(self) -> bool:
        """Send what was taken and not passed on; whether some is left."""
        return self._flush_ours() or self._stream.flush()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._stream.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  paho calls it like a socket's
        """For paho: it never blocks, so there is nothing to do."""

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def _flush_ours(self) -> bool:
        """Whether some of our own packets is left that has to go before anything else."""
        if self._half:
            return False
        try:
            while self._unsent:
                self._unsent = self._unsent[self._send(self._unsent) :]
        except BlockingIOError:
            return True
        except OSError:  # noted in `failure`; reading meets the end of the stream
            self._unsent = b""
        return False

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._stream.send(data)
        except BlockingIOError:
            raise
        except OSError as error:
            self.failure = error
            raise
