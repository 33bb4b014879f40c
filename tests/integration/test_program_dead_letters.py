"""The whole program on a real broker: whatever is set aside can be found, in the log and in a file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_tickrmeter.letters.letter import decode_letter
from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import ERRORS, handled, on_the_wire, settings
from tests.support.wire import A, B, request, status

LETTERS = "tickrmeter_dead_letters_total"
DEVICE = "a0:b0:c0:d0:e0:f0:g0"
ASIDE = "Set aside, as a whole or in part: "


def test_what_is_set_aside_is_told_kept_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    environment = {"MQTT__QOS": "2", "MONITORING__MAX_DEVICES": "1", "MESSAGES__DEAD_LETTER_FILE": str(path)}
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, **environment), measured=True) as exporter,
    ):
        exporter.wait_ready()
        assert exporter.scrape().series[LETTERS].keys() == {
            frozenset({("outcome", "written")}),
            frozenset({("outcome", "dropped")}),
        }
        good = on_the_wire([request(0)])
        bad = [
            ("STOCKPRICEUPDATE", b'{"device":"%s","symbol":"AAPL"}' % DEVICE.encode()),
            ("DEVICESTATUS_RES", b'{"device":"%s","battery":\x1b[2J' % A.encode()),
            *on_the_wire([request(0, B), status(0, A, battery=[])]),
        ]
        for number, each in enumerate([*good, *bad]):
            broker.publish([each], qos=number % 3)
            # One by one: a delivery at QoS 2 takes longer than the next one at QoS 0.
            counted = handled(exporter, number + 1)
        assert counted.total(ERRORS) == 2
        exporter.wait(
            lambda: exporter.scrape().value(LETTERS, outcome="written") == 4, "to write the letters"
        )
        assert exporter.scrape().value(LETTERS, outcome="dropped") == 0
        exporter.wait(lambda: exporter.log.count(", payload ") == 4, "to log them")
        lines = [line.partition("set_aside: ") for line in exporter.log.splitlines()]
        told = [(before.split()[1], said.partition(", payload ")) for before, found, said in lines if found]
        assert [(level, said) for level, (said, _, _) in told] == [
            (
                "WARNING",
                f"{ASIDE}stock_request (device_pattern), device '{DEVICE}', topic 'STOCKPRICEUPDATE'",
            ),
            (
                "WARNING",
                f"Failed to parse message: device_status (bad_json), device '{A}', topic 'DEVICESTATUS_RES'",
            ),
            ("WARNING", f"{ASIDE}stock_request (max_devices), device '{B}', topic 'STOCKPRICEUPDATE'"),
            ("WARNING", f"{ASIDE}device_status (wrong_type), device '{A}', topic 'DEVICESTATUS_RES'"),
        ]
        assert told[1][1][2] == rf"""'{{"device":"{A}","battery":\x1b[2J'"""
        assert exporter.stop() == 0
    letters = [decode_letter(line) for line in path.read_bytes().splitlines()]
    assert [(letter.topic.decode(), letter.payload) for letter in letters] == bad
    assert [letter.qos for letter in letters] == [1, 2, 0, 1]
    assert [letter.reason for letter in letters] == [
        "device_pattern",
        "bad_json",
        "max_devices",
        "wrong_type",
    ]
    assert path.stat().st_mode & 0o777 == 0o600

    shown = subprocess.run(
        [sys.executable, "-m", "otel_tickrmeter", "dead-letters", str(path)],
        env=child_environment(measured=True),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert shown.stdout.startswith("4 dead letters\n")
    assert "\nmax_devices, stock_request: 1\n" in shown.stdout


def test_a_flood_is_told_in_few_lines_and_what_cannot_be_kept_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.symlink_to("/dev/full")
    environment = {"MESSAGES__DEAD_LETTER_FILE": str(path)}
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, **environment)) as exporter,
    ):
        exporter.wait_ready()
        count = 20_000
        broker.publish([("TICKRMETERBOOT", b"{%d" % number) for number in range(count)])
        assert handled(exporter, count).total(ERRORS) == count
        exporter.wait(lambda: exporter.scrape().value(LETTERS, outcome="dropped") == count, "to drop them")
        assert exporter.log.count("Dead letters are dropped") == 1
        assert 1 <= exporter.log.count("Failed to parse message: ") <= 10  # one a minute
        path.unlink()
        broker.publish([("TICKRMETERBOOT", b"{last")])
        exporter.wait(lambda: exporter.scrape().value(LETTERS, outcome="written") == 1, "to write again")
        exporter.wait_logged("Dead letters can be written again")
        assert decode_letter(path.read_bytes()).payload == b"{last"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (".", "messages.dead_letter_file: {path} is a directory"),
        ("file/letters", "messages.dead_letter_file: {path} is in a directory that does not exist"),
    ],
)
def test_a_file_that_cannot_be_opened_starts_nothing(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "file").touch()
    path = os.path.normpath(tmp_path / name)
    ended = subprocess.run(
        [sys.executable, "-m", "otel_tickrmeter", "run", "--listen", "127.0.0.1:0"],
        cwd=tmp_path,
        env={**child_environment(measured=True), "TICKRMETER_MESSAGES__DEAD_LETTER_FILE": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    assert sentence.format(path=path) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Stopped" not in ended.stderr
