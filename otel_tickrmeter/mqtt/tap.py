"""What paho holds for its socket: the receiver reads the stream, paho gets the packets meant for it."""

from otel_tickrmeter.mqtt.transport import Stream


class Tap:
    """Passes packets on to paho, and paho's own bytes to the broker.

    Our side calls `receive`, `end` and `hand_over`; paho calls the rest, as on a non-blocking socket.
    `failure` is the last error of the stream, which paho does not tell.
    """

    def __init__(self, stream: Stream) -> None:
        self.failure: OSError | None = None
        self.ended = False
        self._stream = stream
        self._handed = b""
        self._at = 0

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
        """Lets paho read `packet`; the one before must have been read."""
        self._handed = packet
        self._at = 0

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

    def send(self, buffer: bytes | bytearray) -> int:
        """For paho: to the broker."""
        try:
            return self._stream.send(buffer)
        except BlockingIOError:
            raise
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> bool:
        """Sends what was taken and not passed on; whether some is left."""
        return self._stream.flush()

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._stream.fileno()

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  paho calls it like a socket's
        """For paho: it never blocks, so there is nothing to do."""

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()
