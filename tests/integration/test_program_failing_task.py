"""One part of the program fails as it never should: the program ends with it, and says so; no part is missed.

A service manager then starts it again. What must not be is a program that looks well and does not hear.
"""

import sys
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import MESSAGES as HEARD
from tests.integration.program_traffic import on_the_wire, settings
from tests.support.wire import request

PROGRAM = """
import importlib, pathlib, sys
from otel_tickrmeter.__main__ import main

module, owner, name = sys.argv.pop(1).split(":")
owner = getattr(importlib.import_module(module), owner)
usual = getattr(owner, name)

def may_fail(*arguments, **named):
    if pathlib.Path("fail").exists():
        raise RuntimeError("made to fail")
    return usual(*arguments, **named)

setattr(owner, name, may_fail)
sys.exit(main())
"""

ENDING = (
    "otel_tickrmeter.mqtt.feed:Feed:_take_in",
    "otel_tickrmeter.handler:Handler:report",
    "otel_tickrmeter.capture.writer:CaptureWriter:_write",
    "otel_tickrmeter.letters.writer:LetterWriter:_write",
)
GOING_ON = (
    "otel_tickrmeter.telemetry.snapshot:SnapshotTelemetry:_render",
    "otel_tickrmeter.fleets.tickrmeter.intake:TickrMeterIntake:take",
)
MESSAGES = [*on_the_wire([request(0)]), ("STOCKPRICEUPDATE", b"{")]


def exporter_with(directory: Path, broker: Mosquitto, part: str) -> Exporter:
    """One whose part fails as soon as there is a file `fail`."""
    environment = settings(broker.url, MESSAGES__DEAD_LETTER_FILE="letters")
    program = (sys.executable, "-c", PROGRAM, part)
    return Exporter(directory, environment, program=program, arguments=["--capture", "c.gz"])


@pytest.mark.parametrize("part", ENDING)
def test_a_part_that_fails_ends_the_program(tmp_path: Path, part: str) -> None:
    with Mosquitto(tmp_path) as broker, exporter_with(tmp_path, broker, part) as exporter:
        exporter.wait_ready()
        (tmp_path / "fail").touch()
        broker.publish(MESSAGES)
        assert exporter.wait_end() == 1
        assert "The exporter failed" in exporter.log
        assert "made to fail" in exporter.log


@pytest.mark.parametrize("part", GOING_ON)
def test_a_part_that_can_fail_and_try_again_is_no_end(tmp_path: Path, part: str) -> None:
    with Mosquitto(tmp_path) as broker, exporter_with(tmp_path, broker, part) as exporter:
        exporter.wait_ready()
        (tmp_path / "fail").touch()
        broker.publish(MESSAGES)
        exporter.wait_logged("made to fail")
        (tmp_path / "fail").unlink()
        seen = exporter.scrape().total(HEARD)
        broker.publish(MESSAGES)
        exporter.wait(lambda: exporter.scrape().total(HEARD) > seen, "to go on")
        exporter.wait_ready()
        assert exporter.stop() == 0
