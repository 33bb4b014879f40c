"""Captures in files: parts, what is missing of them, a disk that is full, and what others wrote."""

import gzip
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from otel_tickrmeter.capture import writer as module
from otel_tickrmeter.capture.chunk import Captured, Header, Note
from otel_tickrmeter.capture.open import open_recording
from otel_tickrmeter.capture.recording import RecordingError, size_of
from otel_tickrmeter.capture.write import write_capture
from otel_tickrmeter.capture.writer import CaptureFileError, CaptureWriter
from otel_tickrmeter.letters.letter import Letter, encode_letter
from otel_tickrmeter.stream.message import Connected, Lost, Message, Subscribed, Watermark
from otel_tickrmeter.stream.reason import LinkReason

CONNECTED = Connected(1, session_present=False, protocol="5")
SUBSCRIBED = Subscribed(2)


def messages(count: int, size: int = 10) -> list[Message]:
    return [Message(b"t", b"%d" % number * size, number) for number in range(count)]


def noise(count: int) -> list[Message]:
    """Messages that no compression makes smaller."""
    chance = Random(7)  # noqa: S311  no secret
    return [Message(b"t", chance.randbytes(9_000), number) for number in range(count)]


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Kept:
    """A writer whose file is read again."""

    def __init__(self, path: Path, max_bytes: int = 10**6, kept: int = 3) -> None:
        self.path = path
        self.offset_ns = 5
        self.writer = CaptureWriter(
            path, max_bytes, kept, run="r", started_ns=7, unix_offset_ns=lambda: self.offset_ns
        )

    def paths(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{self.path.name}*"))


def read(*paths: Path) -> tuple[list[Captured], list[str]]:
    """Return the items, offsets that say nothing new left out, and what was said."""
    said: list[str] = []
    recording = open_recording(paths, lambda _: None, said.append)
    items: list[Captured] = []
    offset = recording.unix_offset_ns
    for item in recording.items:
        if isinstance(item, Note) and item.unix_offset_ns is not None:
            if item.unix_offset_ns != offset:
                items.append(item)
            offset = item.unix_offset_ns
        else:
            items.append(item)
    return items, said


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "c.gz")
    with kept.writer as writer:
        writer.report(CONNECTED)
        writer.deliver(messages(3))
        kept.offset_ns = 2_000_005
        writer.report(Watermark(9, 0, 9))
    assert read(kept.path) == (
        [CONNECTED, messages(3), Note(unix_offset_ns=2_000_005), Watermark(9, 0, 9)],
        [],
    )
    assert oct(kept.path.stat().st_mode & 0o777) == "0o600"


def test_parts_are_played_in_their_order_and_each_knows_of_the_connection(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "c.gz", max_bytes=20_000, kept=2)
    batches = [noise(4)] * 12
    with kept.writer as writer:
        for event in (CONNECTED, SUBSCRIBED):
            writer.report(event)
        for batch in batches:
            writer.deliver(batch)
            wait(lambda: not writer._waiting)  # noqa: SLF001  a part for each batch or two
    assert [path.name for path in kept.paths()] == ["c.gz", "c.gz.1", "c.gz.2"]
    items, said = read(*kept.paths())
    assert items[:2] == [CONNECTED, SUBSCRIBED]
    assert items[2:] == batches[-len(items[2:]) :]
    assert 2 <= len(items[2:]) < len(batches)
    (missing,) = said
    assert missing.endswith("c.gz.2 are not here: what they told is not known")
    items, said = read(kept.paths()[0], kept.paths()[2])
    assert items[:2] == [CONNECTED, SUBSCRIBED]
    assert CONNECTED in items[2:]
    assert said[1] == f"1 parts before {kept.path} are missing"


def test_after_the_connection_is_lost_a_part_does_not_speak_of_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "c.gz", max_bytes=1, kept=9)
    lost = Lost(3, LinkReason.TIMEOUT, "")
    with kept.writer as writer:
        for event in (CONNECTED, SUBSCRIBED, lost):
            writer.report(event)
            wait(lambda: not writer._waiting)  # noqa: SLF001
        writer.deliver(messages(1))
    assert read(*kept.paths())[0] == [CONNECTED, SUBSCRIBED, lost, messages(1)]
    last = next(path for path in kept.paths() if messages(1) in read(path)[0])
    assert read(last)[0] == [messages(1)]


def test_one_that_is_there_already_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        with Kept(tmp_path / "c.gz").writer as writer:
            writer.deliver(messages(1))
    assert [path.name for path in Kept(tmp_path / "c.gz").paths()] == ["c.gz", "c.gz.1"]
    with pytest.raises(RecordingError, match="given twice"):
        read(tmp_path / "c.gz", tmp_path / "c.gz.1")


def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(CaptureFileError, match="No such file or directory"),
        Kept(tmp_path / "no" / "c").writer,
    ):
        pass


def test_what_cannot_be_kept_in_time_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 200)
    kept = Kept(tmp_path / "c.gz")
    with kept.writer as writer, writer._changed:  # noqa: SLF001  holds up the thread
        writer.deliver(messages(2))
        writer.deliver(messages(3))
        writer.report(Watermark(9, 0, 9))
    assert read(kept.path)[0] == [messages(2), Note(missed=3), Watermark(9, 0, 9)]


