"""Lines of the wire read from a process, each bounded."""

from collections.abc import AsyncIterator

import anyio
from anyio.abc import ByteReceiveStream
from anyio.streams.buffered import BufferedByteReceiveStream

from otel_tickrmeter.jobs.wire import LONGEST_LINE, Line, WireError, decode


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
