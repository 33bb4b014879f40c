"""Boots: how often, how long, and when that cannot be told (rules 4 and 5 of docs/messages.md)."""

import pytest

from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from tests.support.driver import Driver


def test_boots_and_their_duration() -> None:
    driver = Driver()
    driver.heartbeat(1, firmware_version="62p")
    assert driver.boot(2) == [("boot_started", "A", "62p")]
    assert driver.booted(9) == [("boot_finished", "A", 7)]
    assert driver.booted(10) == [("boot_finished", "A", None)]


def test_boots_seen_stand_in_for_those_reported() -> None:
    driver = Driver()
    driver.boot(1)
    driver.boot(2)
    device = driver.fleet.devices["A"]
    assert device.boots == 2.0
    driver.heartbeat(3, boot_count=0.0)
    assert device.boots == 0.0
    driver.boot(4)
    assert device.boots == 0.0


def test_the_newest_power_up_counts() -> None:
    driver = Driver()
    driver.boot(1)
    driver.boot(5)
    driver.ledger.take()
    assert driver.booted(9) == [("boot_finished", "A", 4)]


def test_an_end_without_a_start_has_no_duration() -> None:
    assert Driver().booted(9) == [("boot_finished", "A", None)]


@pytest.mark.parametrize(("starts", "ends"), [(True, False), (False, True)])
def test_rule_4_a_boot_out_of_a_backlog_has_no_duration(*, starts: bool, ends: bool) -> None:
    driver = Driver()
    assert driver.boot(1, backlog=starts) == [("boot_started", "A", UNKNOWN)]
    assert driver.booted(2, backlog=ends) == [("boot_finished", "A", None)]


def test_rule_5_a_boot_across_a_disturbance_has_no_duration() -> None:
    driver = Driver()
    driver.boot(1)
    driver.fleet.unheard_until(0)
    assert driver.booted(2) == [("boot_finished", "A", None)]
    driver.boot(3)
    driver.fleet.connection_lost(4)
    driver.ledger.take()
    assert driver.booted(5) == [("boot_finished", "A", None)]
    driver.boot(6)
    driver.ledger.take()
    assert driver.booted(8) == [("boot_finished", "A", 2)]


def test_streams_are_told() -> None:
    assert Driver().stream(1) == [("streamed", "A", UNKNOWN)]
