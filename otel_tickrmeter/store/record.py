"""A row as bytes, and back: one record of the spool.

Length and checksum (CRC-32) of the body, each 4 bytes, little endian; the body is JSON: the kind of the row
and its fields. A record that was not written to its end, or was damaged, is recognised.
"""

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, get_args

import orjson

from otel_tickrmeter.store.rows import Row

_HEAD = struct.Struct("<II")
MAX_BODY = 4 * 2**20
"""Bytes. A message has some hundred thousand at most, its row not much more, a damaged length any number."""
_KINDS: Mapping[str, type[Row]] = MappingProxyType({kind.__name__: kind for kind in get_args(Row)})


def _names_of(kind: type[Row], wanted: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if wanted in (field.type, *get_args(field.type)))


_TIMES = MappingProxyType({name: _names_of(kind, datetime) for name, kind in _KINDS.items()})
_BYTES = MappingProxyType({name: _names_of(kind, bytes) for name, kind in _KINDS.items()})


class RecordError(Exception):
    """What stands there is no record, or not all of one."""


def as_record(row: Row) -> bytes:
    """The record of a row.

    Raises:
        RecordError: It cannot be one: JSON has no way to write something in it, or it is too long.
    """
    try:
        body = orjson.dumps([type(row).__name__, row], default=_as_text)
    except orjson.JSONEncodeError as error:
        raise RecordError(str(error)) from None
    if len(body) > MAX_BODY:
        raise RecordError(f"it has {len(body)} bytes")
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def read_records(data: bytes) -> Iterator[tuple[Row, int]]:
    """The rows, each with where its record ends.

    Raises:
        RecordError: when it comes to bytes that are no whole record.
    """
    start = 0
    while start < len(data):
        if len(data) - start < _HEAD.size:
            raise RecordError("cut off")
        length, checksum = _HEAD.unpack_from(data, start)
        end = start + _HEAD.size + length
        body = data[start + _HEAD.size : end]
        if length > MAX_BODY or len(body) < length or zlib.crc32(body) != checksum:
            raise RecordError("cut off or damaged")
        yield _row(body), end
        start = end


def _row(body: bytes) -> Row:
    try:
        name, values = orjson.loads(body)
        return _KINDS[name](**_typed(name, values))
    # A newer program may have written it.
    except (ValueError, TypeError, KeyError) as error:
        raise RecordError(f"of a kind that is not known: {error}") from None


def _typed(name: str, values: dict[str, Any]) -> dict[str, Any]:
    for field in _TIMES[name]:
        if values[field] is not None:
            values[field] = datetime.fromisoformat(values[field])
    for field in _BYTES[name]:
        values[field] = base64.b64decode(values[field])
    return values


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError
