"""A row as bytes, and back; what is not whole is recognised."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.store.record import MAX_BODY, RecordError, as_record, read_records
from otel_tickrmeter.store.rows import DeadLetter, Event, Row, time_of
from tests.support.store_rows import at, one_of_each, reading, run_of_rule

ROWS = [*one_of_each(), run_of_rule(1)]


def rows_in(data: bytes) -> tuple[list[Row], bool]:
    """Return what is read before the end, and whether that is an end."""
    found: list[Row] = []
    try:
        for row, _ in read_records(data):
            found.append(row)
    except RecordError:
        return found, False
    return found, True


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_row_comes_back_as_it_was(row: Row) -> None:
    assert rows_in(as_record(row)) == ([row], True)
    assert time_of(row).tzinfo is not None


def test_rows_follow_one_another() -> None:
    data = b"".join(map(as_record, ROWS))
    assert rows_in(data) == (ROWS, True)
    ends = [end for _, end in read_records(data)]
    assert rows_in(data[ends[0] :]) == (ROWS[1:], True)


@given(st.binary(), st.text(), st.text())
def test_any_payload_and_text(payload: bytes, text: str, other: str) -> None:
    letter = DeadLetter(
        "k", text, payload, 1, retained=True, reason="r", received_at=at(0.123456), error=other
    )
    assert rows_in(as_record(letter)) == ([letter], True)


def test_a_record_that_was_cut_off_is_none_wherever_it_was_cut() -> None:
    first, second = as_record(ROWS[0]), as_record(ROWS[3])
    for length in range(1, len(second)):
        assert rows_in(first + second[:length]) == ([ROWS[0]], False)


def test_a_record_of_which_a_bit_has_turned_is_none() -> None:
    data = as_record(reading(1))
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1
        assert rows_in(bytes(damaged)) == ([], False)


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'["Nothing", {}]',
        b'["Reading", {}]',
        b'["Reading", 5]',
        b'["RelayState", {"device_id": "a", "relay_index": 0, "current_state": true, "state_since": "?"}]',
    ],
)
def test_a_body_of_another_program_is_none(body: bytes) -> None:
    assert rows_in(struct.pack("<II", len(body), zlib.crc32(body)) + body) == ([], False)


def test_what_cannot_be_a_record_is_told() -> None:
    with pytest.raises(RecordError):
        as_record(Event("k", "a", "system", at(0), payload={"text": "x" * MAX_BODY}))
    with pytest.raises(RecordError):
        as_record(Event("k", "a", "system", at(0), payload={"number": 2**70}))


def test_a_length_beyond_all_records_is_not_believed() -> None:
    body = as_record(reading(1))[8:]
    assert rows_in(struct.pack("<II", 2**31, zlib.crc32(body)) + body) == ([], False)
