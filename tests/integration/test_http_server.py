"""The server on real sockets: what well-behaved clients get."""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from anyio.lowlevel import checkpoint

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import HttpRequest, Response, ResponseBody
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.http.server import serve
from otel_tickrmeter.http.sockets import ListenError
from tests.support.http_peer import GET, header, hello, read_response, read_to_end, running_server
from tests.support.waiting import DEADLINE_SECONDS, wait_until

PAGE = bytes(range(256)) * 8192
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


async def page(_: HttpRequest) -> Response:
    return Response(200, "text/plain", PAGE, (("Vary", "Accept"),))


async def echo(request: HttpRequest) -> Response:
    return Response(200, "text/plain", repr((request.path, request.query, request.headers)).encode())


async def parts(_: HttpRequest) -> Response:
    return Response(200, "text/plain", [b"one ", b"", b"two"])


async def stream(_: HttpRequest) -> Response:
    return Response(200, "text/plain", (part for part in (b"one ", b"", b"two")))


async def async_stream(_: HttpRequest) -> Response:
    async def generate() -> AsyncIterator[bytes]:
        for part in (b"one ", b"two"):
            await checkpoint()
            yield part

    return Response(200, "text/plain", generate())


def get(path: bytes, method: bytes = b"GET", version: bytes = b"1.1", rest: bytes = b"\r\n") -> bytes:
    return method + b" " + path + b" HTTP/" + version + b"\r\nHost: x\r\n" + rest


@pytest.mark.parametrize(
    ("host", "peers"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("::1", ("::1",)),
        ("::", ("::1", "127.0.0.1")),
        ("", ("::1", "127.0.0.1")),
        ("localhost", tuple({str(found[4][0]) for found in socket.getaddrinfo("localhost", 0)})),
    ],
)
def test_it_listens_on_names_and_on_both_families(host: str, peers: tuple[str, ...]) -> None:
    with running_server([Route("/", hello)], host=host) as server:
        for peer in peers:
            server.host = peer
            assert server.exchange(GET).endswith(b"hello\n")


def test_a_name_with_two_addresses_has_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(*_: object, **__: object) -> list[object]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),  # not ours: left out
        ]

    monkeypatch.setattr(anyio, "getaddrinfo", both)  # the machine's own names may have one address each
    test_it_listens_on_names_and_on_both_families("name", ("::1", "127.0.0.1"))


def test_an_address_in_use_is_said_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ListenError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"
        ):
            anyio.run(serve, "127.0.0.1", port, (), print)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "a..b"])
def test_an_address_that_is_not_ours_is_said_clearly(host: str) -> None:
    with pytest.raises(ListenError, match=re.escape(f"cannot listen on {host}:0: ")):
        anyio.run(serve, host, 0, (), print)


def test_requests_follow_each_other_on_one_connection() -> None:
    with running_server([Route("/", hello)]) as server, server.connect() as client:
        for _ in range(3):
            client.sendall(GET)
            assert read_response(client)[1] == b"hello\n"
    assert server.responses == [("GET", "/", 200)] * 3


def test_pipelined_requests_are_answered_in_order() -> None:
    with running_server([Route("/{name}", echo)]) as server:
        reply = server.exchange(b"".join(get(b"/%d" % n) for n in range(200)))
    assert re.findall(rb"\('/(\d+)'", reply) == [b"%d" % n for n in range(200)]


def test_a_handler_sees_the_request() -> None:
    with running_server([Route("/a b", echo)]) as server:
        reply = server.exchange(get(b"/a%20b?q=%20", rest=b"Accept: x\r\nACCEPT: y\r\n\r\n"))
    assert reply.endswith(b"('/a b', 'q=%20', {'host': 'x', 'accept': 'x, y'})")


@pytest.mark.parametrize("path", [b"/page", b"/parts", b"/stream", b"/async"])
def test_head_has_the_headers_of_get(path: bytes) -> None:
    routes = [
        Route("/page", page),
        Route("/parts", parts),
        Route("/stream", stream),
        Route("/async", async_stream),
    ]
    with running_server(routes) as server:
        head, _, body = server.exchange(get(path)).partition(b"\r\n\r\n")
        assert body
        headless = server.exchange(get(path, b"HEAD"))
    without_date = re.compile(rb"Date: [^\r]*\r\n")
    assert without_date.sub(b"", headless) == without_date.sub(b"", head) + b"\r\n\r\n"
    assert [method for method, _, _ in server.responses] == ["GET", "HEAD"]


def test_a_sequence_is_sent_with_its_length() -> None:
    with running_server([Route("/", parts)]) as server, server.connect() as client:
        client.sendall(GET)
        assert read_response(client)[1] == b"one two"


@pytest.mark.parametrize("handler", [stream, async_stream])
def test_a_stream_is_chunked_or_ends_with_the_connection(handler: object) -> None:
    with running_server([Route("/", handler)]) as server:  # type: ignore[arg-type]  # parametrized
        reply = server.exchange(GET)
        assert b"transfer-encoding: chunked" in reply.lower()
        assert reply.endswith(b"\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n")
        assert server.exchange(get(b"/", version=b"1.0")).endswith(b"\r\n\r\none two")


