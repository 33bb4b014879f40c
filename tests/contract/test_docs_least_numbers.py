"""What docs/partitions.md says of alerts that go by a number of the whole fleet is what these alerts do."""

import re

import pytest
from promql_parser import BinaryExpr, Expr, NumberLiteral, parse

from alerts.rule import Subject
from tests.contract.alert_rules import ROOT
from tools.dashlint.project import alerts, recordings
from tools.dashlint.promql.walk import children, selectors

TEXT = (ROOT / "docs" / "partitions.md").read_text(encoding="utf-8")
HEADING = "| alert | more than, in the whole fleet |"
ABOUT_A_FLEET = {Subject.BACKEND, Subject.DEVICES, Subject.AUTOCORE}
COUNTED_BY_EACH = "HighTimeoutRate"
# Of these a number is no count of devices, requests or losses, or it is one of a single device or exporter.
NOT_A_COUNT = {
    *("HighSymbolLatency", "TickrMeterSymbolSlowerThanUsual", "TickrMeterSymbolUnusual"),
    *("TickrMeterUpdateSuccessBudgetBurn", "TickrMeterUpdateLatencyBudgetBurn", "TickrMeterBatteriesLow"),
    *("AutoCoreDeviceOffline", "AutoCoreDeviceFlapping", "AutoCoreSafetyShutoff", "AutoCoreSensorUnusual"),
    *("AutoCoreClockWrong", "AutoCoreMessagesBad", "AutoCoreDatabaseDown", "AutoCoreSpoolFilling"),
    *("AutoCoreRowsLost", "AutoCoreRowsRefused", "AutoCoreRuleFails", "AutoCoreNoticesFail"),
}


def rows() -> list[list[str]]:
    """The cells of each row of the table."""
    lines = TEXT.partition(HEADING)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ROWS = rows()


def numbers(node: Expr) -> set[float]:
    """What something is compared with."""
    found = {number for child in children(node) for number in numbers(child)}
    if isinstance(node, BinaryExpr) and str(node.op) in {">", "<", ">=", "<="}:
        found |= {side.val for side in (node.lhs, node.rhs) if isinstance(side, NumberLiteral)}
    return found


def test_each_alert_about_a_fleet_is_of_the_table_or_no_count() -> None:
    about = {alert.name for alert in alerts() if alert.subject in ABOUT_A_FLEET}
    listed = {name for name, *_ in ROWS}
    assert listed - about == {"TickrMeterMessageRateLow"}
    assert about - listed == {COUNTED_BY_EACH, *NOT_A_COUNT}
    assert f"\n- {COUNTED_BY_EACH} alone counts in each exporter" in TEXT


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_least_number_is_that_of_the_alert_and_of_the_whole_fleet(row: list[str]) -> None:
    name, least, level = row
    (alert,) = (alert for alert in alerts() if alert.name == name)
    expression = parse(alert.expression)
    assert alert.whole
    assert float(least.split()[0]) in numbers(expression)
    # A rate is made a count of the time that the row names.
    if minutes := re.search(r" in (\d+) minutes", least):
        assert re.search(rf"\* {60 * int(minutes[1])}\b", alert.expression), alert.expression
    asked = {selector.name for selector, _ in selectors(expression)}
    assert level.strip("`") in asked
    recorded = {rule.record for rule in recordings() if rule.record.startswith("fleet")}
    assert asked - {"ALERTS"} <= recorded
