"""The server's law: whatever bytes arrive, a well-formed response or a close, and the server lives."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_tickrmeter.http.routing import Route
from tests.support.http_peer import GET, RunningServer, hello, running_server

FRAGMENTS = st.sampled_from(
    [
        GET,
        b"GET ",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Expect: 100-continue\r\n",
        b"Expect: tea\r\n",
        b"Connection: close\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffffffff\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\x16\x03\x01",
        b"/%zz%00",
        b": ",
    ]
)
TRAFFIC = st.binary(max_size=10_000) | st.lists(FRAGMENTS | st.binary(max_size=20), max_size=20).map(b"".join)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server([Route("/", hello)]) as running:
        yield running
        assert running.faults == []


@settings(max_examples=150)
@given(TRAFFIC)
def test_any_bytes_get_a_response_or_a_close(server: RunningServer, traffic: bytes) -> None:
    reply = server.exchange(traffic)
    assert reply == b"" or reply.startswith(b"HTTP/1.1 ")
    assert server.exchange(GET).endswith(b"\r\n\r\nhello\n")


@settings(max_examples=100)
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=10), st.binary(max_size=200))
def test_how_the_bytes_are_cut_changes_nothing(server: RunningServer, cuts: list[bytes], rest: bytes) -> None:
    """A request that arrives in any pieces, with anything after it, is answered."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"".join(cuts).hex().encode() + b"\r\n\r\n"
    step = max(1, len(request) // len(cuts))
    with server.connect() as client:
        for start in range(0, len(request), step):
            client.sendall(request[start : start + step])
        client.sendall(rest)
        received = b""
        while b"hello\n" not in received:
            data = client.recv(65_536)
            assert data
            received += data
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
