"""`otel-tickrmeter dead-letters`: what people see of the files, whole or damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_tickrmeter.cli import main
from otel_tickrmeter.letters.letter import Letter, encode_letter
from otel_tickrmeter.letters.show import LONGEST_LINE
from tests.support.wire import A

LETTER = Letter(
    1_767_225_600_123,
    b"TICKRMETERBOOT",
    qos=0,
    retain=False,
    duplicate=False,
    message_type="device_boot",
    reason="bad_json",
    payload=b"{",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "letters"


def shown(capsys: pytest.CaptureFixture[str], *paths: Path, code: int = 0) -> list[str]:
    assert main(["dead-letters", *map(str, paths)]) == code
    return capsys.readouterr().out.splitlines()


def test_letters_are_grouped_by_reason_and_type(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [
        LETTER._replace(
            time_ms=LETTER.time_ms + number,
            topic=A.encode() if number else b"\xff\n",
            message_type="stock_response",
            qos=number,
            retain=number == 1,
            duplicate=number == 2,
            payload=b"\x1b[2J%d" % number,
        )
        for number in range(3)
    ]
    path.write_bytes(b"".join(map(encode_letter, [LETTER, *reversed(answers)])))
    assert shown(capsys, path) == [
        "4 dead letters",
        "",
        "bad_json, stock_response: 3",
        "  from 2026-01-01T00:00:00.123Z to 2026-01-01T00:00:00.125Z",
        rf"  topics: '{A}' (2), '\xff\n' (1)",
        rf"  2026-01-01T00:00:00.125Z '{A}' (QoS 2, duplicate) '\x1b[2J2'",
        rf"  2026-01-01T00:00:00.124Z '{A}' (QoS 1, retained) '\x1b[2J1'",
        r"  2026-01-01T00:00:00.123Z '\xff\n' '\x1b[2J0'",
        "",
        "bad_json, device_boot: 1",
        "  from 2026-01-01T00:00:00.123Z to 2026-01-01T00:00:00.123Z",
        "  topics: 'TICKRMETERBOOT' (1)",
        "  2026-01-01T00:00:00.123Z 'TICKRMETERBOOT' '{'",
    ]


def test_only_a_few_topics_and_samples_are_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = [LETTER._replace(topic=b"%d" % (n % 20), payload=b"x" * (n // 20 + 119)) for n in range(200)]
    path.write_bytes(b"".join(map(encode_letter, many)))
    lines = shown(capsys, path)
    assert len(lines) == 8
    assert lines[4] == "  topics: '0' (10), '1' (10), '2' (10), '3' (10), '4' (10) and 15 more"
    assert [line.partition("x' ")[2] for line in lines[5:]] == ["", "", "(the first 120 of 121 bytes)"]


def test_rotated_files_are_read_together(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    older = path.with_name("letters.1")
    path.write_bytes(encode_letter(LETTER))
    older.write_bytes(encode_letter(LETTER._replace(time_ms=0)))
    lines = shown(capsys, path, older)
    assert lines[0] == "2 dead letters"
    assert lines[3] == "  from 1970-01-01T00:00:00.000Z to 2026-01-01T00:00:00.123Z"


def test_what_is_damaged_is_counted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = encode_letter(LETTER)
    path.write_bytes(line + b"{}\n\xff\x00\n\n" + line[9:] + line + line[:-9])
    lines = shown(capsys, path)
    assert lines[0] == "2 dead letters"
    assert lines[-3:] == ["", "3 damaged lines left out", "1 last line cut off"]


def test_a_last_line_without_its_newline_is_a_letter(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_bytes(encode_letter(LETTER)[:-1])
    assert shown(capsys, path)[0] == "1 dead letter"


def test_the_largest_letter_is_no_damage(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    largest = LETTER._replace(topic=b"\xff" * 65_535, payload=bytes(65_536))
    assert len(encode_letter(largest)) < LONGEST_LINE
    path.write_bytes(encode_letter(largest))
    lines = shown(capsys, path)
    assert lines[0] == "1 dead letter"
    assert max(map(len, lines)) < 1_500


def test_a_line_without_end_does_not_fill_the_memory(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with path.open("wb") as file:
        file.truncate(5 * LONGEST_LINE + 1)
    assert shown(capsys, path) == ["0 dead letters", "", "5 damaged lines left out", "1 last line cut off"]


def test_texts_of_a_forged_file_steer_no_terminal(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_bytes(encode_letter(LETTER._replace(reason="\x1b[2J\n", message_type="\u202e")))
    lines = shown(capsys, path)
    assert lines[2] == r"\x1b[2J\n, \u202e: 1"


def test_an_empty_file_has_no_letters(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.touch()
    assert shown(capsys, path) == ["0 dead letters"]


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(encode_letter(LETTER))
    missing = path.with_name("missing")
    assert main(["dead-letters", str(missing), str(path.parent), "nul\0", str(path)]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("1 dead letter\n")
    assert told.err.splitlines() == [
        f"otel-tickrmeter dead-letters: {missing} cannot be read: No such file or directory",
        f"otel-tickrmeter dead-letters: {path.parent} cannot be read: Is a directory",
        r"otel-tickrmeter dead-letters: nul\x00 cannot be read: embedded null byte",
    ]


def test_a_reader_that_has_seen_enough_is_no_failure(path: Path) -> None:
    path.write_bytes(encode_letter(LETTER))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        ended = subprocess.run(
            [sys.executable, "-m", "otel_tickrmeter", "dead-letters", str(path)],
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dead-letters", "--help"])
    assert ended.value.code == 0
    assert "example:\n  otel-tickrmeter dead-letters /" in capsys.readouterr().out
