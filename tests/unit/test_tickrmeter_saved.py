"""A TickrMeter fleet's state, handed out and taken back: ages, who is online, what is no state at all."""

from collections.abc import Callable
from typing import Any

import pytest

from otel_tickrmeter.fleets.tickrmeter.heartbeat import PLACES
from otel_tickrmeter.fleets.tickrmeter.memory import FleetMemory, FleetRecall
from otel_tickrmeter.fleets.tickrmeter.saved import FORMS
from otel_tickrmeter.saved.form import SavedError, Tables, from_rows, to_rows
from tests.support.driver import Driver

Rows = dict[str, list[tuple[Any, ...]]]


def rows(driver: Driver) -> Rows:
    """What would be written."""
    tables = FleetMemory(driver.fleet).kept()
    return {form.name: list(to_rows(form, tables[form.name])) for form in FORMS}


def tables(written: Rows) -> Tables:
    return {form.name: from_rows(form, written[form.name]) for form in FORMS}


def recall(
    driver: Driver, written: Rows, now_ns: int, *, shift_ns: int = 0, counted: bool = True
) -> FleetRecall:
    return FleetMemory(driver.fleet).read(tables(written), shift_ns, now_ns, counted=counted)


def restarted(driver: Driver, now_ns: int, **how: Any) -> Driver:  # noqa: ANN401  those of `recall`
    """Another one that has taken back what was saved now, and listens from `now_ns` on."""
    new = Driver()
    recall(new, rows(driver), now_ns, **how).take_over()
    return new


def seen_at(at_ns: int) -> Driver:
    driver = Driver()
    driver.request(at_ns)
    driver.answer(at_ns + 1)
    return driver


class TestWhoIsThere:
    def test_time_that_we_were_down_is_no_silence(self) -> None:
        new = restarted(seen_at(0), 200)
        assert new.online() == {"A"}
        # Its answer was read one nanosecond after its request, when we stopped.
        new.advance(200 + 299)
        assert new.online() == {"A"}
        new.advance(200 + 300)
        assert new.online() == set()
        new.advance(200 + 300 + 60)
        assert not new.fleet.devices

    def test_who_may_have_left_meanwhile_is_known_and_not_online(self) -> None:
        new = restarted(seen_at(0), 400)
        assert set(new.fleet.devices) == {"A"}
        assert new.online() == set()
        new.request(401)
        assert new.online() == {"A"}

    def test_who_said_offline_stays_so(self) -> None:
        driver = Driver()
        driver.heartbeat(0, online=False)
        assert restarted(driver, 1).online() == set()

    def test_what_it_reported_is_known(self) -> None:
        driver = Driver()
        driver.heartbeat(0, battery=50.0, charging=True, firmware_version="62p")
        driver.boot(1)
        device = restarted(driver, 2).fleet.devices["A"]
        assert (device.reading("battery"), device.reading("charging")) == (50.0, True)
        assert device.reading("flash_id") is None
        assert (device.firmware_version, device.boots) == ("62p", 1.0)

    def test_readings_of_another_version_find_their_places(self) -> None:
        driver = Driver()
        driver.heartbeat(0, battery=50.0, vin=3.0)
        written = rows(driver)
        names = [name for name in PLACES if name not in {"uptime", "vin"}]
        (fleet,) = written["tickrmeter_fleet"]
        written["tickrmeter_fleet"] = [(*fleet[:3], str([*names, "gone"]).replace("'", '"'), *fleet[4:])]
        (device,) = written["tickrmeter_device"]
        readings = ["50.0" if name == "battery" else "null" for name in [*names, "gone"]]
        written["tickrmeter_device"] = [(*device[:-1], f"[{','.join(readings)}]")]
        new = Driver()
        recall(new, written, 1).take_over()
        device_now = new.fleet.devices["A"]
        assert device_now.reading("battery") == 50.0
        assert device_now.reading("vin") is None

    def test_a_firmware_that_nobody_has_any_more_ends_at_the_next_cleanup(self) -> None:
        driver = Driver()
        driver.heartbeat(0, firmware_version="1")
        driver.heartbeat(1, firmware_version="2")
        new = restarted(driver, 2)
        new.advance(3)
        assert new.advance(100) == [("ended", "firmware", "1")]

    def test_orphans_give_way_in_the_order_in_which_they_were_left(self) -> None:
        driver = Driver(max_device_symbols=1, max_symbols=3)
        for number, symbol in enumerate("XYZ"):
            driver.request(number, symbol=symbol)
            driver.answer(number, symbol=symbol)
        new = Driver(max_device_symbols=1, max_symbols=3)
        recall(new, rows(driver), 10).take_over()
        new.ledger.take()
        assert ("ended", "symbol", "X") in new.request(11, "B", "W")
        assert ("ended", "symbol", "Y") in new.request(12, "C", "V")