def test_a_full_disk_costs_messages_and_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)
    kept = Kept(tmp_path / "c.gz", kept=5)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with kept.writer as writer:
        writer.deliver(messages(1))
        wait(lambda: not writer._waiting)  # noqa: SLF001
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            writer.deliver(noise(30))
            wait(lambda: writer._missed > 0)  # noqa: SLF001
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writer.deliver(messages(2))
    items = [item for path in kept.paths() for item in read(path)[0]]
    # The one that was not on the disk yet, too.
    assert Note(missed=31) in items
    assert messages(2) in items


def test_a_disk_that_stays_full_costs_no_file_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)
    kept = Kept(tmp_path / "c.gz", kept=2)
    with kept.writer as writer:
        writer.deliver(messages(1))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = Kept(tmp_path / "c.gz", kept=2)
    with kept.writer as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
        try:
            for turn in range(1, 6):
                writer.deliver(noise(20))
                wait(lambda turn=turn: writer._missed >= 20 * turn)  # type: ignore[misc]  # noqa: SLF001
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writer.deliver(messages(3))
    assert [path.name for path in kept.paths()] == ["c.gz", "c.gz.1"]
    assert read(tmp_path / "c.gz.1")[0] == [messages(1)]
    assert read(tmp_path / "c.gz")[0] == [Note(missed=100), messages(3)]


def test_one_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path, cut = tmp_path / "c.gz", tmp_path / "cut.gz"
    items: list[Captured] = [messages(50, 20), messages(60, 30)]
    write_capture(path, Header("r", 0, 1, 2), items)
    cut.write_bytes(path.read_bytes()[:-200])
    found, said = read(cut)
    assert found == items[: len(found)]
    assert len(found) < 2
    assert f"{cut} was not ended: the exporter was killed, or still runs" in said
    assert any("ends in the middle" in text for text in said)


def test_what_cannot_be_played_is_told(tmp_path: Path) -> None:
    one, other, empty = tmp_path / "1.gz", tmp_path / "2.gz", tmp_path / "3.gz"
    write_capture(one, Header("r", 0, 1, 2), [])
    write_capture(other, Header("s", 0, 1, 2), [])
    empty.write_bytes(gzip.compress(b""))
    damaged = tmp_path / "4.gz"
    damaged.write_bytes(one.read_bytes()[:10] + b"\xff" * 40)
    text = tmp_path / "5"
    text.write_text("nothing\n")
    for paths, message in (
        ((one, other), "of another run"),
        ((empty,), "nothing in it"),
        ((damaged,), "damaged"),
        ((one, text), "cannot be played together"),
        ((text,), "no line holds a message"),
        ((tmp_path / "none",), "No such file"),
        ((tmp_path,), "Is a directory"),
    ):
        with pytest.raises(RecordingError, match=message):
            read(*paths)
    with pytest.raises(RecordingError, match="No such file"):
        size_of([tmp_path / "none"])
    with pytest.raises(RecordingError, match="File exists"):
        write_capture(one, Header("r", 0, 1, 2), [])


def test_what_mosquitto_sub_printed(tmp_path: Path) -> None:
    path = tmp_path / "t"
    heard = {"tst": "2026-01-31T10:00:00.000001Z+0000", "topic": "a", "qos": 1, "retain": 1, "payload": "x"}
    later = {**heard, "tst": "2026-01-31T10:00:02.5Z+0000", "payload": {"b": 1}, "retain": 0}
    odd = [
        {**heard, "topic": 5},
        {**heard, "tst": "now"},
        {**heard, "qos": 7},
        {**heard, "tst": "2026-01-31"},
        1,
    ]
    path.write_text("\n".join(map(json.dumps, [heard, *odd, later, heard])))
    at = 1_769_853_600_000_001_000
    items, said = read(path)
    assert items == [
        Connected(at, session_present=False, protocol="5"),
        Subscribed(at),
        [Message(b"a", b"x", at, retain=True, qos=1)],
        Watermark(at + 10**9, 0, at + 10**9),
        Watermark(at + 2 * 10**9, 0, at + 2 * 10**9),
        [Message(b"a", b'{"b": 1}', at + 2_499_999_000, qos=1)],
        [Message(b"a", b"x", at + 2_499_999_000, retain=True, qos=1)],
        Watermark(at + 3 * 10**9, 0, at + 3 * 10**9),
    ]
    assert said == [
        "5 lines held no message and are left out",
        "1 messages had an earlier time than one before them, and got that one's",
    ]


def test_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "t"
    letter = Letter(
        1_000, b"\xff", 2, retain=False, duplicate=True, message_type="m", reason="r", payload=b"\0"
    )
    path.write_bytes(encode_letter(letter) * 2)
    items, said = read(path)
    message = Message(b"\xff", b"\0", 10**9, duplicate=True, qos=2)
    assert items[2:] == [[message], [message], Watermark(2 * 10**9, 0, 2 * 10**9)]
    assert said == []
