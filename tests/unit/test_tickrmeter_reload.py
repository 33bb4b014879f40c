"""Bounds that change while requests are open and identities known. LIMITS: a timeout of 30."""

from dataclasses import replace

import pytest

from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow
from tests.support.driver import Driver
from tests.support.ledger import Entry

TIMED_OUT = [("timed_out", "A", "X")]


def use(driver: Driver, **changes: int) -> None:
    driver.fleet.use(replace(driver.limits, **changes))


@pytest.mark.parametrize(
    ("timeout", "moment", "happened"),
    [
        # Asked at 100; other settings at 110. It keeps 130 where the timeout is longer now,
        (1000, 130, []),
        (1000, 131, TIMED_OUT),
        # and is due with what is asked at 110 where it is shorter: none is told of before the change.
        (5, 115, []),
        (5, 116, TIMED_OUT),
        (20, 130, []),
        (20, 131, TIMED_OUT),
    ],
)
def test_an_open_request_keeps_its_deadline_unless_a_new_one_would_be_due_before(
    timeout: int, moment: int, happened: list[Entry]
) -> None:
    driver = Driver()
    driver.request(100)
    driver.advance(110)
    use(driver, request_timeout_ns=timeout)
    assert driver.advance(moment) == happened


def test_the_next_request_has_the_new_timeout_and_an_answer_its_latency() -> None:
    driver = Driver()
    driver.request(100)
    driver.advance(110)
    use(driver, request_timeout_ns=5)
    driver.request(112, "B")
    assert driver.answer(115) == [("answered", "A", "X", 15)]
    assert driver.advance(117) == []
    assert driver.advance(118) == [("timed_out", "B", "X")]


def test_deadlines_stay_in_order_after_any_change() -> None:
    driver = Driver()
    driver.request(100, "A")
    driver.request(109, "B")
    driver.advance(110)
    use(driver, request_timeout_ns=10)
    driver.request(110, "C")
    driver.ledger.take()
    assert driver.advance(121) == [("timed_out", device, "X") for device in "ABC"]


def test_for_how_long_an_answer_is_late_changes_too() -> None:
    driver = Driver(cleanup_interval_ns=1000)
    driver.request(100)
    driver.advance(131)
    use(driver, device_timeout_ns=40, cleanup_interval_ns=1000)
    assert driver.answer(171) == [("unmatched", "unsolicited")]


def test_cleanup_comes_sooner_with_a_shorter_interval_and_not_at_once() -> None:
    driver = Driver(cleanup_interval_ns=1000)
    driver.heartbeat(1)
    use(driver, cleanup_interval_ns=10, device_timeout_ns=5)
    driver.advance(10)
    assert set(driver.fleet.devices) == {"A"}
    driver.advance(11)
    assert set(driver.fleet.devices) == set()


def test_before_anything_came_there_is_no_time_to_clean_up_at() -> None:
    driver = Driver()
    use(driver, cleanup_interval_ns=10)
    driver.heartbeat(1000)
    driver.advance(1009)
    assert set(driver.fleet.devices) == {"A"}


def test_narrower_bounds_throw_nobody_out_and_let_nobody_in() -> None:
    driver = Driver()
    for device, symbol in (("A", "X"), ("B", "Y"), ("C", "Z")):
        driver.request(1, device, symbol)
        driver.answer(1, device, symbol)
    use(driver, max_devices=1, max_symbols=1, max_pairs=1)
    assert (set(driver.fleet.devices), set(driver.fleet.symbols)) == ({*"ABC"}, {*"XYZ"})
    assert driver.request(2, "A", "X") == [("requested", "A", "X")]
    assert driver.request(2, "D", "X") == [("rejected", "device", "max_devices")]
    assert driver.request(2, "A", "Y") == [("rejected", "device", "max_pairs")]


def test_a_device_with_more_than_its_share_loses_the_excess_with_its_next_new_symbol() -> None:
    driver = Driver()
    for at_ns, symbol in enumerate("VWXYZ"):
        driver.request(at_ns, symbol=symbol)
        if symbol != "V":
            driver.answer(at_ns, symbol=symbol)
    use(driver, max_device_symbols=2)
    driver.request(6, symbol="Z")
    assert set(driver.fleet.devices["A"].pairs) == {*"VWXYZ"}
    told = driver.request(7, symbol="NEW")
    # The one that is asked for and not answered yet stays longest.
    assert [name for kind, *name in told if kind == "ended_pair"] == [["A", s] for s in "WXY"] + [["A", "V"]]
    assert set(driver.fleet.devices["A"].pairs) == {"Z", "NEW"}


def test_a_window_that_becomes_smaller_keeps_the_newest_and_grows_again() -> None:
    window = OutcomeWindow(100, 900)
    for at_ns in range(20):
        window.add_answer(at_ns, at_ns)
    window.use(3, 900)
    assert window.figures(20).answered == 20
    window.add_answer(20, 20)
    assert window.figures(20).answered == 3
    assert window.tally(0, 100).latency_ns == 18 + 19 + 20
    window.use(40, 900)
    for at_ns in range(21, 70):
        window.add_answer(at_ns, at_ns)
    assert window.figures(70).answered == 40
    window.use(40, 10)
    assert window.figures(70).answered == 9


def test_symbols_that_are_known_get_the_new_window() -> None:
    driver = Driver()
    driver.request(1)
    driver.answer(2)
    use(driver, latency_window_ns=5)
    driver.advance(8)
    assert driver.fleet.symbols["X"].window.figures(8).answered == 0
