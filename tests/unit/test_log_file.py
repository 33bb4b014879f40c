"""The log file: rotated by size, deleted by age, and never lost from sight."""

import os
import threading
from pathlib import Path

import pytest
from loguru import logger

from otel_tickrmeter.log_file import LogFile, write_all
from otel_tickrmeter.logs import configure_logging, end_logging
from otel_tickrmeter.settings.model import LoggingSettings

WEEK = 604_800.0


def test_it_rotates_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    configure_logging(LoggingSettings(file=path, rotation=2000))
    for number in range(100):
        logger.info("message {} \udcff", number)
    end_logging()
    logs = sorted(tmp_path.iterdir())
    assert 2 < len(logs) < 10
    assert all(log.stat().st_size <= 2000 for log in logs)
    text = "".join(log.read_text() for log in logs)
    assert all(f"message {number} " in text for number in range(100))


def test_a_line_longer_than_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    file = LogFile(path, 10, WEEK)
    file.write(b"a line longer than that\n")
    file.write(b"another\n")
    assert path.read_bytes() == b"another\n"
    assert len(list(tmp_path.iterdir())) == 2
    file.close()


def test_old_ones_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    old = tmp_path / "x.2024-01-01_00-00-00_000000.log"
    kept = [tmp_path / "x.2024-01-01_00-00-00_000001.log", tmp_path / "x.conf.log", tmp_path / "y.log"]
    for other in (old, *kept):
        other.touch()
        if other != kept[0]:
            os.utime(other, (0, 0))
    file = LogFile(path, 10, WEEK)
    file.write(b"0123456789")
    assert old.exists()
    file.write(b"0123456789")
    assert not old.exists()
    assert all(other.exists() for other in kept)
    file.close()


@pytest.mark.parametrize("how", ["moved", "deleted", "replaced"])
def test_a_file_that_is_gone_is_begun_anew(tmp_path: Path, how: str) -> None:
    path, away = tmp_path / "x.log", tmp_path / "away"
    file = LogFile(path, 1000, WEEK)
    file.write(b"one\n")
    path.rename(away)
    if how == "deleted":
        away.unlink()
    elif how == "replaced":
        path.write_bytes(b"theirs\n")
    file.write(b"two\n")
    assert path.read_bytes() == (b"theirs\ntwo\n" if how == "replaced" else b"two\n")
    file.close()


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    file = LogFile(Path("x.log"), 1000, WEEK)
    monkeypatch.chdir("elsewhere")
    Path("../x.log").unlink()
    file.write(b"one\n")
    assert (tmp_path / "x.log").read_bytes() == b"one\n"
    file.close()


def test_a_directory_that_comes_back_is_written_to_again(tmp_path: Path) -> None:
    directory = tmp_path / "logs"
    directory.mkdir()
    file = LogFile(directory / "x.log", 1000, WEEK)
    (directory / "x.log").unlink()
    directory.rmdir()
    with pytest.raises(FileNotFoundError):
        file.write(b"one\n")
    directory.mkdir()
    file.write(b"two\n")
    assert (directory / "x.log").read_bytes() == b"two\n"
    file.close()


def test_a_device_is_not_rotated() -> None:
    file = LogFile(Path("/dev/null"), 1, WEEK)
    for _ in range(3):
        file.write(b"more than that\n")
    file.close()


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    sent = os.urandom(300_000)

    def write() -> None:
        write_all(writing, sent)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    received = bytearray()
    while data := os.read(reading, 65_536):
        received += data
    writer.join()
    os.close(reading)
    assert bytes(received) == sent
