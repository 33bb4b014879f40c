"""The stream of events over the real server: made once for all, bounded, nothing kept for who is slow."""

import socket
import ssl
from contextlib import ExitStack, suppress
from pathlib import Path

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import text_response
from otel_tickrmeter.http.protect.protection import Protection
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.web.events import EventStream
from tests.support.certificates import Authority
from tests.support.http_peer import RunningServer, read_to_end, running_server
from tests.support.waiting import DEADLINE_SECONDS, wait_until

GET = b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n"
FULL = text_response(503, "full", (("Retry-After", "10"),))


class Teller:
    """Makes events, numbered; `size` is how large they are."""

    def __init__(self, *, size: int = 0, interval: float = 0.02, places: int = 3) -> None:
        self.made = 0
        self._size = size
        self.stream = EventStream(self._make, FULL, interval_seconds=interval, max_listeners=places)
        self.routes = [Route("/events", self.stream.serve)]

    def _make(self) -> bytes:
        self.made += 1
        return b"%d" % self.made + b" " * self._size + b".\n"


def listen(server: RunningServer, stack: ExitStack, request: bytes = GET) -> socket.socket:
    client = stack.enter_context(server.connect(receive_buffer_bytes=4096))
    client.sendall(request)
    return client


def read_until(client: socket.socket, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        data = client.recv(4096)
        assert data, f"closed after {received!r}"
        received += data
    return received


def test_a_listener_is_told_at_once_and_then_every_interval() -> None:
    teller = Teller()
    with running_server(teller.routes) as server, ExitStack() as stack:
        received = read_until(listen(server, stack), b"data: 4.\n\n")
    assert b"content-type: text/event-stream" in received.lower()
    assert received.index(b"retry: 5000\n\n") < received.index(b"event: glance\ndata: 1.\n\n")
    assert received.index(b"data: 2.") < received.index(b"data: 3.")


def test_an_event_is_made_once_for_all_and_never_for_nobody() -> None:
    teller = Teller(interval=3600)
    with running_server(teller.routes) as server, ExitStack() as stack:
        assert teller.made == 0
        for _ in range(3):
            read_until(listen(server, stack), b"data: 1.\n\n")
        assert (teller.made, teller.stream.listeners) == (1, 3)


def test_there_are_so_many_listeners_and_one_that_leaves_makes_room() -> None:
    teller = Teller()
    with running_server(teller.routes) as server, ExitStack() as stack:
        first, *_ = [listen(server, stack) for _ in range(3)]
        wait_until(lambda: teller.stream.listeners == 3, "all to listen")
        refused = server.exchange(GET)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 10" in refused
        first.close()
        wait_until(lambda: teller.stream.listeners == 2, "the first to be gone")
        read_until(listen(server, stack), b"data: ")


def test_when_the_last_has_left_nothing_is_made() -> None:
    teller = Teller()
    with running_server(teller.routes) as server:
        with ExitStack() as stack:
            read_until(listen(server, stack), b"data: ")
        wait_until(lambda: teller.stream.listeners == 0, "nobody to listen")
        made = teller.made
        assert server.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 404 ")
        assert teller.made == made


def test_a_head_takes_no_place() -> None:
    teller = Teller(places=1)
    with running_server(teller.routes) as server:
        for _ in range(3):
            assert server.exchange(b"HEAD" + GET[3:]).startswith(b"HTTP/1.1 200 ")
        assert teller.stream.listeners == teller.made == 0


def test_who_does_not_read_is_dropped_and_who_reads_is_not() -> None:
    teller = Teller(size=200_000)
    with (
        running_server(teller.routes, HttpLimits(write_timeout_seconds=0.5)) as server,
        ExitStack() as stack,
    ):
        reading, _ = listen(server, stack), listen(server, stack)
        wait_until(lambda: teller.stream.listeners == 2, "both to listen")
        received = 0
        while teller.stream.listeners != 1:
            data = reading.recv(65_536)
            assert data, "the one that reads was dropped"
            received += len(data)
        read_until(reading, b"event: glance")
    assert received > 0


def test_a_listener_may_stay_longer_than_any_other_response() -> None:
    teller = Teller()
    limits = HttpLimits(write_timeout_seconds=0.1, handler_timeout_seconds=0.1)
    with running_server(teller.routes, limits) as server, ExitStack() as stack:
        read_until(listen(server, stack), b"data: 25.\n\n")


def test_stopping_does_not_wait_for_listeners() -> None:
    teller = Teller()
    with (
        running_server(teller.routes, HttpLimits(stop_timeout_seconds=10 * DEADLINE_SECONDS)) as server,
        ExitStack() as stack,
    ):
        client = listen(server, stack)
        read_until(client, b"data: ")
        server.stop()
        with suppress(ConnectionResetError):
            read_to_end(client)
    assert teller.stream.listeners == 0
    assert server.responses == [("GET", "/events", 200)]


def test_events_come_over_tls_too_and_who_does_not_read_is_dropped(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "servers")
    authority.issue("localhost")
    file = tmp_path / "web.yml"
    file.write_text("tls_server_config: {cert_file: localhost.pem, key_file: localhost.key}")
    context = ssl.create_default_context(cafile=authority.ca_file)
    teller = Teller(size=50_000)
    limits = HttpLimits(write_timeout_seconds=0.5)
    with (
        running_server(teller.routes, limits, protection=Protection(file)) as server,
        context.wrap_socket(server.connect(), server_hostname="localhost") as client,
    ):
        client.sendall(GET)
        read_until(client, b"event: glance")
        assert teller.stream.listeners == 1
        wait_until(lambda: teller.stream.listeners == 0, "it to be dropped")
