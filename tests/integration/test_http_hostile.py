"""The server against clients that are slow, silent, greedy or gone."""

import resource
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import anyio
import pytest

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route
from tests.support.http_peer import (
    GET,
    RunningServer,
    held,
    hello,
    read_response,
    read_to_end,
    running_server,
)
from tests.support.waiting import DEADLINE_SECONDS, wait_until

LARGE = bytes(64 * 1024 * 1024)
PATIENT = HttpLimits(header_timeout_seconds=3600, idle_timeout_seconds=3600, write_timeout_seconds=3600)


async def large(_: HttpRequest) -> Response:
    return Response(200, "text/plain", LARGE)


@contextmanager
def descriptors(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("half", [b"", b"GET /metr", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_thousand_half_sent_requests_do_not_keep_a_scrape_out(half: bytes) -> None:
    with descriptors(2048), running_server([Route("/", hello)], PATIENT) as server, ExitStack() as stack:
        clients = []
        for _ in range(1000):
            client = stack.enter_context(server.connect())
            client.sendall(half)
            clients.append(client)
        assert server.exchange(GET).endswith(b"hello\n")
        wait_until(lambda: _closed(clients) == 1000 - PATIENT.max_connections + 1, "the rest to be closed")
        assert server.exchange(GET).endswith(b"hello\n")
    assert server.responses.count(("GET", "/", 200)) == 2
    assert set(server.responses) == {("GET", "/", 200), ("other", "unmatched", 503)}


def _closed(clients: list[socket.socket]) -> int:
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLIN)
    return len(poll.poll(0))


def test_nothing_is_rendered_for_half_a_request() -> None:
    with running_server([Route("/", hello)]) as server:
        for end in range(len(GET)):
            assert server.exchange(GET[:end]) == b""
        body = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell"
        assert server.exchange(body) == b""
    assert server.responses == []
    assert server.faults == []


def test_the_oldest_waiting_connection_makes_room() -> None:
    with (
        running_server([Route("/", hello)], HttpLimits(max_connections=2)) as server,
        server.connect() as first,
        server.connect() as second,
    ):
        for client in (first, second, first):  # the second has waited longest
            client.sendall(GET)
            assert read_response(client)[1] == b"hello\n"
        assert server.exchange(GET).endswith(b"hello\n")
        assert read_to_end(second) == b""
        first.sendall(GET)
        assert read_response(first)[1] == b"hello\n"


def test_a_response_in_flight_is_the_last_to_make_room() -> None:
    entered: list[anyio.Event] = []

    async def wait(_: HttpRequest) -> Response:
        entered.append(anyio.Event())
        await entered[0].wait()
        return Response(200, "text/plain", b"waited")

    with (
        running_server([Route("/wait", wait), Route("/", hello)], HttpLimits(max_connections=2)) as server,
        server.connect() as answered,
        server.connect() as half_sent,
    ):
        answered.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: bool(entered), "the handler to be entered")
        half_sent.sendall(GET + b"GET")  # younger than the response
        assert read_response(half_sent)[1] == b"hello\n"
        assert server.exchange(GET).endswith(b"hello\n")
        assert read_to_end(half_sent) == b""
        server.call(entered[0].set)
        assert read_response(answered)[1] == b"waited"


def test_clients_that_do_not_read_make_room_too() -> None:
    limits = HttpLimits(max_connections=4, write_timeout_seconds=3600)
    with running_server([Route("/large", large), Route("/", hello)], limits) as server, ExitStack() as stack:
        for _ in range(4):
            client = stack.enter_context(server.connect(receive_buffer_bytes=4096))
            client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(1)
        assert server.exchange(GET).endswith(b"hello\n")
    assert ("GET", "/", 200) in server.responses


def test_a_late_header_ends_the_connection_however_it_trickles() -> None:
    limits = HttpLimits(header_timeout_seconds=0.2)
    with running_server([Route("/", hello)], limits) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        client.settimeout(0.01)
        for _ in range(3000):
            try:
                client.sendall(b"X: y\r\n")
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the connection was kept")
    assert server.responses == []


def test_a_second_request_has_the_header_timeout_from_its_first_byte() -> None:
    limits = HttpLimits(header_timeout_seconds=0.2, idle_timeout_seconds=3600)
    with running_server([Route("/", hello)], limits) as server:
        with held(server):
            client = server.connect()
            client.sendall(GET)
        with client:
            assert read_response(client)[1] == b"hello\n"
            client.sendall(b"GET")
            assert read_to_end(client) == b""
    with running_server([Route("/", hello)], limits) as server:
        with held(server):
            client = server.connect()
            client.sendall(GET + b"GET")
        with client:
            assert read_to_end(client).endswith(b"hello\n")


def test_an_idle_connection_ends() -> None:
    limits = HttpLimits(header_timeout_seconds=3600, idle_timeout_seconds=0.05)
    with running_server([Route("/", hello)], limits) as server, server.connect() as client:
        client.sendall(GET)
        assert read_to_end(client).endswith(b"hello\n")


@pytest.mark.parametrize(
    "limits",
    [
        HttpLimits(write_timeout_seconds=0.2, min_bytes_per_second=1e12),
        HttpLimits(write_timeout_seconds=0.2, min_bytes_per_second=1e8),
    ],
)
def test_a_client_that_does_not_read_is_let_go(limits: HttpLimits) -> None:
    with running_server([Route("/large", large), Route("/", hello)], limits) as server:
        with server.connect(receive_buffer_bytes=4096) as client:
            client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: bool(server.responses), "a response")
            with pytest.raises(ConnectionResetError):
                read_to_end(client)
        assert server.exchange(GET).endswith(b"hello\n")
    assert server.responses == [("GET", "/large", 200), ("GET", "/", 200)]
    assert server.faults == []