@pytest.mark.parametrize(
    ("sent", "status", "labels"),
    [
        (get(b"/nothing"), 404, ("GET", "unmatched")),
        (get(b"/", b"POST", rest=b"Content-Length: 3\r\n\r\nabc"), 405, ("POST", "/")),
        (get(b"/", b"BREW"), 405, ("other", "/")),
        (get(b"/", b"CONNECT"), 405, ("other", "/")),
        (get(b"/", rest=b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"), 200, ("GET", "/")),
        (get(b"/", rest=b"Expect: tea\r\n\r\n"), 417, ("GET", "/")),
        (get(b"/", rest=b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"), 200, ("GET", "/")),
        (get(b"/", rest=b"Expect: 100-continue\r\n\r\n"), 200, ("GET", "/")),
        (get(b"/", version=b"2.0"), 505, ("other", "unmatched")),
        (b"GET / HTTP/1.1\r\n\r\n", 400, ("other", "unmatched")),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, ("other", "unmatched")),
        (get(b"/", rest=b"X: " + b"x" * 40_000), 431, ("other", "unmatched")),
        (get(b"/", rest=b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000), 413, ("GET", "/")),
        (get(b"/", rest=b"Content-Length: 65537\r\n\r\n"), 413, ("GET", "/")),
        (get(b"/x", b"PUT", rest=b"Content-Length: 99999999999999999999\r\n\r\n"), 413, ("PUT", "unmatched")),
        (get(b"/", rest=b"Transfer-Encoding: gzip\r\n\r\n"), 501, ("other", "unmatched")),
    ],
)
def test_statuses_and_their_labels(sent: bytes, status: int, labels: tuple[str, str]) -> None:
    with running_server([Route("/", hello)]) as server:
        reply = server.exchange(sent)
        assert reply.startswith(b"HTTP/1.1 %d " % status)
        assert server.exchange(GET).endswith(b"hello\n")
    assert server.responses == [(*labels, status), ("GET", "/", 200)]
    assert server.faults == []


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000, 413),
        (b"Transfer-Encoding: chunked\r\n\r\nbroken\r\n", 400),
    ],
)
def test_a_head_with_a_faulty_body_is_refused_without_one(rest: bytes, status: int) -> None:
    with running_server([Route("/", hello)]) as server:
        reply = server.exchange(get(b"/", b"HEAD", rest=rest))
        assert reply.startswith(b"HTTP/1.1 %d " % status)
        assert reply.endswith(b"\r\n\r\n")
        # What comes after a HEAD on a connection, and is not understood, has an answer with a body again.
        reply = server.exchange(get(b"/", b"HEAD") + b"broken\r\n\r\n")
        assert reply.endswith(b"\r\n\r\nbad request\n")
    assert server.faults == []


