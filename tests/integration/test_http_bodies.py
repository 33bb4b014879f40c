"""Bodies of requests: whole or not at all, bounded, and asked for only where somebody wants them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route
from tests.support.http_peer import (
    GET,
    RunningServer,
    header,
    hello,
    read_response,
    read_to_end,
    running_server,
)

MOST = 65_536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def echo(request: HttpRequest) -> Response:
    return Response(200, "application/octet-stream", request.body)


ROUTES = (Route("/", hello), Route("/echo", echo, methods=("GET", "POST", "PUT"), takes_body=True))


@contextmanager
def serving(limits: HttpLimits | None = None) -> Iterator[RunningServer]:
    with running_server(ROUTES, limits) as server:
        yield server
        assert server.faults == []


def request(rest: bytes, body: bytes = b"", method: bytes = b"POST", path: bytes = b"/echo") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + rest + b"\r\n" + body


def stated(body: bytes, method: bytes = b"POST", path: bytes = b"/echo") -> bytes:
    return request(b"Content-Length: %d\r\n" % len(body), body, method, path)


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    text = b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return request(b"Transfer-Encoding: chunked\r\n", text + b"0\r\n" + trailer + b"\r\n")


def test_who_wants_a_body_gets_it_and_nobody_else() -> None:
    with serving() as server, server.connect() as client:
        for sent, body in (
            (stated(b"one"), b"one"),
            (stated(b"two", b"PUT"), b"two"),
            (chunked(b"th", b"ree"), b"three"),
            (chunked(b"four", trailer=b"X: y\r\n"), b"four"),
            (stated(b""), b""),
            (request(b""), b""),
            (stated(b"x" * MOST), b"x" * MOST),
            (chunked(b"x" * (MOST - 1), b"y"), b"x" * (MOST - 1) + b"y"),
            # Of a GET it means nothing.
            (stated(b"five", b"GET"), b""),
        ):
            client.sendall(sent)
            assert read_response(client)[1] == body
        client.sendall(stated(b"six", b"PATCH"))
        assert read_response(client)[0].startswith(b"HTTP/1.1 405 ")


def test_what_follows_a_body_is_the_next_request() -> None:
    inner = stated(b"inner", path=b"/echo")
    with serving() as server:
        reply = server.exchange(stated(inner) + chunked(inner) + GET)
    assert [(endpoint, status) for _, endpoint, status in server.responses] == [
        ("/echo", 200),
        ("/echo", 200),
        ("/", 200),
    ]
    assert reply.count(inner) == 2


@pytest.mark.parametrize(
    "sent",
    [
        stated(b"x" * (MOST + 1)),
        request(b"Content-Length: %d\r\n" % (MOST + 1)),
        request(b"Content-Length: %d\r\nExpect: 100-continue\r\n" % (MOST + 1)),
        chunked(b"x" * MOST, b"y"),
        chunked(*[b"x" * 1000] * 66),
        request(b"Transfer-Encoding: chunked\r\n", b"fffffff\r\n" + b"x" * 70_000),
    ],
)
def test_one_that_is_too_large_is_refused_and_the_connection_closed(sent: bytes) -> None:
    with serving() as server:
        reply = server.exchange(sent + GET)
    assert reply.startswith(b"HTTP/1.1 413 ")
    assert header(reply.partition(b"\r\n\r\n")[0], b"connection") == b"close"
    assert reply.count(b"HTTP/1.1") == 1
    assert server.responses == [("POST", "/echo", 413)]


@pytest.mark.parametrize(
    "sent",
    [
        request(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        request(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"),
        request(b"Content-Length: -1\r\n"),
        request(b"Content-Length: +3\r\n", b"abc"),
        request(b"Content-Length: 0x3\r\n", b"abc"),
        request(b"Transfer-Encoding: chunked\r\n", b"-1\r\n"),
        request(b"Transfer-Encoding: chunked\r\n", b"0x3\r\nabc\r\n0\r\n\r\n"),
        request(b"Transfer-Encoding: chunked\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"),
        request(b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffffffff\r\n"),
        request(b"Transfer-Encoding: chunked\r\n", b"3\nabc\r\n0\r\n\r\n"),
        request(b"Transfer-Encoding: chunked\r\n", b"broken\r\n"),
    ],
)
def test_one_that_can_be_read_in_two_ways_is_refused_with_what_follows(sent: bytes) -> None:
    with serving() as server:
        reply = server.exchange(sent + GET)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("sent", [stated(b"x" * 1000), chunked(b"x" * 500, b"y" * 500)])
def test_one_that_is_cut_off_is_no_request(sent: bytes) -> None:
    with serving() as server:
        for end in range(1, len(sent), 97):
            assert server.exchange(sent[:end]) == b""
    assert server.responses == []


def test_one_that_trickles_ends_with_its_connection() -> None:
    with serving(HttpLimits(header_timeout_seconds=0.2)) as server, server.connect() as client:
        client.sendall(request(b"Content-Length: 1000\r\n", b"x"))
        assert read_to_end(client) == b""
    assert server.responses == []


def test_who_asks_before_he_sends_is_told_to_go_on() -> None:
    sent = request(b"Content-Length: 3\r\nExpect: 100-continue\r\n")
    with serving() as server, server.connect() as client:
        for _ in range(2):
            client.sendall(sent)
            assert client.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE
            client.sendall(b"abc")
            assert read_response(client)[1] == b"abc"
        # Who does not wait for it needs none.
        client.sendall(sent + b"abc")
        assert read_response(client)[1] == b"abc"
        # Nobody wants this one.
        client.sendall(sent.replace(b"/echo", b"/"))
        head, _ = read_response(client)
        assert head.startswith(b"HTTP/1.1 405 ")
        assert header(head, b"connection") == b"close"


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    cut=st.integers(1, 400),
    by_length=st.booleans(),
)
def test_however_it_comes_it_is_what_was_sent(chunks: list[bytes], cut: int, by_length: bool) -> None:  # noqa: FBT001  drawn
    body = b"".join(chunks)
    sent = stated(body) if by_length else chunked(*chunks)
    with serving() as server, server.connect() as client:
        for start in range(0, len(sent), cut):
            client.sendall(sent[start : start + cut])
        assert read_response(client)[1] == body
