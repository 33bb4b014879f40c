"""A response's body in pieces of a size to send."""

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterator
from typing import cast

from otel_tickrmeter.http.message import ResponseBody

# A stalled client costs no copy, so this only sets how often the write deadline moves.
_WRITE_BYTES = 65_536


async def slices(body: ResponseBody) -> AsyncGenerator[bytes]:
    """Yield the body in pieces, without copies; close a generator at the end."""
    try:
        if isinstance(body, AsyncIterable):
            async for part in body:
                for piece in _cut(part):
                    yield piece
        else:
            for part in (body,) if isinstance(body, bytes) else body:
                for piece in _cut(part):
                    yield piece
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()
        elif isinstance(body, Generator):
            body.close()


def _cut(part: bytes) -> Iterator[bytes]:
    view = memoryview(part)
    for start in range(0, len(view), _WRITE_BYTES):
        # h11 and the socket take any buffer; their annotations say bytes.
        yield cast("bytes", view[start : start + _WRITE_BYTES])
