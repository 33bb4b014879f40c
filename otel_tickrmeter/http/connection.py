"""One client: h11 keeps the protocol, this file the deadlines.

The rules, against clients that are slow, silent, greedy or malicious:

- Nothing is rendered for a request that is not complete, whether it is late or its sender has left.
- Every wait has a deadline. A client that reads too slowly loses its connection.
- What a client can make us hold is bounded: one read of 16 KiB, one header of 16 KiB more, and a body of
  64 KiB where the route takes one. Responses are sent from the handler's own buffers, and only so many large
  ones at once (`room.py`).
- Whatever a client sends, the worst is the end of its own connection.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import h11
from loguru import logger

from otel_tickrmeter.http.ambiguity import ChunkLines, ambiguous, has_two_lengths, is_chunked
from otel_tickrmeter.http.dispatch import dispatch, dispatch_guarded, endpoint_of, keeps_body
from otel_tickrmeter.http.message import Response, ResponseBody, text_response
from otel_tickrmeter.http.protect.failure import HandshakeFailure
from otel_tickrmeter.http.room import Room
from otel_tickrmeter.http.routing import UNMATCHED, Router, method_label
from otel_tickrmeter.http.slices import slices
from otel_tickrmeter.http.sockets import ClientStream

if TYPE_CHECKING:  # OpenSSL's libraries are loaded by who asks for TLS only
    from otel_tickrmeter.http.protect.encrypted import EncryptedStream
    from otel_tickrmeter.http.protect.protection import Protection

OnResponse = Callable[[str, str, int, float], None]
"""Told of each response: method and endpoint label, status, seconds from complete request to last byte."""

_READ_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a client may ask of the server. Durations in seconds, sizes in bytes.

    `idle_timeout_seconds` outlasts the usual scrape intervals, so that Prometheus keeps its connection. A
    response may take `write_timeout_seconds` and as much again as its bytes need at
    `min_bytes_per_second`. `stop_timeout_seconds` is what responses in flight have left when the server
    stops.

    `max_large_responses` are sent at once; another waits `room_timeout_seconds` for one to end, which is well
    below Prometheus' scrape timeout of 10 s. Meanwhile a reader that has let its response wait for
    `reader_patience_seconds` in all loses it. A connection may be ended to make room for the next one once it
    has been in its state for `newcomer_grace_seconds`: the request of a younger one may be there already.
    """

    max_connections: int = 256
    max_large_responses: int = 8
    room_timeout_seconds: float = 5.0
    reader_patience_seconds: float = 1.0
    newcomer_grace_seconds: float = 0.25
    max_header_bytes: int = 16_384
    max_request_body_bytes: int = 65_536
    header_timeout_seconds: float = 5.0
    idle_timeout_seconds: float = 120.0
    handler_timeout_seconds: float = 10.0
    write_timeout_seconds: float = 10.0
    min_bytes_per_second: float = 131_072.0
    linger_timeout_seconds: float = 1.0
    stop_timeout_seconds: float = 3.0


