"""What the options of every simulator are read by: for argparse, each error with its reason.

A text that cannot be right raises ArgumentTypeError.
"""

import argparse
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.durations import parse_duration


def telling(parse: Callable[[str], object]) -> Callable[[str], object]:
    """`parse` for argparse, which would keep a ValueError's reason to itself."""

    def argument(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return argument


def broker(text: str) -> str:
    """The URL of a broker; raises ValueError: for `telling`."""
    parse_broker_url(text)
    return text


def natural(text: str) -> int:
    """A whole number, 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {text!r}")
    return int(text)


def count(text: str) -> int:
    """A whole number, 1 or more."""
    if (number := natural(text)) == 0:
        raise argparse.ArgumentTypeError("must be 1 at least")
    return number


def rate(text: str) -> float:
    """Messages a second."""
    return _number(text, 0.001, 1e6, "a number of messages a second, 0.001 to 1000000")


def share(text: str) -> float:
    """A share, 0 to 1."""
    return _number(text, 0, 1, "a share, 0 to 1")


def add_patience(parser: argparse.ArgumentParser) -> None:
    """Declare `--patience`, seconds."""
    parser.add_argument(
        "--patience",
        type=telling(parse_duration),
        default=0.0,
        metavar="TIME",
        help="how long to wait for a broker that went away (default: not at all)",
    )


def add_ca_file(parser: argparse.ArgumentParser) -> None:
    """Declare `--ca-file`."""
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust (default: the system's)")


def ca_file_faults(file: str | None, broker_url: str) -> Iterator[str]:
    """Yield what is wrong with it, and what does not go together."""
    if file is None:
        return
    if not parse_broker_url(broker_url).tls:
        yield "--ca-file needs a --broker with TLS: mqtts:// or wss://"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError as error:
        yield f"--ca-file {file} has no usable certificate: {error.strerror or error}"


def patience_faults(patience: float, qos: int) -> Iterator[str]:
    """Yield what does not go together."""
    if patience and not qos:
        yield "--patience needs --qos 1: what is lost on the way is not sent again"


def read_password(file: str) -> str:
    """The first line of a file.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--password-file cannot be read: {error}") from error


def unwritable(summary: str) -> str | None:
    """Why the summary cannot be written there; None when it can. `-` is standard output."""
    if summary == "-":
        return None if sys.stdout is not None else "--summary - needs a standard output"
    path = Path(summary)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        return f"--summary {summary} cannot be written"
    return None


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"must be {what}, not {text!r}")
    return number
