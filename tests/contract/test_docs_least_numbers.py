"""What docs/partitions.md says of alerts that go by a number of each exporter is what these alerts do."""

import re

import pytest

from tests.contract.alert_rules import ROOT
from tools.dashlint.project import alerts, recordings

HEADING = "| alert | more than, in each exporter |"
WITH = 4


def rows() -> list[list[str]]:
    """The cells of each row of the table."""
    text = (ROOT / "docs" / "partitions.md").read_text(encoding="utf-8")
    lines = text.partition(HEADING)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ROWS = rows()
PER_EXPORTER = {
    *("HighTimeoutRate", "TickrMeterSymbolTimesOut", "TickrMeterSymbolSilent"),
    *("TickrMeterFirmwareTimesOut", "TickrMeterFirmwareLosesDevices", "TickrMeterFleetDrop"),
    *("TickrMeterWifiLossesSpiking", "TickrMeterRebootsSpiking"),
}


def test_the_alerts_about_a_fleet_that_go_by_a_number_are_there() -> None:
    assert {name for name, *_ in ROWS} >= PER_EXPORTER


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_least_number_is_that_of_the_alert_and_n_times_as_high_in_the_fleet(row: list[str]) -> None:
    name, least, in_fleet, level = row
    (alert,) = (alert for alert in alerts() if alert.name == name)
    number = least.split()[0]
    assert re.search(rf"> {re.escape(number)}(?![\d.])", alert.expression), alert.expression
    assert float(in_fleet) == pytest.approx(WITH * float(number))
    assert level.strip("`") in {"", *(rule.record for rule in recordings())}