class Connection:
    """Serves one accepted socket until either side has had enough.

    `scope` ends it from outside. `answering` is true from a complete request to the last byte of its
    response; `since` is when that last changed, on the event loop's clock.
    """

    def __init__(
        self,
        stream: ClientStream,
        router: Router,
        on_response: OnResponse,
        limits: HttpLimits,
        room: Room,
        *,
        protection: "Protection | None" = None,
    ) -> None:
        # Shielded: when the server is cancelled, it decides for each connection how long it may go on.
        self.scope = anyio.CancelScope(shield=True)
        self.answering = False
        self.since = anyio.current_time()
        self._attention = anyio.CancelScope()
        self._fresh = True
        self._closing = False
        self._head_only = False
        self._request: h11.Request | None = None
        self._chunk_lines: ChunkLines | None = None
        self._live = False
        self._waited_before_seconds = 0.0
        self._accepted = stream
        self._stream: ClientStream | EncryptedStream = stream
        self._protection = protection
        self._router = router
        self._on_response = on_response
        self._limits = limits
        self._room = room
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.max_header_bytes)

    def stop(self) -> None:
        """Let a response in flight finish within its bound, and close the connection."""
        self._closing = True
        if self.answering and not self._live:
            self.scope.deadline = anyio.current_time() + self._limits.stop_timeout_seconds
        else:
            self.scope.cancel()

    def waited_seconds(self) -> float:
        """How long the client has kept the response waiting, in all."""
        return self._stream.waited_seconds() - self._waited_before_seconds

    def has_unread(self) -> bool:
        """Whether the client has sent something that was not looked at yet: a request, perhaps."""
        return self._accepted.has_unread()

    def turn_away(self) -> None:
        """End for want of room: who has not been answered yet is told so, whatever it has sent.

        A connection that was answered before just closes: its client will take another for the next request.
        """
        if self._fresh and not self.answering:
            self.scope.deadline = anyio.current_time() + self._limits.stop_timeout_seconds
            self._attention.cancel()
        else:
            self.scope.cancel()

    def give_up(self) -> None:
        """End at once; a response in flight is cut off."""
        self.scope.cancel()

    async def run(self) -> None:
        """Serve until the end; raises nothing."""
        try:
            with self.scope:
                with self._attention:
                    if self._protection is None or not self._protection.tls or await self._encrypt():
                        await self._serve_requests()
                if self._attention.cancelled_caught:
                    await self._tell_there_is_no_room()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass  # the client has left
        except Exception:  # noqa: BLE001  a fault in serving one client must not end the others
            logger.exception("A connection ended on an unexpected fault")
        finally:
            if self.answering:
                self._stream.abort()
            else:
                await self._stream.aclose()

    async def _encrypt(self) -> bool:
        """Shake hands; False when nothing can come of it."""
        assert self._protection is not None  # noqa: S101  the caller has looked
        assert isinstance(self._stream, ClientStream)  # noqa: S101  nobody has been here before
        with anyio.move_on_after(self._limits.header_timeout_seconds):
            encrypted = await self._protection.encrypt(self._stream)
            if encrypted is None:
                await self._linger()
                return False
            self._stream = encrypted
            return True
        self._protection.failed(HandshakeFailure.TIMEOUT)
        return False

    async def _serve_requests(self) -> None:
        begun = True  # a new connection has the header timeout from its start
        while True:
            try:
                received = await self._receive_request(begun=begun)
            except h11.RemoteProtocolError as fault:
                if not await self._refuse(fault.error_status_hint):
                    return
                break
            if received is None:
                return
            self._turn(answering=True)
            if not await self._answer(*received):
                return
            self._turn(answering=False)
            if self._closing:
                return
            if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
                break
            self._protocol.start_next_cycle()
            begun = bool(self._protocol.trailing_data[0])
        await self._linger()

    async def _tell_there_is_no_room(self) -> None:
        if self._protection is not None and self._protection.tls and self._stream is self._accepted:
            return  # the handshake is not over: there is no way to tell
        if await self._refuse(503, (("Retry-After", "5"),)):
            await self._linger()

    def _turn(self, *, answering: bool) -> None:
        self.answering = answering
        self._fresh = self._fresh and not answering
        self.since = anyio.current_time()

    async def _receive_request(self, *, begun: bool) -> tuple[h11.Request, bytes] | None:
        """The next request and its body; None when its time is over or no other can follow.

        A body that nobody wants is read and dropped, except when the client waits for our consent to send it.
        """
        self._head_only = False
        self._chunk_lines = None
        self._request = None
        kept: bytearray | None = None
        body_bytes = 0
        limits = self._limits
        wait = limits.header_timeout_seconds if begun else limits.idle_timeout_seconds
        with anyio.CancelScope(deadline=anyio.current_time() + wait) as scope:
            while True:
                if self._request is None and ambiguous(self._protocol.trailing_data[0]):
                    raise h11.RemoteProtocolError("ambiguous line ends", error_status_hint=400)
                event = self._protocol.next_event()
                if event is h11.NEED_DATA:
                    if self._request is not None and self._protocol.they_are_waiting_for_100_continue:
                        if kept is None:
                            return self._request, b""
                        await self._consent()
                    data = await self._stream.receive(_READ_BYTES)
                    if not begun:
                        begun = True
                        scope.deadline = anyio.current_time() + limits.header_timeout_seconds
                    self._look_at_chunks(data)
                    self._protocol.receive_data(data)
                elif isinstance(event, h11.Request):
                    self._begin(event)
                    kept = bytearray() if keeps_body(self._router, event) else None
                elif isinstance(event, h11.Data):
                    body_bytes += len(event.data)
                    self._refuse_beyond(body_bytes)
                    if kept is not None:
                        kept += event.data
                else:
                    return None if self._request is None else (self._request, bytes(kept or b""))
        return None

    def _begin(self, request: h11.Request) -> None:
        self._head_only = request.method == b"HEAD"
        if not request.http_version.startswith(b"1."):
            raise h11.RemoteProtocolError("not HTTP/1", error_status_hint=505)
        if has_two_lengths(request):
            raise h11.RemoteProtocolError("two lengths", error_status_hint=400)
        self._request = request
        # It has said that it will be too long: there is nothing to wait for.
        for name, value in request.headers:
            if name == b"content-length":
                self._refuse_beyond(int(value))
        self._chunk_lines = ChunkLines() if is_chunked(request) else None
        self._look_at_chunks(self._protocol.trailing_data[0])

    def _look_at_chunks(self, received: bytes) -> None:
        if self._chunk_lines is not None and self._chunk_lines.ambiguous(received):
            raise h11.RemoteProtocolError("ambiguous line ends", error_status_hint=400)

    def _refuse_beyond(self, body_bytes: int) -> None:
        if body_bytes > self._limits.max_request_body_bytes:
            raise h11.RemoteProtocolError("body too large", error_status_hint=413)

    async def _consent(self) -> None:
        """Have the client send the body that it has announced (RFC 9110, section 10.1.1)."""
        go_on = h11.InformationalResponse(status_code=100, reason=HTTPStatus(100).phrase, headers=[])
        await self._stream.send(self._protocol.send(go_on) or b"")

    async def _answer(self, received: h11.Request, body: bytes) -> bool:
        started = anyio.current_time()
        try:
            asked = (self._router, received, self._limits.handler_timeout_seconds, self._take_place)
            if self._protection is None:
                endpoint, response = await dispatch(*asked, body=body, private=self._private)
            else:
                endpoint, response = await dispatch_guarded(
                    *asked, self._protection, body=body, private=self._private
                )
            return await self._respond(received.method.decode("ascii"), endpoint, response, started)
        finally:
            self._room.leave(self)
            self._stream.buffer(large=False)

    def _private(self) -> bool:
        return not isinstance(self._stream, ClientStream) or self._stream.is_local()

    async def _take_place(self) -> bool:
        self._waited_before_seconds = self._stream.waited_seconds()
        if await self._room.enter(self):
            self._stream.buffer(large=True)
            return True
        self._closing = True
        return False

    async def _refuse(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> bool:
        self._turn(answering=True)
        response = text_response(status, HTTPStatus(status).phrase.lower(), headers)
        asked = self._request
        method = "" if asked is None else asked.method.decode("ascii")
        endpoint = UNMATCHED if asked is None else endpoint_of(self._router, asked)
        completed = await self._respond(method, endpoint, response, anyio.current_time())
        self._turn(answering=not completed)
        return completed

    async def _respond(self, method: str, endpoint: str, response: Response, started: float) -> bool:
        """Send and report a response; False when the client read it too slowly."""
        try:
            head = self._head(response)
        except (h11.LocalProtocolError, TypeError, ValueError):
            logger.exception("The handler of {} made a response that cannot be sent", endpoint)
            response = text_response(500, "internal error; see the log")
            head = self._head(response)
        seconds = anyio.current_time() - started
        self._live = response.live and not self._head_only
        try:
            if self._live:
                return await self._send_live(head, response.body)
            return await self._send(head, b"" if self._head_only else response.body)
        finally:
            # How long somebody listened says nothing of how quick the answer was.
            if not self._live:
                seconds = anyio.current_time() - started
            self._live = False
            try:
                self._on_response(method_label(method), endpoint, response.status, seconds)
            except Exception:  # noqa: BLE001  counting a response must not spoil it
                logger.exception("A response could not be counted")

    def _head(self, response: Response) -> h11.Response:
        headers = [("Date", formatdate(usegmt=True)), ("Content-Type", response.content_type)]
        headers += response.headers
        if isinstance(response.body, bytes):
            headers.append(("Content-Length", str(len(response.body))))
        elif isinstance(response.body, Sequence):
            headers.append(("Content-Length", str(sum(map(len, response.body)))))
        # What is left of a request that was not read cannot be told from the next one.
        if self._closing or self._protocol.their_state in (h11.SEND_BODY, h11.ERROR):
            headers.append(("Connection", "close"))
        return h11.Response(
            status_code=response.status, reason=HTTPStatus(response.status).phrase, headers=headers
        )

    async def _send(self, head: h11.Response, body: ResponseBody) -> bool:
        sent_bytes = 0
        begun = anyio.current_time()
        with anyio.CancelScope(deadline=begun + self._limits.write_timeout_seconds) as scope:
            async with aclosing(self._wire_data(head, body)) as pieces:
                async for piece in pieces:
                    await self._stream.send(piece)
                    sent_bytes += len(piece)
                    allowance = sent_bytes / self._limits.min_bytes_per_second
                    scope.deadline = begun + self._limits.write_timeout_seconds + allowance
            return True
        return False

    async def _send_live(self, head: h11.Response, body: ResponseBody) -> bool:
        """The same without an end: who does not take a piece in time is dropped."""
        async with aclosing(self._wire_data(head, body)) as pieces:
            async for piece in pieces:
                with anyio.move_on_after(self._limits.write_timeout_seconds) as scope:
                    await self._stream.send(piece)
                if scope.cancelled_caught:
                    return False
        return True

    async def _wire_data(self, head: h11.Response, body: ResponseBody) -> AsyncGenerator[bytes]:
        yield self._protocol.send(head) or b""
        async with aclosing(slices(body)) as parts:
            async for data in parts:
                pieces = self._protocol.send_with_data_passthrough(h11.Data(data=data)) or [b""]
                # With a known length there is one: the handler's own buffer is what the kernel reads. A chunk
                # has three, and to send each alone took most of the time of a plain scrape.
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
        yield self._protocol.send(h11.EndOfMessage()) or b""

    async def _linger(self) -> None:
        """Wait until the client has seen the end.

        To close on unread data makes the kernel send a reset, which may destroy the response on its way
        (RFC 9112, section 9.6).
        """
        dropped_bytes = 0
        with anyio.move_on_after(self._limits.linger_timeout_seconds):
            await self._stream.send_eof()
            while dropped_bytes < self._limits.max_request_body_bytes:
                dropped_bytes += len(await self._stream.receive(_READ_BYTES))