@pytest.mark.parametrize(
    "sent",
    [
        get(b"/", rest=b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        get(b"/", rest=b"X: a\r\n folded\r\n\r\n"),
        get(b"/", rest=b"X: a\r\n\tfolded: b\r\n\r\n"),
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\n",
        get(b"/", rest=CHUNKED + b"3\nabc\r\n0\r\n\r\n"),
        get(b"/", rest=CHUNKED + b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
        get(b"/", rest=CHUNKED + b"0\r\n\n"),
        get(b"/", rest=CHUNKED + b"0\r\nX: a\nY: b\r\n\r\n"),
        get(b"/", rest=CHUNKED + b"0\r\nX: a\r\n folded\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 2, 1000])
def test_a_request_with_two_readings_is_refused_and_what_follows_too(sent: bytes, pieces: int) -> None:
    size = -(-len(sent) // pieces)
    limits = HttpLimits(linger_timeout_seconds=DEADLINE_SECONDS)
    with running_server([Route("/", hello)], limits) as server, server.connect() as client:
        for start in range(0, len(sent), size):
            client.sendall(sent[start : start + size])
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        reply = read_to_end(client)
    assert reply.count(b"HTTP/1.1 ") == 1
    assert reply.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_chunks_that_all_read_alike_are_taken_and_the_next_request_too(size: int) -> None:
    chunks = b"3;a=b\r\na\nb\r\nC\r\n\n \r\n\r\n0 1234\r\n0\r\nX: a\r\nY: b\r\n\r\n"
    sent = get(b"/", rest=CHUNKED + chunks) + GET
    with running_server([Route("/", hello)]) as server, server.connect() as client:
        for start in range(0, len(sent), size):
            client.sendall(sent[start : start + size])
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client).count(b"hello\n") == 2


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with running_server([Route("/", hello)]) as server, server.connect() as client:
        client.sendall(get(b"/", b"DELETE"))
        assert header(read_response(client)[0], b"allow") == b"GET, HEAD"
        client.sendall(GET)
        assert read_response(client)[1] == b"hello\n"


def test_a_request_body_is_dropped_and_the_connection_goes_on() -> None:
    body = b"Content-Length: 60000\r\n\r\n" + b"x" * 60_000
    with running_server([Route("/", hello)]) as server:
        assert server.exchange(get(b"/", rest=body) + GET).count(b"hello\n") == 2


def test_a_body_that_waits_for_consent_is_not_asked_for() -> None:
    with running_server([Route("/", hello)]) as server, server.connect() as client:
        client.sendall(get(b"/", rest=b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"))
        head, body = read_response(client)
        assert (header(head, b"connection"), body) == (b"close", b"hello\n")
        assert read_to_end(client) == b""


def test_faulty_handlers_are_answered_for() -> None:
    async def fail(_: HttpRequest) -> Response:
        raise RuntimeError("planted")

    async def bad_header(_: HttpRequest) -> Response:
        return Response(200, "text/plain\r\nX: y", b"")

    async def hang(_: HttpRequest) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    routes = [Route("/fail", fail), Route("/header", bad_header), Route("/hang", hang), Route("/", hello)]
    with (
        running_server(routes, HttpLimits(handler_timeout_seconds=0.05)) as server,
        server.connect() as client,
    ):
        for path, status in ((b"/fail", 500), (b"/header", 500), (b"/hang", 503), (b"/", 200)):
            client.sendall(get(path))
            assert read_response(client)[0].startswith(b"HTTP/1.1 %d " % status)
    assert server.responses == [
        ("GET", "/fail", 500),
        ("GET", "/header", 500),
        ("GET", "/hang", 503),
        ("GET", "/", 200),
    ]
    assert len(server.faults) == 2


def test_a_stream_that_fails_is_cut_off_not_ended() -> None:
    async def fail_midway(_: HttpRequest) -> Response:
        def generate() -> Iterator[bytes]:
            yield b"one"
            raise RuntimeError("planted")

        return Response(200, "text/plain", generate())

    with running_server([Route("/fail", fail_midway), Route("/", hello)]) as server:
        with server.connect() as client:
            client.sendall(get(b"/fail"))
            received = b""
            with pytest.raises(ConnectionResetError):
                received = read_to_end(client)
            assert not received.endswith(b"0\r\n\r\n")
        assert server.exchange(GET).endswith(b"hello\n")
    assert len(server.faults) == 1


def test_a_stream_is_closed_when_its_client_leaves() -> None:
    closed = []
    bodies: list[ResponseBody] = []

    async def endless(_: HttpRequest) -> Response:
        async def generate() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65_536
            finally:
                closed.append(True)

        bodies.append(generate())  # kept, so that it is not the garbage collector that closes it
        return Response(200, "text/plain", bodies[0])

    with running_server([Route("/", endless)]) as server:
        with server.connect() as client:
            client.sendall(GET)
            client.recv(1000)
        wait_until(lambda: closed == [True], "the response to be closed")
    assert server.faults == []


def test_forty_large_responses_at_once() -> None:
    with (
        running_server([Route("/", page)]) as server,
        ThreadPoolExecutor(40) as pool,
    ):
        for reply in pool.map(server.exchange, [GET] * 40):
            assert reply.partition(b"\r\n\r\n")[2] == PAGE
    assert server.responses == [("GET", "/", 200)] * 40


def test_stopping_lets_a_response_finish_and_closes_the_rest() -> None:
    entered: list[anyio.Event] = []

    async def slow(_: HttpRequest) -> Response:
        entered.append(anyio.Event())
        await entered[0].wait()
        return Response(200, "text/plain", PAGE)

    # As long as it takes here; that it ends is another test's.
    limits = HttpLimits(stop_timeout_seconds=3600, handler_timeout_seconds=3600, header_timeout_seconds=3600)
    with running_server([Route("/slow", slow), Route("/", hello)], limits) as server:
        with server.connect() as client, server.connect() as idle, server.connect() as half_sent:
            idle.sendall(GET)
            read_response(idle)
            half_sent.sendall(b"GET / HT")
            client.sendall(get(b"/slow") + GET)
            wait_until(lambda: bool(entered), "the handler to be entered")
            server.stop()
            assert read_to_end(idle) == b""
            assert read_to_end(half_sent) == b""
            server.call(entered[0].set)
            head, body = read_response(client)
            assert body == PAGE
            assert header(head, b"connection") == b"close"
            assert read_to_end(client) == b""
        with pytest.raises(ConnectionRefusedError):
            server.connect()
    assert server.responses == [("GET", "/", 200), ("GET", "/slow", 200)]


def test_stopping_does_not_wait_for_ever() -> None:
    async def hang(_: HttpRequest) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    limits = HttpLimits(stop_timeout_seconds=0.1, handler_timeout_seconds=3600, write_timeout_seconds=3600)
    with (
        running_server([Route("/hang", hang), Route("/page", page)], limits) as server,
        server.connect() as hanging,
        server.connect(receive_buffer_bytes=4096) as unread,
    ):
        hanging.sendall(get(b"/hang"))
        unread.sendall(get(b"/page") * 10)
        unread.recv(1)
        server.stop()
        with pytest.raises(ConnectionResetError):
            read_to_end(hanging)
