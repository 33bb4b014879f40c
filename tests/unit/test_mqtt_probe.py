from otel_tickrmeter.mqtt.probe import ANSWER_SECONDS, PROBE_SECONDS, Probe

SECOND = 1_000_000_000
LATE = int(ANSWER_SECONDS * SECOND)


def asked(at_ns: int = 0) -> Probe:
    probe = Probe()
    probe.start(at_ns)
    assert probe.due(at_ns)
    probe.asked(at_ns)
    return probe


def test_nobody_is_asked_before_the_start_nor_after_the_stop() -> None:
    probe = Probe()
    assert not probe.due(9 * SECOND)
    probe.start(9 * SECOND)
    assert probe.due(9 * SECOND)
    probe.stop()
    assert not probe.due(99 * SECOND)


def test_one_question_at_a_time_and_one_each_second() -> None:
    probe = asked()
    assert not probe.due(9 * SECOND)
    assert probe.answered(1) is None
    assert not probe.due(int(PROBE_SECONDS * SECOND) - 1)
    assert probe.due(int(PROBE_SECONDS * SECOND))


def test_an_answer_in_time_raises_no_doubt() -> None:
    probe = asked()
    assert probe.overdue(LATE - 1) is None
    assert probe.answered(LATE - 1) is None
    assert probe.overdue(99 * SECOND) is None


def test_an_overdue_answer_is_told_once_and_again_when_it_comes() -> None:
    probe = asked()
    assert probe.overdue(2 * SECOND) == 2.0
    assert probe.overdue(3 * SECOND) is None
    assert probe.answered(5 * SECOND) == 5.0
    assert probe.answered(6 * SECOND) is None


def test_a_late_answer_that_nobody_missed_is_no_news() -> None:
    """It was read before anybody looked: then it may have been there in time."""
    assert asked().answered(9 * SECOND) is None


def test_the_time_that_we_did_not_run_is_not_held_against_the_broker() -> None:
    probe = asked()
    probe.excuse(60 * SECOND)
    assert probe.overdue(60 * SECOND + LATE - 1) is None
    assert probe.overdue(60 * SECOND + LATE) == ANSWER_SECONDS


def test_silence_that_lasts_is_given_up() -> None:
    probe = asked()
    assert not probe.given_up(LATE + 10 * SECOND - 1, 0, 10)
    assert probe.given_up(LATE + 10 * SECOND, 0, 10)


def test_a_broker_that_still_sends_is_not_given_up() -> None:
    assert not asked().given_up(60 * SECOND, 51 * SECOND, 10)
    assert not Probe().given_up(60 * SECOND, 0, 10)


def test_a_new_connection_owes_nothing() -> None:
    probe = asked()
    probe.stop()
    assert probe.overdue(99 * SECOND) is None
    assert not probe.given_up(99 * SECOND, 0, 1)
