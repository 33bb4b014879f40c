"""A state that was saved: `python -m tests.support.saved_state` writes it as this version does.

Once for each version: when a table changes, `VERSION` does, and this is run before the change is released.
From then on that file must be read, whatever the program has become.
"""

import sys
from pathlib import Path

import anyio

from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.statefile.keeper import StateKeeper
from otel_tickrmeter.statefile.layout import VERSION
from otel_tickrmeter.stream.message import Subscribed
from tests.support import autocore_assembly as boards
from tests.support.assembly import SECOND_NS, START_NS, UNIX_OFFSET_NS, assemble, compact_telemetry
from tests.support.wire import A, B, C, answer, boot, booted, request, status

DIRECTORY = Path(__file__).parent.parent / "data"
SAVED_NS = START_NS + 100 * SECOND_NS
SAVED = Moment("3e8a0cbb-bf5e-4d3e-9a6e-4c5b1a1d7f10", SAVED_NS, SAVED_NS + UNIX_OFFSET_NS)
"""When it was saved, on a machine that is no more."""


def path_of(version: int) -> Path:
    """The file that this version of the layout has, of a fleet of meters."""
    return DIRECTORY / f"state-v{version}.db"


def boards_path_of(version: int) -> Path:
    """The same of a fleet of boards. What was saved before there was that has its tables all the same."""
    return DIRECTORY / f"state-boards-v{version}.db"


def write(path: Path) -> None:
    """Let three devices do something, and save what is known of them 100 s after the start."""

    def at(seconds: float) -> int:
        return START_NS + round(seconds * SECOND_NS)

    telemetry = compact_telemetry("device")
    assembly = assemble(telemetry, "device")
    assembly.play(
        [
            Subscribed(at(0)),
            status(
                at(1), A, status="online", battery="78", firmware_version="62p", charging="1", uptime="60"
            ),
            status(at(2), B, battery=12.5, firmware_version="61a", flash_id="F1", iv="1.2"),
            *(boot(at(3), C), booted(at(5), C)),
            *(request(at(10), A), answer(at(10.3), A), answer(at(10.4), A)),
            *(request(at(11), A, "BRK.B"), request(at(12), A, "BRK.B"), answer(at(13), A, "BRK.B")),
            *(request(at(20), B), request(at(60), B, "Nestlé"), answer(at(62), B, "Nestlé")),
            *(status(at(95), B, status="offline"), request(at(99), C)),
        ]
    )
    anyio.run(StateKeeper(path, 60.0, lambda: SAVED).save, assembly.lasting(telemetry))


def write_boards(path: Path) -> None:
    """Let an AutoCore fleet have its day, one relay be switched just now, and save what is known of it."""
    telemetry = compact_telemetry("device", rows=boards.rows())
    assembly = boards.AutoCoreAssembly(telemetry)
    assembly.play(boards.scripted())
    stamp = (SAVED_NS + UNIX_OFFSET_NS) / SECOND_NS - 1
    assembly.play(
        [
            boards.message(98, "E1/telemetry", {"temperature": 20.5, "timestamp": stamp - 1}),
            boards.message(99, "E1/telemetry", {"temperature": 20.25, "timestamp": stamp}),
            boards.message(99, "E1/telemetry", {"temperature": 20, "timestamp": stamp - 30}),
            boards.message(99, "E1/display/interaction", {"action": "press"}),
            boards.message(99, "devices/D/relays/state", {"channels": {"1": False, "2": True}}),
        ]
    )
    anyio.run(StateKeeper(path, 60.0, lambda: SAVED).save, assembly.lasting(telemetry))


if __name__ == "__main__":
    missing = [
        (path, make)
        for path, make in ((path_of(VERSION), write), (boards_path_of(VERSION), write_boards))
        if not path.exists()
    ]
    if not missing:
        sys.exit(f"the files of version {VERSION} are there: another version needs another VERSION")
    for path, make in missing:
        make(path)
