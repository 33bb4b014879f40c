"""The kinds of values: how each is read from a file or a text, and written as TOML.

A reader raises ValueError with what the value must be, never with the value: it may be a secret.
Every reader takes text too, because the environment has nothing else.
"""

import json
import math
import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_tickrmeter.settings.broker import check_host, parse_broker_url
from otel_tickrmeter.settings.durations import format_duration, parse_duration
from otel_tickrmeter.settings.secret import check_token
from otel_tickrmeter.settings.sizes import format_size, parse_size
from otel_tickrmeter.settings.topic import parse_topic_prefix

_WHOLE = re.compile(r"[+-]?[0-9](?:_?[0-9]){0,17}")
_HTTP_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_OWN_PATHS = frozenset({"/", "/health", "/-/healthy", "/-/ready"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ENDPOINT = re.compile(
    r"(?:https?://)?(?P<host>[^\s/:@?#\[\]]+|\[[^\s\]]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[!->A-~]*)?"
)
_WEB_ADDRESS = re.compile(
    r"https?://(?P<host>[^\s/:@?#\[\]]+|\[[^\s\]]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[!-~]*)?"
)
_ADDRESS = re.compile(r"(?P<host>[^\s/:@?#\[\],]+|\[[^\s\],]+\]):(?P<port>[0-9]{1,5})")
_KAFKA_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LAST_PORT = 65535
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def toml_value(value: object) -> str:
    """`value` as a TOML literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{toml_value(name)} = {toml_value(item)}" for name, item in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    # A JSON string is a TOML string but for DEL, which TOML wants escaped too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True, slots=True)
class ValueKind:
    """How values of one kind are read (raises ValueError) and written."""

    read: Callable[[object], Any]
    write: Callable[[Any], str] = toml_value
    structured: bool = False
    """The value may be a list or a table: its text in the environment is TOML."""


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text: put it in quotes")  # noqa: TRY004  every reader raises ValueError
    if "\0" in value:
        raise ValueError("must not contain a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        # The environment carries bytes that are not UTF-8 as lone surrogates; MQTT would fail on them later.
        raise ValueError("must be valid UTF-8") from None
    return value


def _read_name(value: object) -> str:
    text = _read_text(value)
    if not text:
        raise ValueError("must not be empty")
    return text


def _read_token(value: object) -> str:
    return check_token(_read_text(value))


def _read_bool(value: object) -> bool:
    text = value.strip().lower() if isinstance(value, str) else ""
    if value is True or text in _TRUE:
        return True
    if value is False or text in _FALSE:
        return False
    raise ValueError("must be true or false")


def _read_pattern(value: object) -> str:
    text = _read_name(value)
    try:
        with warnings.catch_warnings():
            # What re warns of now ("[[a]", "||") is what a later Python reads differently.
            warnings.simplefilter("error", FutureWarning)
            re.compile(text)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a regular expression: {error}") from None
    return text


def _read_broker(value: object) -> str:
    text = _read_text(value)
    parse_broker_url(text)
    return text


def _read_topic_prefix(value: object) -> str:
    return parse_topic_prefix(_read_text(value))


def _read_http_path(value: object) -> str:
    text = _read_text(value)
    if not _HTTP_PATH.fullmatch(text):
        raise ValueError('must start with "/" and have only letters, digits and -._~/')
    if text in _OWN_PATHS or text.startswith(("/api/", "/health/")):
        own = ", ".join(sorted(_OWN_PATHS))
        raise ValueError(f"must not be one of the server's own: {own}, /health/…, /api/…")
    return text


def _read_endpoint(value: object) -> str:
    text = _read_text(value)
    match = _ENDPOINT.fullmatch(text)
    if match is None or not 1 <= int(match["port"] or 1) <= _LAST_PORT:
        raise ValueError("must be an http:// or https:// URL, or HOST:PORT, without credentials or a query")
    check_host(match["host"].strip("[]"))
    return text


def _read_web_address(value: object) -> str:
    text = _read_text(value)
    match = _WEB_ADDRESS.fullmatch(text)
    if match is None or not 1 <= int(match["port"] or 1) <= _LAST_PORT:
        raise ValueError("must be an http:// or https:// URL, without credentials")
    check_host(match["host"].strip("[]"))
    return text


def _read_names(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or (isinstance(value, str) and value.lstrip().startswith("[")):
        raise ValueError("must be a list of names, or one name")
    return tuple(_read_name(item) for item in items)


def _read_kafka_name(value: object) -> str:
    text = _read_text(value)
    if not _KAFKA_NAME.fullmatch(text) or text in {".", ".."}:
        raise ValueError("must be 1 to 249 letters, digits, dots, hyphens and underscores")
    return text


def _read_addresses(value: object) -> tuple[str, ...]:
    # One text may have several, as other programs write them.
    names = _read_names(value.split(",") if isinstance(value, str) else value)
    found = tuple(name.strip() for name in names)
    for address in found:
        match = _ADDRESS.fullmatch(address)
        if match is None or not 1 <= int(match["port"]) <= _LAST_PORT:
            raise ValueError("must be HOST:PORT, or a list of such")
        check_host(match["host"].strip("[]"))
    if not found:
        raise ValueError("must name a broker")
    return found


def _read_headers(value: object) -> Mapping[str, str]:
    if isinstance(value, str):
        # The form of OTEL_EXPORTER_OTLP_HEADERS, without its percent-encoding.
        pairs: list[tuple[object, object]] = []
        for part in value.split(","):
            key, _, content = part.partition("=")
            pairs.append((key.strip(), content.strip()))
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        raise ValueError('must be a table of texts, or "name=value,name=value"')  # noqa: TRY004  see _read_text
    headers: dict[str, str] = {}
    for name, given in pairs:
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError("must have names of letters, digits, hyphens, dots and underscores")
        text = _read_name(given)
        if not (text.isascii() and text.isprintable()):
            raise ValueError("must have values of printable ASCII")
        # gRPC refuses metadata keys in capitals; HTTP does not care.
        headers[name.lower()] = text
    return headers


def _read_path(value: object) -> Path:
    return Path(_read_name(str(value) if isinstance(value, Path) else value))


def _read_host(value: object) -> str:
    text = _read_name(value)
    return check_host(text[1:-1] if text.startswith("[") and text.endswith("]") else text)


def integer(least: int, most: int) -> ValueKind:
    """Whole numbers in a range."""

    def read(value: object) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return ValueKind(read)


def number(least: float, most: float) -> ValueKind:
    """A number in a range, whole or not."""

    def read(value: object) -> float:
        given = math.nan
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            with suppress(ValueError, OverflowError):
                given = float(value)
        if not least <= given <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return given

    return ValueKind(read)


def duration(least: float, most: float, *, whole: bool = False) -> ValueKind:
    """Durations in a range, seconds; `whole` allows no fractions of a second."""

    def read(value: object) -> float:
        seconds = parse_duration(value)
        if not least <= seconds <= most:
            raise ValueError(f"must be from {format_duration(least)} to {format_duration(most)}")
        if whole and not math.floor(seconds) == seconds:
            raise ValueError("must be whole seconds")
        return seconds

    return ValueKind(read, lambda seconds: toml_value(format_duration(seconds)))


def choice(*options: str, upper: bool = False) -> ValueKind:
    """One of some words; `upper` takes them in any case and makes them capitals."""

    def read(value: object) -> str:
        # protocol = 5 is how many write it, and can mean nothing else.
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(text, str) and upper:
            text = text.upper()
        if not isinstance(text, str) or text not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return text

    return ValueKind(read)


TEXT = ValueKind(_read_text)
NAME = ValueKind(_read_name)
TOKEN = ValueKind(_read_token)
BOOL = ValueKind(_read_bool)
PATTERN = ValueKind(_read_pattern)
BROKER = ValueKind(_read_broker)
TOPIC_PREFIX = ValueKind(_read_topic_prefix)
HTTP_PATH = ValueKind(_read_http_path)
ENDPOINT = ValueKind(_read_endpoint)
WEB_ADDRESS = ValueKind(_read_web_address)
KAFKA_NAME = ValueKind(_read_kafka_name)
ADDRESSES = ValueKind(_read_addresses, structured=True)
NAMES = ValueKind(_read_names, structured=True)
HEADERS = ValueKind(_read_headers, structured=True)
PATH = ValueKind(_read_path)
HOST = ValueKind(_read_host)
SIZE = ValueKind(parse_size, lambda size: toml_value(format_size(size)))

DURATION = duration(0.001, 10 * 365 * 86400.0)
"""A millisecond to ten years."""
