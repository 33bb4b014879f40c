"""What strangers published, made fit to be shown: nothing in it forges a line or steers a terminal."""

SHOWN_BYTES = 120
"""So much of a topic or payload is shown."""


def escaped(raw: bytes, limit: int = SHOWN_BYTES) -> str:
    """The first `limit` bytes in quotes, with Python's escapes: printable ASCII that can be read back."""
    return ascii(raw[:limit])[1:]


def payload_shown(payload: bytes) -> str:
    """The beginning of a payload, and how long it is when that is not all of it."""
    size = len(payload)
    return escaped(payload) + (f" (the first {SHOWN_BYTES} of {size} bytes)" if size > SHOWN_BYTES else "")
