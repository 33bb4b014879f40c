"""Files that rows wait in: in order, over a restart, within their bound, and whatever was done to them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_tickrmeter.store.record import as_record
from otel_tickrmeter.store.rows import Event, Reading, RelayEvent, Row
from otel_tickrmeter.store.spool import Spool, SpoolError
from tests.support.store_rows import at, device, one_of_each, reading, relay

SIZE = len(as_record(reading(1)))
"""Bytes of a reading, at seconds of one digit."""


def event(number: int) -> Event:
    return Event(f"k-{number}", "a", "system", at(number))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(directory: Path) -> Iterator[Spool]:
    made = Spool(directory, 100_000, file_bytes=3 * SIZE)
    made.open()
    yield made
    made.close()


def drain(spool: Spool, limit: int = 1000) -> list[Row]:
    """Read everything, and release it."""
    found: list[Row] = []
    while rows := spool.read(limit):
        assert len(rows) <= limit
        found += rows
        spool.release()
    return found


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "lock")


def reopened(directory: Path, max_bytes: int = 100_000) -> tuple[Spool, int, int]:
    """Return the spool of another run, with the rows and the damaged bytes that it found."""
    spool = Spool(directory, max_bytes, file_bytes=3 * SIZE)
    found = spool.open()
    return spool, found.rows, found.damaged_bytes


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_rows_come_in_their_order_readings_last_and_leave_no_file(
    spool: Spool, directory: Path, limit: int
) -> None:
    rows: list[Row] = [reading(1), event(1), reading(2), event(2), *map(reading, range(3, 10))]
    assert spool.append(rows[:3]) == 0
    assert spool.append(rows[3:]) == 0
    assert spool.rows == len(rows)
    assert drain(spool, limit) == [event(1), event(2), *map(reading, range(1, 10))]
    assert (spool.rows, spool.size, spool.oldest, files(directory)) == (0, 0, None, [])


def test_every_kind_of_row_can_wait(spool: Spool) -> None:
    spool.append(one_of_each())
    assert sorted(map(repr, drain(spool))) == sorted(map(repr, one_of_each()))


def test_a_file_is_read_in_pieces_of_whole_rows(directory: Path) -> None:
    spool = Spool(directory, 20_000_000)
    spool.open()
    large: list[Row] = [Event(f"k-{n}", "a", "system", at(n), "x" * 300_000) for n in range(8)]
    spool.append([event(0), *large, event(9)])
    assert [len(spool.read(limit)) for limit in (1, 3, 4, 10)] == [1, 3, 4, 10]
    assert drain(spool, 4) == [event(0), *large, event(9)]
    assert spool.damaged == 0
    spool.close()


def test_what_was_not_released_is_read_again(spool: Spool) -> None:
    spool.append([event(1), event(2)])
    assert spool.read(1) == [event(1)]
    assert spool.read(1) == [event(1)]
    spool.release()
    spool.release()
    assert spool.read(5) == [event(2)]


def test_the_oldest_is_that_which_waits(spool: Spool) -> None:
    assert spool.oldest is None
    spool.append([reading(5), reading(6), event(3)])
    assert spool.oldest == at(3).timestamp()
    spool.read(1)
    spool.release()
    assert spool.oldest == at(6).timestamp()  # received a second after it was taken


def test_rows_outlive_the_program(spool: Spool, directory: Path) -> None:
    spool.append([*map(reading, range(5)), event(1)])
    spool.read(1)
    spool.release()
    spool.close()
    again, rows, damaged = reopened(directory)
    assert (rows, damaged) == (5, 0)
    again.append([reading(7)])
    assert drain(again) == [*map(reading, range(5)), reading(7)]
    again.close()


def test_a_torn_end_is_cut_off_and_the_next_row_stands_behind_what_is_whole(
    spool: Spool, directory: Path
) -> None:
    spool.append([reading(1), reading(2)])
    spool.close()
    (path,) = directory.glob("readings-*")
    os.truncate(path, path.stat().st_size - 5)
    again, rows, damaged = reopened(directory)
    assert (rows, damaged) == (1, SIZE - 5)
    again.append([reading(3)])
    assert drain(again) == [reading(1), reading(3)]
    again.close()


def test_a_file_of_which_nothing_is_whole_is_removed(spool: Spool, directory: Path) -> None:
    spool.append([event(1)])
    spool.close()
    (path,) = directory.glob("rows-*")
    path.write_bytes(b"\xff" * 100)
    again, rows, damaged = reopened(directory)
    assert (rows, damaged, files(directory)) == (0, 100, [])
    again.close()


def test_what_is_damaged_meanwhile_is_passed_over_and_counted(spool: Spool, directory: Path) -> None:
    spool.append(map(reading, range(3)))
    spool.append(map(reading, range(3, 6)))
    first, second = sorted(directory.glob("readings-*"))
    data = first.read_bytes()
    first.write_bytes(data[: SIZE + 10] + b"\0" + data[SIZE + 11 :])
    assert drain(spool) == [reading(0), *map(reading, range(3, 6))]
    assert spool.damaged == 2
    assert not first.exists()
    assert not second.exists()


def test_a_file_that_is_damaged_from_its_beginning_does_not_stop_the_rest(
    spool: Spool, directory: Path
) -> None:
    spool.append(map(reading, range(3)))
    spool.append([reading(4)])
    min(directory.glob("readings-*")).write_bytes(b"?" * 3 * SIZE)
    assert drain(spool) == [reading(4)]
    assert spool.damaged == 3


def test_a_file_that_somebody_takes_away_is_counted_and_the_rest_read(spool: Spool, directory: Path) -> None:
    spool.append(map(reading, range(3)))
    spool.append([reading(4)])
    min(directory.glob("readings-*")).unlink()
    assert drain(spool) == [reading(4)]
    assert spool.damaged == 3


def test_the_oldest_readings_give_way_and_other_rows_stay(directory: Path) -> None:
    spool = Spool(directory, 10 * SIZE, file_bytes=3 * SIZE)
    spool.open()
    spool.append([event(1), event(2)])
    dropped = sum(spool.append(map(reading, range(start, start + 3))) for start in range(1, 10, 3))
    assert dropped == 3
    assert spool.size <= 10 * SIZE
    assert drain(spool) == [event(1), event(2), *map(reading, range(4, 10))]
    spool.close()


def test_without_readings_the_oldest_of_the_rest_give_way(directory: Path) -> None:
    spool = Spool(directory, 4 * SIZE, file_bytes=SIZE)
    spool.open()
    dropped = sum(spool.append([event(number)]) for number in range(9))
    left = drain(spool)
    assert left == [event(number) for number in range(dropped, 9)]
    assert dropped > 0
    spool.close()


def test_a_file_may_give_way_while_it_is_read(directory: Path) -> None:
    spool = Spool(directory, 4 * SIZE, file_bytes=SIZE)
    spool.open()
    spool.append([reading(1)])
    assert spool.read(1) == [reading(1)]
    for number in range(2, 8):
        spool.append([reading(number)])
    spool.release()
    assert reading(1) not in drain(spool)
    spool.close()


def test_a_row_that_no_file_can_have_is_counted(spool: Spool) -> None:
    huge = Event("k", "a", "system", at(0), payload={"number": 2**70})
    assert spool.append([huge, event(1)]) == 1
    assert drain(spool) == [event(1)]


def test_two_programs_do_not_share_a_spool(spool: Spool, directory: Path) -> None:
    del spool
    with pytest.raises(SpoolError, match="in use by another"):
        Spool(directory, 1000).open()


def test_a_place_that_cannot_be_a_spool_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot be used"):
        Spool(tmp_path / "file" / "below", 1000).open()


def test_a_disk_that_takes_no_more_leaves_what_there_was(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append([event(1)])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="No space"):
            spool.append([event(2)])
        with pytest.raises(OSError, match="No space"):
            spool.append([reading(1)])
    spool.append([event(3), reading(2)])
    assert drain(spool) == [event(1), event(3), reading(2)]


def test_states_are_kept_until_they_are_released(spool: Spool, directory: Path) -> None:
    spool.save_states([device(1, "online"), relay(1, state=True)])
    spool.save_states([device(2, "offline"), relay(2, state=False)])
    spool.close()
    again = Spool(directory, 1000)
    assert again.open().states == [device(2, "offline"), relay(2, state=False)]
    again.save_states([])
    again.close()
    last = Spool(directory, 1000)
    assert last.open().states == []
    last.close()


def test_other_files_are_left_alone(directory: Path) -> None:
    directory.mkdir()
    for name in ("notes.txt", "rows-x", "readings-"):
        (directory / name).write_text("mine")
    spool = Spool(directory, 1000)
    assert spool.open().rows == 0
    spool.close()
    assert files(directory) == ["notes.txt", "readings-", "rows-x"]


def test_late_switchings_are_rows_like_others(spool: Spool) -> None:
    late = RelayEvent("k", "a", 3, state=False, recorded_at=at(1), received_at=at(9), late=True)
    spool.append([late, Reading("k", "a", "voltage", 1.5, at(1), at(9))])
    assert drain(spool)[0] == late
