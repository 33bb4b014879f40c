"""An answer finds its request although small letters differ; which of several is a matter of rules."""

from tests.support.driver import Driver


def test_an_answer_that_differs_in_case_alone_closes_the_only_open_request() -> None:
    driver = Driver()
    driver.request(1, "A", "aapl")
    assert driver.answer(3, "A", "AAPL") == [("answered", "A", "aapl", 2)]


def test_the_request_that_is_spelled_exactly_so_comes_first() -> None:
    driver = Driver()
    driver.request(1, "A", "BRKb")
    driver.request(2, "A", "BRKB")
    assert driver.answer(4, "A", "BRKB") == [("answered", "A", "BRKB", 2)]
    assert driver.answer(5, "A", "BRKB") == [("answered", "A", "BRKb", 4)]


def test_of_two_that_differ_in_case_alone_none_is_guessed() -> None:
    driver = Driver()
    driver.request(1, "A", "BRKb")
    driver.request(1, "A", "BRKB")
    assert driver.answer(2, "A", "brkb") == [("unmatched", "unsolicited")]
    assert driver.fleet.pending == 2


def test_another_device_or_symbol_is_not_meant() -> None:
    driver = Driver()
    driver.request(1, "A", "aapl")
    driver.request(1, "B", "msft")
    assert driver.answer(2, "B", "AAPL") == [("unmatched", "unsolicited")]
    assert driver.answer(2, "A", "AAPLE") == [("unmatched", "unsolicited")]


def test_a_second_or_late_answer_is_told_by_the_request_it_is_spelled_like() -> None:
    driver = Driver()
    driver.request(1, "A", "aapl")
    driver.answer(2, "A", "AAPL")
    assert driver.answer(3, "A", "AAPL") == [("unmatched", "duplicate")]
    driver.request(4, "A", "aapl")
    driver.advance(40)
    assert driver.answer(41, "A", "AAPL") == [("unmatched", "late")]


def test_an_exact_closed_one_is_meant_before_a_closed_one_that_differs() -> None:
    driver = Driver()
    driver.request(1, "A", "BRKb")
    driver.request(1, "A", "BRKB")
    driver.answer(2, "A", "BRKB")
    driver.answer(2, "A", "BRKb")
    assert driver.answer(3, "A", "BRKb") == [("unmatched", "duplicate")]


def test_case_is_that_of_every_script() -> None:
    driver = Driver()
    driver.request(1, "A", "Straße")
    assert driver.answer(2, "A", "STRASSE") == [("answered", "A", "Straße", 1)]
