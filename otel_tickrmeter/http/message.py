"""One HTTP exchange, as a handler sees it: no sockets, no protocol states."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

ResponseBody = bytes | Sequence[bytes] | Iterable[bytes] | AsyncIterable[bytes]
"""What a response carries.

Bytes and sequences of bytes are sent with their length, from the caller's own buffers: many responses may
share one. Any other iterable is sent as it comes, chunked; a generator is closed when the client leaves.
"""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A complete request. `path` is percent-decoded, `query` is as sent, header names are lower-case.

    A header that came more than once has its values joined with commas. `params` holds what the `{name}`
    segments of the route stood for. `body` is there where the route takes one; it is whole, and bounded.
    `private` is for routes whose callers show a token: it came over TLS, or never left this machine.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Length, date and connection headers are the server's business.

    A `live` one is sent as its body comes, for as long as it comes: only each piece has a deadline.
    """

    status: int
    content_type: str
    body: ResponseBody
    headers: tuple[tuple[str, str], ...] = ()
    live: bool = False


RouteHandler = Callable[[HttpRequest], Awaitable[Response]]
"""Answers the methods of its route, GET and HEAD alike; the server leaves the body of a HEAD response out."""


def text_response(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A line of plain text for people and for probes."""
    return Response(status, "text/plain; charset=utf-8", f"{text}\n".encode(errors="replace"), headers)
