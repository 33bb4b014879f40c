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
