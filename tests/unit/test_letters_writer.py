"""The thread that writes dead letters: bounded, not to be stopped by a disk, and done in time at the end."""

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from loguru import logger

from otel_tickrmeter.letters.files import LetterFiles
from otel_tickrmeter.letters.letter import Letter, decode_letter
from otel_tickrmeter.letters.writer import (
    BATCH_BYTES,
    MAX_WAITING_BYTES,
    MAX_WAITING_LETTERS,
    LetterFileError,
    LetterWriter,
)
from tests.support.waiting import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "letters"


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.rstrip("\n")), format="{level} {message}")
    yield lines
    logger.remove(sink)


def letter(number: int = 0, payload: bytes = b"{") -> Letter:
    return Letter(number, b"TICKRMETERBOOT", 0, False, False, "device_boot", "bad_json", payload)  # noqa: FBT003  a record


def test_what_is_posted_is_written_in_order_before_the_end(path: Path) -> None:
    sent = [letter(number) for number in range(2_000)]
    with LetterWriter(path, 10**9, 1) as writer:
        for each in sent:
            writer.post(each)
    assert [decode_letter(line) for line in path.read_bytes().splitlines()] == sent
    assert (writer.written, writer.dropped) == (2_000, 0)


def test_letters_are_written_without_waiting_for_the_end(path: Path) -> None:
    with LetterWriter(path, 10**9, 1) as writer:
        for number in range(3):
            writer.post(letter(number))
            wait_until(lambda number=number: writer.written == number + 1, "the letter")  # type: ignore[misc]
            assert len(path.read_bytes().splitlines()) == number + 1


def test_rotated_files_hold_all_that_was_written(path: Path) -> None:
    sent = [letter(number, bytes(100)) for number in range(1_000)]
    with LetterWriter(path, 20_000, 1_000) as writer:
        for each in sent:
            writer.post(each)
        wait_until(lambda: writer.written == len(sent), "all letters to be written")
    files = list(path.parent.iterdir())
    assert len(files) > 10
    assert max(file.stat().st_size for file in files) <= 20_000
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    read = [decode_letter(line) for file in files for line in file.read_bytes().splitlines()]
    assert sorted(read) == sent


def test_what_waits_is_bounded_in_letters(path: Path) -> None:
    writer = LetterWriter(path, 10**9, 1)  # nothing is written before it is entered
    for number in range(MAX_WAITING_LETTERS + 5):
        writer.post(letter(number))
    assert writer.dropped == 5
    with writer:
        wait_until(lambda: writer.written == MAX_WAITING_LETTERS, "the letters")
        writer.post(letter())
    assert (writer.written, writer.dropped) == (MAX_WAITING_LETTERS + 1, 5)
    assert decode_letter(path.read_bytes().splitlines()[-2]) == letter(MAX_WAITING_LETTERS - 1)


def test_what_waits_is_bounded_in_bytes(path: Path) -> None:
    writer = LetterWriter(path, 10**9, 1)
    fit = MAX_WAITING_BYTES // 60_014
    for _ in range(fit + 5):
        writer.post(letter(payload=bytes(60_000)))
    assert writer.dropped == 5
    writer.post(letter())
    with writer:
        wait_until(lambda: writer.written == fit + 1, "the letters")
        for _ in range(fit):  # there is room again
            writer.post(letter(payload=bytes(60_000)))
    assert (writer.written, writer.dropped) == (2 * fit + 1, 5)
    assert BATCH_BYTES < MAX_WAITING_BYTES


def test_a_full_disk_is_told_once_until_it_works_again(path: Path, log: list[str]) -> None:
    path.symlink_to("/dev/full")
    with LetterWriter(path, 10**9, 1) as writer:
        for number in range(3):
            writer.post(letter(number))
            wait_until(lambda number=number: writer.dropped == number + 1, "the disk to be full")  # type: ignore[misc]
        path.unlink()
        writer.post(letter(3))
        wait_until(lambda: writer.written == 1, "the letter")
        path.unlink()
        path.symlink_to("/dev/full")
        writer.post(letter(4))
    assert (writer.written, writer.dropped) == (1, 4)
    full = "ERROR Dead letters are dropped, the file cannot be written: [Errno 28] No space left on device"
    assert log == [full, "INFO Dead letters can be written again", full]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("nowhere/letters"), "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_opened_is_told_at_once(path: Path, make: object, reason: str) -> None:
    assert callable(make)
    make(path)
    with pytest.raises(LetterFileError) as told, LetterWriter(path, 10**9, 1):
        pass
    assert str(told.value) == f"messages.dead_letter_file: {path} cannot be opened: {reason}"


def test_a_pipe_that_nobody_reads_holds_up_nothing(path: Path) -> None:
    os.mkfifo(path)
    with LetterWriter(path, 10**9, 1) as writer:
        for number in range(100):
            writer.post(letter(number, bytes(60_000)))
        wait_until(lambda: writer.dropped > 0, "the pipe to be full")


def test_a_disk_that_hangs_does_not_hold_up_the_end(
    path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    append = LetterFiles.append

    def hang(files: LetterFiles, lines: Sequence[bytes]) -> int:
        released.wait()
        return append(files, lines)

    monkeypatch.setattr(LetterFiles, "append", hang)
    monkeypatch.setattr("otel_tickrmeter.letters.writer.STOP_SECONDS", 0.01)
    with LetterWriter(path, 10**9, 1) as writer:
        writer.post(letter())
    assert log == ["WARNING Some dead letters could not be written in time"]
    writer.post(letter())
    assert writer.dropped == 1
    released.set()
    wait_until(lambda: writer.written == 1, "the thread to end")