def test_a_client_that_sends_without_end_is_not_read_ahead() -> None:
    entered: list[anyio.Event] = []

    async def wait(_: HttpRequest) -> Response:
        entered.append(anyio.Event())
        await entered[0].wait()
        return Response(200, "text/plain", b"")

    with running_server([Route("/", wait)], PATIENT) as server, server.connect() as client:
        sent_bytes = client.send(GET)
        wait_until(lambda: bool(entered), "the handler to be entered")
        client.settimeout(1)  # long enough for a server that reads to have read on
        with suppress(TimeoutError):
            while sent_bytes < len(LARGE):
                sent_bytes += client.send(LARGE[:1_000_000])
        server.call(entered[0].set)
    # The rest is in the kernel's buffers of both ends.
    assert sent_bytes < len(LARGE)


def test_clients_that_reset_are_forgotten() -> None:
    with running_server([Route("/large", large), Route("/", hello)], HttpLimits(max_connections=4)) as server:
        for _ in range(50):
            with server.connect() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        assert server.exchange(GET).endswith(b"hello\n")
    assert server.faults == []


OUT_OF_DESCRIPTORS = """
import resource, sys
import anyio
from otel_tickrmeter.http.message import text_response
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.http.server import serve

async def hello(_):
    return text_response(200, "hello")

async def main():
    async with anyio.create_task_group() as tasks:
        print(await tasks.start(serve, "127.0.0.1", 0, [Route("/", hello)], lambda *_: None), flush=True)

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
anyio.run(main)
"""


def test_running_out_of_descriptors_is_outlived() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OUT_OF_DESCRIPTORS], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            server = RunningServer("127.0.0.1", int(process.stdout.readline()))
            with ExitStack() as stack:
                for _ in range(100):
                    stack.enter_context(server.connect()).sendall(b"GET /")
                assert server.exchange(GET).endswith(b"hello\n")
            assert server.exchange(GET).endswith(b"hello\n")
        finally:
            process.terminate()
            _, log = process.communicate(timeout=DEADLINE_SECONDS)
    assert log.count(b"Connections cannot be accepted") == 1
