"""Lines of the wire, read from a process, each bounded, and written to one."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.memory import MemoryObjectSendStream

from otel_tickrmeter.jobs.wire import LONGEST_LINE, Line, WireError, decode, encode


async def read_lines(stream: ByteReceiveStream) -> AsyncIterator[Line]:
    """What the process says, until it has closed its end.

    Raises:
        WireError: It says something that is none of ours, or without an end.
    """
    buffered = BufferedByteReceiveStream(stream)
    while True:
        try:
            line = await buffered.receive_until(b"\n", LONGEST_LINE)
        except (
            anyio.EndOfStream,
            anyio.IncompleteRead,
            anyio.ClosedResourceError,
            anyio.BrokenResourceError,
        ):
            return
        except anyio.DelimiterNotFound:
            raise WireError("a line that is too long") from None
        yield decode(line)


def offer(orders: MemoryObjectSendStream[Line], order: Line) -> bool:
    """Have a process told something; False when it has not read for so long that there is no more room."""
    try:
        orders.send_nowait(order)
    except anyio.WouldBlock:
        return False
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # it has just ended, which will be heard
    return True


async def write_lines(stream: ByteSendStream | None, lines: AsyncIterable[Line]) -> None:
    """Tell a process whatever comes, until it has ended."""
    assert stream is not None  # noqa: S101  it is a pipe
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        async for line in lines:
            await stream.send(encode(line))
