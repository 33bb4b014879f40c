"""What arrives, written down: what is read is what was written, as far as it is whole."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_tickrmeter.journal.read import Head, JournalEntry, PacketIds, deliveries, read_segment
from otel_tickrmeter.journal.segments import from_position, name_of, segments, size_of
from otel_tickrmeter.journal.write import AGAIN_SECONDS, Journal, JournalRule
from otel_tickrmeter.mqtt.outbox import Outbox
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.message import Message, Subscribed, Watermark
from otel_tickrmeter.stream.position import Position

OFFSET_NS = 1_700_000_000 * 10**9
FIRST = Message(b"autocore/A/status", b"{}", 5, qos=1, packet_id=7)
SECOND = Message(b"autocore/A/telemetry", b"[1]", 6, retain=True)
FOREIGN = Message(b"tickrmeter/response", b"{}", 6, qos=1, packet_id=8)


def rule(directory: Path, max_bytes: int = 1 << 30) -> JournalRule:
    return JournalRule(str(directory / "received"), "5f", ("autocore/",), max_bytes, "boot", OFFSET_NS)


def made(directory: Path, *, segment_bytes: int = 1 << 20, max_bytes: int = 1 << 30) -> Journal:
    return Journal(rule(directory, max_bytes), segment_bytes=segment_bytes, measure=lambda: OFFSET_NS)


def entries(directory: Path) -> Iterator[JournalEntry]:
    for segment in segments(directory / "received"):
        yield from read_segment(segment)


def plain(message: Message) -> Message:
    """As the main process has it: the packet id is the receiver's own affair."""
    return message._replace(packet_id=0)


def test_what_the_main_process_is_given_is_written_down_in_its_order(tmp_path: Path) -> None:
    journal = made(tmp_path)
    outbox = Outbox(100, journal=journal)
    outbox.add_event(Subscribed(4))
    outbox.add_message(FIRST)
    outbox.add_message(FOREIGN)
    outbox.add_message(SECOND)
    outbox.settle(9, 8, 6)
    journal.commit()
    assert list(entries(tmp_path)) == [
        Head("5f", "boot", OFFSET_NS),
        Subscribed(4),
        PacketIds((7, 0)),
        [plain(FIRST), SECOND],
        Watermark(8, 3, 6),
    ]
    # And it is given all of it.
    given = bytearray()

    def take(frame: memoryview) -> int:
        given.extend(frame)
        return len(frame)

    outbox.send(take)
    assert FrameDecoder().feed(bytes(given)) == [
        Subscribed(4),
        [plain(FIRST), plain(FOREIGN), SECOND],
        Watermark(8, 3, 6),
    ]


def test_what_finds_no_room_is_not_written_down(tmp_path: Path) -> None:
    journal = made(tmp_path)
    outbox = Outbox(1, journal=journal)
    outbox.add_message(FIRST)
    outbox.add_message(SECOND)
    journal.commit()
    assert list(entries(tmp_path))[1:] == [PacketIds((7,)), [plain(FIRST)]]


def test_nothing_is_on_the_disk_before_it_is_committed(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.commit()
    assert segments(tmp_path / "received") == []
    journal.record(FIRST)
    assert segments(tmp_path / "received") == []


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    journal = made(tmp_path)
    journal.add_event(b"")
    journal.commit()
    (segment,) = segments(tmp_path / "received")
    assert segment.path.stat().st_mode & 0o777 == 0o600
    assert segment.path.parent.stat().st_mode & 0o777 == 0o700


def write(directory: Path, arrivals: list[int], *, segment_bytes: int = 1, max_bytes: int = 1 << 30) -> None:
    """Messages that arrived then, each in a file of its own."""
    journal = made(directory, segment_bytes=segment_bytes, max_bytes=max_bytes)
    outbox = Outbox(100, journal=journal)
    for at_ns in arrivals:
        outbox.add_message(FIRST._replace(arrived_ns=at_ns))
        journal.commit()
    journal.close()


def test_files_say_what_arrived_before_them(tmp_path: Path) -> None:
    write(tmp_path, [10, 20, 30])
    found = segments(tmp_path / "received")
    assert [(segment.number, segment.run, segment.after_ns) for segment in found] == [
        (1, "5f", 0),
        (2, "5f", 10),
        (3, "5f", 20),
    ]
    # Another program goes on where this one ended.
    write(tmp_path, [40])
    assert [segment.number for segment in segments(tmp_path / "received")] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("position", "needed"),
    [
        (Position("5f", -1, -1), [1, 2, 3]),
        (Position("5f", 10, 0), [1, 2, 3]),
        (Position("5f", 11, -1), [2, 3]),
        (Position("5f", 20, 0), [2, 3]),
        (Position("5f", 21, -1), [3]),
        (Position("5f", 99, 0), [3]),
        # An earlier run has nothing left here, a later one had nothing of this.
        (Position("5e", 99, 0), [1, 2, 3]),
        (Position("60", 1, 0), []),
    ],
)
def test_what_is_before_a_position_is_not_needed(
    tmp_path: Path, position: Position, needed: list[int]
) -> None:
    write(tmp_path, [10, 20, 30])
    found = segments(tmp_path / "received")
    assert [segment.number for segment in from_position(found, position)] == needed


