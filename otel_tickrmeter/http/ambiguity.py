"""What h11 takes and others may read differently: where a request ends must not be a matter of opinion.

Behind a proxy, a request that the two of us cut differently hides another one in it (RFC 9112, section 11.2).
"""

import re

import h11

_HEAD_END = b"\r\n\r\n"
# A line feed alone ends a line for some only (section 2.2); a folded line is one or two (section 5.2).
_UNSURE = re.compile(rb"(?<!\r)\n|\n[ \t]")


def ambiguous(received: bytes) -> bool:
    """Whether a header, of which this is the beginning, has line ends that are not the same to everybody."""
    head, _, _ = received.partition(_HEAD_END)
    return _UNSURE.search(head) is not None


def has_two_lengths(request: h11.Request) -> bool:
    """Whether it states the length of its body in two ways (section 6.1)."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in request.headers}


def is_chunked(request: h11.Request) -> bool:
    """Whether its body comes in chunks: h11 knows no other transfer encoding."""
    return any(name == b"transfer-encoding" for name, _ in request.headers)


class ChunkLines:
    """The lines between the chunks of one body, and of the trailer behind them, as they come.

    A chunk's size is h11's to judge; its lines are as short as h11 wants a header to be.
    """

    def __init__(self) -> None:
        self._skip = 0  # bytes of a chunk, and of the end of its line, still to come
        self._line = b""  # the beginning of a line
        self._trailer = False
        self._over = False

    def ambiguous(self, received: bytes) -> bool:
        """Whether a line that ends in what was received now ends in doubt, or is folded (section 7.1)."""
        at = 0
        while at < len(received) and not self._over:
            if self._skip:
                skipped = min(self._skip, len(received) - at)
                self._skip -= skipped
                at += skipped
                continue
            end = received.find(b"\n", at) + 1
            if not end:
                self._line += received[at:]
                break
            line, self._line = self._line + received[at:end], b""
            at = end
            folded = self._trailer and line[:1] in (b" ", b"\t")
            if folded or not line.endswith(b"\r\n") or b"\r" in line[:-2]:
                return True
            self._pass(line)
        return False

    def _pass(self, line: bytes) -> None:
        if self._trailer:
            self._over = line == b"\r\n"
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:  # h11 will say so
            self._over = True
            return
        self._trailer = not size
        self._skip = size and size + 2
