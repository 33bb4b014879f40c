"""A stream as a socket, as far as paho's own loop needs one."""

from otel_tickrmeter.mqtt.transport import Stream


class StreamSocket:
    """Reads and writes a stream that never blocks."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._received = b""

    def recv(self, size: int) -> bytes:
        """What there is, up to `size` bytes; empty at the end.

        Raises:
            BlockingIOError: there is nothing.
        """
        self._stream.flush()
        if not self._received:
            self._received = self._stream.receive()
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def send(self, data: bytes | bytearray) -> int:
        """Send some, and return how much. Raises BlockingIOError for none."""
        return self._stream.send(data)

    def pending(self) -> int:
        """Bytes that `recv` has without the socket."""
        return len(self._received)

    def setblocking(self, _: object) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._stream.fileno()

    def close(self) -> None:
        """Close without ceremony."""
        self._stream.close()
