"""A secret in a file of its own: read at the start, and by the receiver at each attempt to connect."""

from codecs import BOM_UTF8
from pathlib import Path

# Brokers take at most 65,535 bytes; the bound is for a device such as /dev/zero, which has no end.
_LONGEST_SECRET = 65535


def check_token(text: str) -> str:
    """The text, if it can be part of an HTTP request.

    Raises:
        ValueError: it has blanks, or what is not printable ASCII. The message holds none of it.
    """
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be printable ASCII without blanks")
    return text


def read_token(path: Path) -> str:
    """The text of a secret's file that is to be part of an HTTP request.

    Raises:
        ValueError: as of `read_secret` and `check_token`.
    """
    return check_token(read_secret(path))


def read_secret(path: Path) -> str:
    """The text of a secret's file, without what editors and `echo` add to it.

    That is a byte-order mark at its beginning, and one newline at its end.

    Raises:
        ValueError: it cannot be read, is empty, too long or no text. The message holds none of it.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST_SECRET + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(raw) > _LONGEST_SECRET:
        raise ValueError(f"is longer than {_LONGEST_SECRET} bytes")
    try:
        text = raw.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret or "\0" in secret:
        raise ValueError("is empty" if not secret else "contains a NUL character")
    return secret
