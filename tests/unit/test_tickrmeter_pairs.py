"""Rules 3 to 7 of docs/messages.md: how requests end. A request at 100 has its deadline at 130."""

import pytest

from tests.support.driver import Driver
from tests.support.ledger import Entry


def opened(*, backlog: bool = False) -> Driver:
    driver = Driver()
    assert driver.request(100, backlog=backlog) == [("requested", "A", "X")]
    return driver


def window(driver: Driver, symbol: str = "X") -> tuple[int, int]:
    figures = driver.fleet.symbols[symbol].window.figures(driver.fleet.now_ns)
    return figures.answered, figures.timed_out


def test_rule_3_latency_is_the_time_between_the_arrivals() -> None:
    driver = opened()
    assert driver.answer(107) == [("answered", "A", "X", 7)]
    assert driver.fleet.pending == 0
    assert window(driver) == (1, 0)


def test_an_answer_in_the_same_nanosecond_has_no_latency_to_speak_of() -> None:
    assert opened().answer(100) == [("answered", "A", "X", 0)]


@pytest.mark.parametrize(
    ("at_ns", "happened"),
    [
        (129, [("answered", "A", "X", 29)]),
        (130, [("answered", "A", "X", 30)]),
        (131, [("timed_out", "A", "X"), ("unmatched", "late")]),
    ],
)
def test_the_deadline_belongs_to_the_time_allowed(at_ns: int, happened: list[Entry]) -> None:
    assert opened().answer(at_ns) == happened


@pytest.mark.parametrize(("at_ns", "happened"), [(130, []), (131, [("timed_out", "A", "X")])])
def test_a_watermark_past_the_deadline_declares_the_timeout(at_ns: int, happened: list[Entry]) -> None:
    driver = opened()
    assert driver.advance(at_ns) == happened
    assert driver.fleet.pending == 1 - len(happened)
    assert window(driver) == (0, len(happened))


def test_time_does_not_go_back() -> None:
    driver = opened()
    assert driver.advance(90) == []
    assert driver.fleet.now_ns == 100
    assert driver.answer(130) == [("answered", "A", "X", 30)]


def test_a_timeout_enters_the_window_at_its_deadline() -> None:
    driver = opened()
    driver.advance(1000)
    assert window(driver) == (0, 1)
    driver.advance(130 + 899)
    assert window(driver) == (0, 1)
    driver.advance(130 + 900)
    assert window(driver) == (0, 0)


def test_requests_expire_in_the_order_of_their_deadlines() -> None:
    driver = Driver()
    driver.request(100, "A")
    driver.request(101, "B")
    driver.request(102, "A")  # supersedes, and has the deadline of the first
    driver.ledger.take()
    assert driver.advance(131) == [("timed_out", "A", "X")]
    assert driver.advance(132) == [("timed_out", "B", "X")]


def test_rule_6_a_second_request_supersedes_the_first_and_latency_runs_from_it() -> None:
    driver = opened()
    assert driver.request(110) == [("superseded", "A", "X"), ("requested", "A", "X")]
    assert driver.fleet.pending == 1
    assert driver.answer(130) == [("answered", "A", "X", 20)]
    assert window(driver) == (1, 0)


def test_rule_6_who_asks_again_and_again_has_timed_out_after_the_time_allowed_for_the_first() -> None:
    driver = opened()
    ends = []
    for at_ns in range(110, 200, 10):
        ends += [entry for entry in driver.request(at_ns) if entry[0] not in ("requested", "superseded")]
    # Asked at 100, and after each outcome at the next ten.
    assert ends == [("timed_out", "A", "X")] * 2
    assert driver.advance(211) == [("timed_out", "A", "X")]
    assert driver.ledger.counts["requested"] == 10
    assert driver.ledger.counts["superseded"] == 7
    assert window(driver) == (0, 3)


def test_rule_6_the_count_starts_anew_after_an_outcome() -> None:
    driver = opened()
    driver.request(120)
    driver.answer(121)
    driver.request(125)
    driver.ledger.take()
    assert driver.advance(155) == []
    assert driver.advance(156) == [("timed_out", "A", "X")]


def test_a_timeout_has_waited_since_the_newest_request() -> None:
    driver = opened()
    driver.request(112)
    driver.advance(131)
    driver.request(140)
    driver.advance(171)
    assert driver.ledger.waited_ns == [18, 30]


@pytest.mark.parametrize("backlog", [True, False])
def test_rule_6_across_a_disturbance_the_newer_request_has_a_deadline_of_its_own(*, backlog: bool) -> None:
    driver = opened(backlog=backlog)
    if not backlog:
        driver.fleet.unheard_until(0)
    driver.request(120)
    driver.ledger.take()
    assert driver.advance(150) == []
    assert driver.advance(151) == [("timed_out", "A", "X")]


def test_rule_6_is_about_one_device_and_one_symbol() -> None:
    driver = opened()
    assert driver.request(101, "A", "Y") == [("requested", "A", "Y")]
    assert driver.request(102, "B", "X") == [("requested", "B", "X")]
    assert driver.answer(103, "B", "X") == [("answered", "B", "X", 1)]
    assert driver.fleet.pending == 2


