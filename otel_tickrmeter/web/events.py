"""What the page shows, as a stream of server-sent events.

An event is made when the first listener is due for it, and is the same for all: without listeners nothing is
made. Nothing waits for a listener. Who reads slowly misses events, and is dropped by the connection's write
timeout; who comes when all places are taken is sent away.
"""

from collections.abc import AsyncGenerator, Callable

import anyio

from otel_tickrmeter.http.message import HttpRequest, Response

MAX_LISTENERS = 32
EVENT_SECONDS = 2.0
_RETRY_MS = 5_000
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    # nginx would keep events until it has a buffer full of them.
    ("X-Accel-Buffering", "no"),
)


class EventStream:
    """Serves the stream.

    Args:
        make: Makes what an event says, as a JSON text in one line.
        full: The answer for whom there is no place.
        interval_seconds: How often.
        max_listeners: How many there are at one time at most.

    Attributes:
        listeners: How many there are.
    """

    def __init__(
        self,
        make: Callable[[], bytes],
        full: Response,
        *,
        interval_seconds: float = EVENT_SECONDS,
        max_listeners: int = MAX_LISTENERS,
    ) -> None:
        self._make = make
        self._full = full
        self._interval_seconds = interval_seconds
        self._max_listeners = max_listeners
        self._event = b""
        self._number = 0
        self._due = 0.0
        self.listeners = 0

    async def serve(self, request: HttpRequest) -> Response:
        """Answer a request with the stream; a HEAD with its head."""
        if self.listeners >= self._max_listeners:
            return self._full
        body = b"" if request.method == "HEAD" else self._listen()
        return Response(200, "text/event-stream", body, _HEADERS, live=True)

    async def _listen(self) -> AsyncGenerator[bytes]:
        # Counted here and not before: a body that is never begun is never closed.
        if self.listeners >= self._max_listeners:
            return
        self.listeners += 1
        try:
            yield f"retry: {_RETRY_MS}\n\n".encode()
            heard = 0
            while True:
                if heard == self._number:
                    await anyio.sleep_until(self._due)
                if anyio.current_time() >= self._due:
                    self._event = b"event: glance\ndata: " + self._make().strip() + b"\n\n"
                    self._number += 1
                    self._due = anyio.current_time() + self._interval_seconds
                heard = self._number
                yield self._event
        finally:
            self.listeners -= 1