def test_of_a_later_run_all_is_needed(tmp_path: Path) -> None:
    write(tmp_path, [10, 20])
    directory = tmp_path / "received"
    (directory / name_of(3, "60", 0)).write_bytes(b"")
    (directory / "00000004-60").write_bytes(b"")
    (directory / "lock").write_bytes(b"")
    found = from_position(segments(directory), Position("5f", 99, 0))
    assert [segment.number for segment in found] == [2, 3]
    assert segments(tmp_path / "nothing") == []


def test_the_oldest_gives_way(tmp_path: Path) -> None:
    write(tmp_path, list(range(1, 10)), max_bytes=600)
    found = segments(tmp_path / "received")
    assert [segment.number for segment in found][-1] == 9
    assert 1 < len(found) < 9
    assert sum(segment.path.stat().st_size for segment in found) <= 700


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_what_is_cut_off_ends_it(tmp_path: Path, kept: int) -> None:
    write(tmp_path, [10, 20], segment_bytes=1 << 20)
    (segment,) = segments(tmp_path / "received")
    whole = list(read_segment(segment))
    segment.path.write_bytes(segment.path.read_bytes()[:-kept])
    read = list(read_segment(segment))
    assert read == whole[: len(read)]
    assert len(whole) - 3 <= len(read) < len(whole)


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 50, b"\x02\0\0\0\x02{}", b"\x03\0\0\0\x02{}", b"\x03\0\0\0\x02[]"]
)
def test_what_is_damaged_ends_it_too(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, [10], segment_bytes=1 << 20)
    (segment,) = segments(tmp_path / "received")
    whole = list(read_segment(segment))
    segment.path.write_bytes(segment.path.read_bytes() + damage)
    assert list(read_segment(segment)) == whole
    segment.path.write_bytes(damage)
    assert list(read_segment(segment)) == []
    # Nothing says whose the times are.
    segment.path.write_bytes(b"\x02" + len(b"{}").to_bytes(4) + b"{}")
    assert list(read_segment(segment)) == []


def test_deliveries_have_the_ids_that_the_broker_gave_them(tmp_path: Path) -> None:
    journal = made(tmp_path)
    outbox = Outbox(100, journal=journal)
    for message in (FIRST, SECOND, FIRST._replace(packet_id=9)):
        outbox.add_message(message)
    journal.commit()
    assert list(deliveries(segments(tmp_path / "received"))) == [
        FIRST,
        FIRST._replace(packet_id=9, arrived_ns=7),
    ]


def test_a_clock_that_was_set_has_a_head_of_its_own(tmp_path: Path) -> None:
    now = [OFFSET_NS]
    journal = Journal(rule(tmp_path), measure=lambda: now[0])
    outbox = Outbox(100, journal=journal)
    for by_ns in (900_000, 2_000_400, 0):
        now[0] += by_ns
        outbox.add_message(FIRST)
        journal.commit()
    heads = [entry for entry in entries(tmp_path) if isinstance(entry, Head)]
    assert heads == [Head("5f", "boot", OFFSET_NS), Head("5f", "boot", OFFSET_NS + 3_000_000)]


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = made(tmp_path)
    outbox = Outbox(100, journal=journal)
    outbox.add_message(FIRST)
    journal.commit()
    write_really, clock = os.write, [0.0]
    monkeypatch.setattr("otel_tickrmeter.journal.write.time.monotonic", lambda: clock[0])

    def full(descriptor: int, data: bytes) -> int:
        # As a disk does that has room for a few bytes more.
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_really(descriptor, data[: len(data) // 2])

    monkeypatch.setattr("otel_tickrmeter.journal.write.os.write", full)
    outbox.add_message(SECOND)
    journal.commit()
    assert journal.trouble == "No space left on device"
    monkeypatch.undo()
    monkeypatch.setattr("otel_tickrmeter.journal.write.time.monotonic", lambda: clock[0])
    outbox.add_message(SECOND._replace(arrived_ns=7))
    journal.commit()
    assert journal.trouble
    clock[0] = AGAIN_SECONDS
    outbox.add_message(SECOND._replace(arrived_ns=8))
    journal.commit()
    assert not journal.trouble
    read = [message.arrived_ns for entry in entries(tmp_path) if isinstance(entry, list) for message in entry]
    assert read == [5, 8]


def test_a_full_disk_is_not_filled_with_names_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = made(tmp_path)
    outbox = Outbox(100, journal=journal)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("otel_tickrmeter.journal.write.os.write", full)
    outbox.add_message(FIRST)
    journal.commit()
    assert journal.trouble
    assert [*(tmp_path / "received").iterdir()] == []


def test_a_head_may_be_taken_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = made(tmp_path)
    outbox = Outbox(100, journal=journal)
    write_really = os.write
    monkeypatch.setattr(
        "otel_tickrmeter.journal.write.os.write", lambda descriptor, data: write_really(descriptor, data[:3])
    )
    outbox.add_message(FIRST)
    journal.commit()
    monkeypatch.undo()
    assert [type(entry) for entry in entries(tmp_path)] == [Head, PacketIds, list]


def test_a_file_that_is_deleted_meanwhile_has_no_size(tmp_path: Path) -> None:
    write(tmp_path, [1, 2])
    found = segments(tmp_path / "received")
    size = size_of(found)
    found[0].path.unlink()
    assert 0 < size_of(found) < size