class TestRequests:
    def test_what_was_open_is_abandoned_once(self) -> None:
        driver = Driver()
        driver.request(0)
        driver.request(0, symbol="Y")
        new = restarted(driver, 5)
        assert new.ledger.take() == [("abandoned", "A", "X"), ("abandoned", "A", "Y")]
        account = new.fleet.account
        assert (account.requested, account.abandoned, new.fleet.pending) == (2, 2, 0)
        # The file says open; it is taken back, and saved again as closed.
        assert restarted(new, 6).ledger.take() == []

    def test_an_answer_after_the_restart_says_what_it_answers(self) -> None:
        driver = seen_at(0)
        driver.request(2, symbol="open")
        driver.request(3, symbol="late")
        driver.advance(40)
        new = restarted(driver, 50)
        new.ledger.take()
        assert new.answer(51) == [("unmatched", "duplicate")]
        assert new.answer(51, symbol="late") == [("unmatched", "late")]
        assert new.answer(51, "B") == [("unmatched", "unsolicited")]

    def test_a_window_goes_on(self) -> None:
        driver = Driver(max_latency_samples=4)
        for number in range(6):
            driver.request(number * 10)
            driver.answer(number * 10 + number)
        driver.request(100)
        driver.advance(140)
        before = driver.fleet.symbols["X"].window.figures(140)
        new = restarted(driver, 140)
        window = new.fleet.symbols["X"].window
        assert window.figures(140) == before
        new.request(150)
        new.answer(157)
        assert window.figures(160).answered == before.answered + 1

    def test_uncounted_nothing_was_requested_and_nothing_is_abandoned(self) -> None:
        driver = seen_at(0)
        driver.request(2)
        new = restarted(driver, 5, counted=False)
        assert new.ledger.take() == []
        account = new.fleet.account
        assert (account.requested, account.answered, account.abandoned, new.fleet.pending) == (0, 0, 0, 0)
        assert set(new.fleet.devices) == {"A"}
        assert new.answer(6) == [("unmatched", "unsolicited")]


def test_a_series_without_an_owner_is_not_taken_back() -> None:
    driver = seen_at(0)
    driver.heartbeat(2, firmware_version="62p")
    knows = recall(Driver(), rows(driver), 3).knows
    for known in (
        *({}, {"reason": "late"}, {"device_id": "A"}, {"symbol": "X"}, {"device_id": "A", "symbol": "X"}),
        *({"firmware_version": "62p"}, {"firmware_version": "unknown"}),
    ):
        assert knows(known)
    for unknown in (
        *({"device_id": "B"}, {"symbol": "Y"}, {"device_id": "A", "symbol": "Y"}),
        *({"device_id": "B", "symbol": "X"}, {"firmware_version": "61"}),
    ):
        assert not knows(unknown)


def without_pairs(written: Rows) -> None:
    written["tickrmeter_symbol"] = []


def twice(written: Rows) -> None:
    written["tickrmeter_pair"] *= 2


def another_end(written: Rows) -> None:
    ((*pair, _),) = written["tickrmeter_pair"]
    written["tickrmeter_pair"] = [(*pair, "lost")]


def one_request_more(written: Rows) -> None:
    ((*fleet, requested, answered, timeout, superseded, abandoned),) = written["tickrmeter_fleet"]
    written["tickrmeter_fleet"] = [(*fleet, requested + 1, answered, timeout, superseded, abandoned)]


def no_fleet(written: Rows) -> None:
    written["tickrmeter_fleet"] = []


def a_latency_before_its_time(written: Rows) -> None:
    ((name, active, requests, at, _, *habit),) = written["tickrmeter_symbol"]
    written["tickrmeter_symbol"] = [(name, active, requests, at, b"\xf0" + b"\xff" * 7, *habit)]


def a_time_without_a_latency(written: Rows) -> None:
    ((name, active, requests, at, _, *habit),) = written["tickrmeter_symbol"]
    written["tickrmeter_symbol"] = [(name, active, requests, at, b"", *habit)]


def no_habit(written: Rows) -> None:
    ((*symbol, _, hour),) = written["tickrmeter_symbol"]
    written["tickrmeter_symbol"] = [(*symbol, "[]", hour)]


def half_an_hour(written: Rows) -> None:
    ((*symbol, _),) = written["tickrmeter_symbol"]
    written["tickrmeter_symbol"] = [(*symbol, (b"\x01" + bytes(7)) * 7)]


def a_minute_of_too_much(written: Rows) -> None:
    ((*symbol, _),) = written["tickrmeter_symbol"]
    written["tickrmeter_symbol"] = [(*symbol, b"\xff" * 7 + b"\x00" + b"\xff" * 7 + bytes(17))]


def a_reading_that_is_a_list(written: Rows) -> None:
    ((*device, _),) = written["tickrmeter_device"]
    written["tickrmeter_device"] = [(*device, "[[],null,null,null,null,null,null,null]")]


def names_that_are_no_list(written: Rows) -> None:
    ((*times, _, requested, answered, timeout, superseded, abandoned),) = written["tickrmeter_fleet"]
    written["tickrmeter_fleet"] = [
        (*times, '{"battery":1}', requested, answered, timeout, superseded, abandoned)
    ]


def no_such_firmware(written: Rows) -> None:
    written["tickrmeter_firmware"] = []


@pytest.mark.parametrize(
    "broken",
    [
        *(without_pairs, twice, another_end, one_request_more, no_fleet, a_latency_before_its_time),
        *(a_time_without_a_latency, no_habit, no_such_firmware),
        *(a_reading_that_is_a_list, names_that_are_no_list, half_an_hour, a_minute_of_too_much),
    ],
)
def test_what_was_never_a_state_is_not_taken_back(broken: Callable[[Rows], None]) -> None:
    driver = seen_at(0)
    driver.heartbeat(2, firmware_version="62p")
    written = rows(driver)
    broken(written)
    new = Driver()
    with pytest.raises(SavedError):
        recall(new, written, 5)
    assert not new.fleet.devices


def test_a_missing_table_is_noticed() -> None:
    found = dict(tables(rows(seen_at(0))))
    del found["tickrmeter_pair"]
    with pytest.raises(SavedError):
        FleetMemory(Driver().fleet).read(found, 0, 5, counted=True)
