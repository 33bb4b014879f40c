"""The real server on a loopback port, in a thread of its own, and a client of bare sockets."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskStatus
from anyio.from_thread import start_blocking_portal
from loguru import logger

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import HttpRequest, Response, text_response
from otel_tickrmeter.http.protect.protection import Protection
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.http.server import serve
from tests.support.waiting import DEADLINE_SECONDS

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class RunningServer:
    """A server under test.

    `responses` has what it reported: method, endpoint, status. `faults` has what it logged as errors.
    """

    host: str
    port: int = 0
    responses: list[tuple[str, str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None
    call: Callable[[Callable[[], None]], None] = lambda _: None

    def connect(self, *, receive_buffer_bytes: int | None = None) -> socket.socket:
        client = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        if receive_buffer_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.settimeout(DEADLINE_SECONDS)
        try:
            client.connect((self.host, self.port))
        except OSError:
            client.close()
            raise
        return client

    def exchange(self, sent: bytes) -> bytes:
        """Sends, half-closes, and returns everything until the server closes."""
        with self.connect() as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            return read_to_end(client)


@contextmanager
def running_server(
    routes: Iterable[Route],
    limits: HttpLimits | None = None,
    host: str = "127.0.0.1",
    protection: Protection | None = None,
) -> Iterator[RunningServer]:
    """Serves until the block ends, then stops gracefully; a failing server fails the test."""
    server = RunningServer(host)

    with start_blocking_portal() as portal:

        async def run(*, task_status: TaskStatus[int]) -> None:
            with anyio.CancelScope() as scope:
                server.stop = lambda: portal.call(scope.cancel)
                await serve(
                    host,
                    0,
                    routes,
                    lambda method, endpoint, status, _: server.responses.append((method, endpoint, status)),
                    limits=limits or HttpLimits(),
                    protection=protection,
                    task_status=task_status,
                )

        server.call = portal.call
        ended, server.port = portal.start_task(run)
        sink = logger.add(lambda message: server.faults.append(message.record["message"]), level="ERROR")
        try:
            yield server
        finally:
            server.stop()
            ended.result(timeout=DEADLINE_SECONDS)
            logger.remove(sink)


@contextmanager
def held(server: RunningServer) -> Iterator[None]:
    """The server does nothing inside, so no time limit has begun when it sees what was sent."""
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        over.wait(DEADLINE_SECONDS)

    holding = threading.Thread(target=server.call, args=(hold,))
    holding.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        holding.join()


async def hello(_: HttpRequest) -> Response:
    """A handler that answers at once."""
    return text_response(200, "hello")


def read_to_end(client: socket.socket) -> bytes:
    """Everything the peer sends until it closes."""
    received = bytearray()
    while data := client.recv(65_536):
        received += data
    return bytes(received)


def read_response(client: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one response that states its length."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = client.recv(1)
        assert data, f"closed after {received!r}"
        received += data
    head = received.removesuffix(b"\r\n\r\n")
    length = int(header(head, b"content-length"))
    body = bytearray()
    while len(body) < length:
        data = client.recv(length - len(body))
        assert data, "closed within the body"
        body += data
    return head, bytes(body)


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header that must be there."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    raise AssertionError(f"no {name!r} in {head!r}")
