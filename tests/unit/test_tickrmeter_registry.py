"""Bounds that give way: a share for each device, and room where something has long been unused."""

from otel_tickrmeter.fleets.tickrmeter.registry import (
    PRUNE_BELOW_REQUESTS,
    RETENTIONS_OF_A_BUSY_SYMBOL,
    ROOM_PAUSE_NS,
)
from tests.support.driver import Driver


def asked(driver: Driver, at_ns: int, device: str, symbol: str) -> set[object]:
    """Let the device ask and be answered; returns the kinds of things that happened."""
    entries = driver.request(at_ns, device, symbol)
    return {entry[0] for entry in entries + driver.answer(at_ns, device, symbol)}


def test_beyond_its_share_a_devices_longest_unused_symbol_gives_way() -> None:
    driver = Driver(max_device_symbols=2)
    asked(driver, 1, "A", "X")
    asked(driver, 2, "A", "Y")
    asked(driver, 3, "A", "X")
    assert driver.request(4, "A", "Z") == [
        ("ended_pair", "A", "Y"),
        ("displaced", "pair"),
        ("requested", "A", "Z"),
    ]
    assert set(driver.fleet.devices["A"].pairs) == {"X", "Z"}
    assert driver.fleet.devices["A"].displaced == 1
    assert driver.request(5, "B", "Y") == [("requested", "B", "Y")]


def test_an_open_request_gives_way_last_and_is_abandoned() -> None:
    driver = Driver(max_device_symbols=2)
    driver.request(1, "A", "X")
    asked(driver, 2, "A", "Y")
    assert ("ended_pair", "A", "Y") in driver.request(3, "A", "Z")
    assert driver.request(4, "A", "W")[:2] == [("abandoned", "A", "X"), ("ended_pair", "A", "X")]


def test_one_device_that_asks_for_ever_more_symbols_takes_no_place_from_others() -> None:
    driver = Driver(max_device_symbols=3, max_symbols=10)
    for number in range(1000):
        driver.request(number, "greedy", f"S{number}")
    assert len(driver.fleet.symbols) == 10
    assert driver.request(1001, "A", "X")[-1] == ("requested", "A", "X")
    assert ("rejected", "symbol", "max_symbols") not in driver.ledger.entries
    assert set(driver.fleet.devices["greedy"].pairs) <= set(driver.fleet.symbols)


def test_what_is_rejected_displaces_nothing() -> None:
    driver = Driver(max_device_symbols=1, max_symbols=1)
    asked(driver, 1, "A", "X")
    asked(driver, 1, "B", "X")
    assert driver.request(2, "A", "Y") == [("rejected", "symbol", "max_symbols")]
    assert set(driver.fleet.devices["A"].pairs) == {"X"}


def test_a_device_alone_with_its_symbol_may_exchange_it_for_another() -> None:
    driver = Driver(max_device_symbols=1, max_symbols=1)
    asked(driver, 1, "A", "X")
    assert driver.request(2, "A", "Y") == [
        ("ended_pair", "A", "X"),
        ("displaced", "pair"),
        ("ended", "symbol", "X"),
        ("displaced", "symbol"),
        ("requested", "A", "Y"),
    ]


def test_a_symbol_that_a_device_asks_for_does_not_give_way_to_another() -> None:
    driver = Driver(max_symbols=1)
    asked(driver, 1, "A", "X")
    assert driver.request(300, "A", "Y") == [("rejected", "symbol", "max_symbols")]


def test_at_the_bound_a_symbol_gives_way_that_has_long_been_unused_however_busy_it_was() -> None:
    driver = Driver(max_symbols=2)
    for _ in range(PRUNE_BELOW_REQUESTS):
        driver.request(1, "A", "X")
    asked(driver, 2, "A", "Y")
    driver.stream(150, "A")
    driver.stream(300, "A")
    asked(driver, 301, "A", "Y")
    driver.ledger.take()
    assert driver.request(302, "A", "Z") == [
        ("ended_pair", "A", "X"),
        ("ended", "symbol", "X"),
        ("displaced", "symbol"),
        ("requested", "A", "Z"),
    ]


def test_at_the_bound_a_pair_gives_way_that_has_long_been_unused() -> None:
    driver = Driver(max_pairs=2)
    asked(driver, 1, "A", "X")
    asked(driver, 2, "A", "Y")
    driver.stream(150, "A")
    driver.stream(302, "A")
    assert driver.request(302, "B", "X")[:2] == [("ended_pair", "A", "X"), ("displaced", "pair")]
    assert driver.request(303, "B", "Y") == [("rejected", "device", "max_pairs")]


def test_room_is_looked_for_once_in_a_while() -> None:
    long_ns = 10 * ROOM_PAUSE_NS
    driver = Driver(max_pairs=1, max_symbols=1, device_timeout_ns=long_ns, symbol_retention_ns=long_ns)
    asked(driver, 1, "A", "X")
    long_after_ns = 5 * ROOM_PAUSE_NS
    assert driver.request(long_after_ns, "A", "Y") == [("rejected", "device", "max_pairs")]
    driver.fleet.devices["A"].pairs["X"].closed_ns = -20 * ROOM_PAUSE_NS
    assert driver.request(long_after_ns + ROOM_PAUSE_NS - 1, "A", "Y") == [
        ("rejected", "device", "max_pairs")
    ]
    # The pair gives way, and with it the symbol that nobody else asks for.
    assert driver.request(long_after_ns + ROOM_PAUSE_NS, "A", "Y")[-1] == ("requested", "A", "Y")
    assert set(driver.fleet.symbols) == {"Y"}


def test_looking_for_a_symbols_room_has_its_own_pause() -> None:
    driver = Driver(max_symbols=1, device_timeout_ns=10)
    driver.request(1, "A", "X")
    assert driver.request(2, "A", "Y") == [("rejected", "symbol", "max_symbols")]
    driver.stream(9, "A")
    driver.stream(18, "A")
    assert driver.request(19, "A", "Y") == [("rejected", "symbol", "max_symbols")]


def test_a_busy_symbol_leaves_too_when_it_has_been_idle_for_many_times_as_long() -> None:
    driver = Driver(symbol_retention_ns=1000)
    for _ in range(PRUNE_BELOW_REQUESTS):
        driver.request(1, "A", "X")
    driver.advance(1 + RETENTIONS_OF_A_BUSY_SYMBOL * 1000)
    assert set(driver.fleet.symbols) == {"X"}
    driver.advance(100 + RETENTIONS_OF_A_BUSY_SYMBOL * 1000)
    assert set(driver.fleet.symbols) == set()


def test_a_symbol_that_is_asked_for_again_is_no_orphan() -> None:
    driver = Driver(max_symbols=2, max_device_symbols=1)
    asked(driver, 1, "A", "X")
    asked(driver, 2, "A", "Y")
    assert driver.request(3, "B", "X") == [("requested", "B", "X")]
    assert driver.request(4, "C", "Z") == [("rejected", "symbol", "max_symbols")]
