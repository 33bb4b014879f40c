"""What of an AutoCore fleet stands in the log."""

from otel_tickrmeter.fleets.autocore.diary import LINES_A_MINUTE, Diary
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from tests.support.autocore import Driver


class Written(Driver):
    """A driver whose fleet has a diary; `lines` has what it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.fleet = Fleet(self.limits, Together(self.ledger, Diary(self.lines.append)))
        self.intake._fleet = self.fleet  # noqa: SLF001  the test puts another listener in


def test_devices_that_come_and_go() -> None:
    fleet = Written()
    fleet.online(1)
    fleet.online(2)
    fleet.publish(3, "autocore/A/status", {"status": "offline"})
    assert fleet.lines == [
        "Device A status updated: online (reported)",
        "Device A status updated: offline (reported)",
    ]


def test_a_whole_fleet_that_comes_at_once_does_not_fill_the_log() -> None:
    fleet = Written()
    for number in range(LINES_A_MINUTE + 5):
        fleet.online(1, f"D{number}")
    assert len(fleet.lines) == LINES_A_MINUTE
    fleet.online(61, "late")
    assert fleet.lines[LINES_A_MINUTE:] == [
        "5 more devices came or went",
        "Device late status updated: online (reported)",
    ]