@pytest.mark.parametrize(
    ("device", "symbol"), [("A", "Y"), ("B", "X"), ("B", "Y")], ids=["symbol", "device", "both"]
)
def test_rule_7_unsolicited_when_nothing_was_asked(device: str, symbol: str) -> None:
    driver = opened()
    assert driver.answer(101, device, symbol) == [("unmatched", "unsolicited")]
    assert driver.fleet.pending == 1
    assert set(driver.fleet.devices) == {"A"}
    assert set(driver.fleet.symbols) == {"X"}


def test_rule_7_late_and_duplicate_are_told_apart_by_how_the_pair_ended_last() -> None:
    driver = opened()
    driver.answer(101)
    assert driver.answer(102) == [("unmatched", "duplicate")]
    driver.request(103)
    assert driver.advance(134) == [("timed_out", "A", "X")]
    assert driver.answer(135) == [("unmatched", "late")]
    assert driver.answer(136) == [("unmatched", "late")]
    driver.request(137)
    driver.answer(138)
    assert driver.answer(139) == [("unmatched", "duplicate")]
    assert window(driver) == (2, 1)


@pytest.mark.parametrize(("age_ns", "reason"), [(300, "duplicate"), (301, "unsolicited")])
def test_rule_7_an_answer_is_remembered_for_the_device_timeout(age_ns: int, reason: str) -> None:
    driver = opened()
    driver.answer(110)
    driver.stream(350)  # keeps the device known
    assert driver.answer(110 + age_ns) == [("unmatched", reason)]


@pytest.mark.parametrize(("age_ns", "reason"), [(300, "late"), (301, "unsolicited")])
def test_rule_7_a_timeout_is_remembered_from_its_deadline(age_ns: int, reason: str) -> None:
    driver = opened()
    driver.stream(350)
    driver.ledger.take()
    assert driver.answer(130 + age_ns) == [("unmatched", reason)]


def test_rule_5_a_lost_connection_abandons_what_was_open() -> None:
    driver = opened()
    driver.request(101, "B", "Y")
    driver.fleet.connection_lost(110)
    assert driver.ledger.take() == [("abandoned", "A", "X"), ("abandoned", "B", "Y")]
    assert driver.fleet.pending == 0
    assert driver.answer(111) == [("unmatched", "unsolicited")]
    assert driver.advance(1000)[0] != ("timed_out", "A", "X")
    assert window(driver) == (0, 0)


def test_rule_5_after_a_lost_connection_a_new_request_counts_in_full() -> None:
    driver = opened()
    driver.fleet.connection_lost(110)
    driver.request(120)
    driver.ledger.take()
    assert driver.answer(125) == [("answered", "A", "X", 5)]
    driver.request(126)
    assert driver.advance(157) == [("timed_out", "A", "X")]


def test_rule_5_across_a_disturbance_an_answer_has_no_latency() -> None:
    driver = opened()
    driver.fleet.unheard_until(0)
    assert driver.fleet.pending == 1
    assert driver.answer(110) == [("answered", "A", "X", None)]
    assert window(driver) == (0, 0)
    assert driver.answer(111) == [("unmatched", "duplicate")]


def test_rule_5_across_a_disturbance_silence_is_no_timeout() -> None:
    driver = opened()
    driver.fleet.unheard_until(0)
    assert driver.advance(130) == []
    assert driver.advance(131) == [("abandoned", "A", "X")]
    assert window(driver) == (0, 0)
    assert driver.answer(132) == [("unmatched", "unsolicited")]


@pytest.mark.parametrize("disturb", ["unheard_until", "connection_lost"])
def test_rule_7_what_was_abandoned_makes_no_duplicate_of_a_later_answer(disturb: str) -> None:
    # The answer before it was to another request.
    driver = opened()
    driver.answer(101)
    driver.request(102)
    if disturb == "connection_lost":
        driver.fleet.connection_lost(103)
    else:
        driver.fleet.unheard_until(0)
    assert ("abandoned", "A", "X") in driver.advance(133)
    assert driver.answer(134) == [("unmatched", "unsolicited")]


def test_what_is_opened_after_a_disturbance_counts_in_full() -> None:
    driver = opened()
    driver.fleet.unheard_until(0)
    driver.request(110)
    driver.ledger.take()
    assert driver.answer(115) == [("answered", "A", "X", 5)]


def test_rule_4_a_request_out_of_a_backlog_yields_no_latency() -> None:
    driver = opened(backlog=True)
    assert driver.answer(101) == [("answered", "A", "X", None)]
    assert window(driver) == (0, 0)


def test_rule_4_an_answer_out_of_a_backlog_yields_no_latency() -> None:
    driver = opened()
    assert driver.answer(101, backlog=True) == [("answered", "A", "X", None)]
    assert window(driver) == (0, 0)


def test_rule_4_a_request_out_of_a_backlog_never_times_out() -> None:
    driver = opened(backlog=True)
    assert driver.advance(131) == [("abandoned", "A", "X")]
    assert window(driver) == (0, 0)


def test_a_live_request_after_one_out_of_a_backlog_counts_in_full() -> None:
    driver = opened(backlog=True)
    driver.request(110)
    driver.ledger.take()
    assert driver.answer(112) == [("answered", "A", "X", 2)]


def test_a_disturbed_request_does_not_hold_up_those_behind_it() -> None:
    driver = opened()
    driver.fleet.unheard_until(0)
    driver.request(105, "B")
    driver.ledger.take()
    assert driver.advance(136) == [("abandoned", "A", "X"), ("timed_out", "B", "X")]
