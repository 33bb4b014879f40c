"""More large responses than there is room for: memory stays bounded, and those who read are served."""

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import anyio
import psutil
import pytest

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route
from tests.support.http_peer import (
    GET,
    RunningServer,
    header,
    held,
    hello,
    read_response,
    read_to_end,
    running_server,
)
from tests.support.waiting import DEADLINE_SECONDS, wait_until

GET_LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = bytes(8 * 1024 * 1024)
CROWD = 250
GROWN_BYTES = 64_000_000
"""What a crowd may add: eight windows and pieces, the buffers of 250 sockets, eight bodies of 5.4 MB."""


class Gate:
    """A large route whose handler waits until it is opened."""

    def __init__(self) -> None:
        self.entered = 0
        self._open = anyio.Event()

    async def handle(self, _: HttpRequest) -> Response:
        self.entered += 1
        await self._open.wait()
        return Response(200, "text/plain", b"large\n")

    def open(self) -> None:
        self._open.set()


async def large(_: HttpRequest) -> Response:
    return Response(200, "text/plain", LARGE)


@contextmanager
def full_body_server() -> Iterator[tuple[RunningServer, psutil.Process]]:
    command = [sys.executable, "-m", "tests.integration.full_body_server"]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1024), hard))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield RunningServer("127.0.0.1", int(process.stdout.readline())), psutil.Process(process.pid)
        finally:
            process.kill()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def scrape(coding: bytes) -> bytes:
    return b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + coding + b"\r\n\r\n"


def test_a_crowd_that_does_not_read_costs_little_and_keeps_nobody_out() -> None:
    with full_body_server() as (server, process), ExitStack() as stack:
        for coding in (b"gzip", b"identity"):
            assert server.exchange(scrape(coding)).startswith(b"HTTP/1.1 200 ")
        before_bytes = process.memory_info().rss
        crowd = []
        for number in range(CROWD):
            client = stack.enter_context(server.connect(receive_buffer_bytes=4096))
            client.sendall(scrape(b"gzip" if number % 2 else b"identity"))
            crowd.append(client)
        served = 0
        most_bytes = 0

        def dealt_with() -> bool:
            nonlocal served, most_bytes
            with suppress(ConnectionError):  # on a busy machine we too may read too slowly
                served += server.exchange(scrape(b"gzip")).startswith(b"HTTP/1.1 200 ")
            most_bytes = max(most_bytes, process.memory_info().rss)
            return sum(map(refused, crowd)) > CROWD / 2

        wait_until(dealt_with, "most of the crowd to be refused")
        wait_until(lambda: dealt_with() and served > 2, "the good scraper to be served")
    assert most_bytes - before_bytes < GROWN_BYTES


def refused(client: socket.socket) -> bool:
    """Whether it has been told so, or was cut off."""
    try:
        return client.recv(13, socket.MSG_PEEK | socket.MSG_DONTWAIT).startswith(b"HTTP/1.1 503 ")
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_who_finds_no_room_in_time_is_told_so() -> None:
    gate = Gate()
    limits = HttpLimits(max_large_responses=1, room_timeout_seconds=0.05)
    routes = [Route("/large", gate.handle, large=True), Route("/", hello)]
    with running_server(routes, limits) as server, server.connect() as first, server.connect() as second:
        first.sendall(GET_LARGE)
        wait_until(lambda: gate.entered == 1, "the handler to be entered")
        second.sendall(GET_LARGE)
        head, body = read_response(second)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert int(header(head, b"retry-after")) > 0
        assert body == b"too many scrapes at once\n"
        assert read_to_end(second) == b""
        # Neither the small nor the headers alone need room.
        assert server.exchange(GET).endswith(b"hello\n")
        server.call(gate.open)
        assert read_response(first)[1] == b"large\n"
        first.sendall(GET_LARGE)
        assert read_response(first)[1] == b"large\n"
    assert gate.entered == 2


def test_a_burst_beyond_all_bounds_is_answered_to_the_last() -> None:
    gate = Gate()
    limits = HttpLimits(
        max_connections=8, max_large_responses=2, room_timeout_seconds=3600, newcomer_grace_seconds=3600
    )
    with running_server([Route("/large", gate.handle, large=True)], limits) as server, ExitStack() as stack:
        clients = []
        for _ in range(20):
            client = stack.enter_context(server.connect())
            client.sendall(GET_LARGE)
            clients.append(client)
        wait_until(lambda: len(server.responses) == 12, "12 to be refused")
        server.call(gate.open)
        answers = [read_response(client)[0].split()[1] for client in clients]
    assert answers.count(b"503") == 12
    assert answers.count(b"200") == 8


@pytest.mark.parametrize("half", [b"", b"GET / HTTP/1.1\r\nHo"])
def test_who_sends_late_is_told_that_there_is_no_room(half: bytes) -> None:
    """Attack B11: of a burst, those whose request had not come in time saw a reset."""
    limits = HttpLimits(max_connections=1, newcomer_grace_seconds=0, linger_timeout_seconds=DEADLINE_SECONDS)
    with running_server([Route("/", hello)], limits) as server, server.connect() as late:
        late.sendall(half)
        with server.connect() as early:
            early.sendall(GET)
            assert read_response(early)[1] == b"hello\n"
            late.sendall(GET[len(half) :])
            head, _ = read_response(late)
            assert head.startswith(b"HTTP/1.1 503 ")
            assert int(header(head, b"retry-after")) > 0
        late.shutdown(socket.SHUT_WR)
        assert read_to_end(late) == b""


def test_whose_request_has_come_is_not_closed_before_it_is_read() -> None:
    limits = HttpLimits(max_connections=1, newcomer_grace_seconds=0)
    with running_server([Route("/", hello)], limits) as server, server.connect() as first:
        first.sendall(GET)
        assert read_response(first)[1] == b"hello\n"
        with held(server):  # the server learns of both at once
            newcomer = server.connect()
            first.sendall(GET)
        with newcomer:
            assert read_response(first)[1] == b"hello\n"
            newcomer.sendall(GET)
            assert read_response(newcomer)[1] == b"hello\n"


def test_a_reader_that_keeps_us_waiting_gives_way_to_another() -> None:
    limits = HttpLimits(max_large_responses=1, reader_patience_seconds=0.05, write_timeout_seconds=3600)
    with (
        running_server([Route("/large", large, large=True)], limits) as server,
        server.connect(receive_buffer_bytes=4096) as stalled,
        server.connect() as reading,
    ):
        stalled.sendall(GET_LARGE)
        assert stalled.recv(1) == b"H"
        reading.sendall(GET_LARGE)
        assert read_response(reading)[1] == LARGE
        with pytest.raises(ConnectionResetError):
            read_to_end(stalled)


def test_a_stop_answers_those_who_wait_for_room() -> None:
    gate = Gate()
    limits = HttpLimits(
        max_large_responses=1, room_timeout_seconds=3600, stop_timeout_seconds=DEADLINE_SECONDS
    )
    with (
        running_server([Route("/large", gate.handle, large=True), Route("/", hello)], limits) as server,
        server.connect() as first,
        server.connect() as second,
    ):
        first.sendall(GET_LARGE)
        wait_until(lambda: gate.entered == 1, "the handler to be entered")
        second.sendall(GET_LARGE)
        assert server.exchange(GET).endswith(b"hello\n")  # so the one before it was read
        server.stop()
        assert read_response(second)[0].startswith(b"HTTP/1.1 503 ")
        server.call(gate.open)
        assert read_response(first)[1] == b"large\n"
