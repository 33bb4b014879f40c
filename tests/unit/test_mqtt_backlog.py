from otel_tickrmeter.mqtt.backlog import BACKLOG_SECONDS, STALL_GRACE_SECONDS, BacklogWatch
from otel_tickrmeter.mqtt.drain import QUIET_SECONDS

SECOND = 1_000_000_000


def test_sleeping_as_long_as_meant_is_no_stall() -> None:
    watch = BacklogWatch(0)
    assert watch.beat(3 * SECOND, 3 * SECOND, 2.5) is None
    assert not watch.active(3 * SECOND)


def test_a_stall_is_told_once_with_its_length() -> None:
    watch = BacklogWatch(0)
    assert watch.beat(2 * SECOND, 0, 0.5) == 2.0
    assert watch.beat(2 * SECOND + 1, 1) is None


def test_a_suspended_machine_shows_on_its_own_clock() -> None:
    watch = BacklogWatch(0)
    assert watch.beat(3600 * SECOND, 1) == 3600.0


def test_a_stall_lasts_until_drained_and_for_its_grace() -> None:
    watch = BacklogWatch(0)
    watch.beat(5 * SECOND, 5 * SECOND)
    end = 5 * SECOND + int(STALL_GRACE_SECONDS * SECOND)
    assert watch.active(end + SECOND)  # not drained yet
    watch.drained()
    assert watch.active(end - 1)
    assert not watch.active(end)


def test_connecting_is_excused() -> None:
    watch = BacklogWatch(0)
    watch.excuse(5 * SECOND)
    assert watch.beat(5 * SECOND + 1, 5 * SECOND + 1) is None


def calm(watch: BacklogWatch, read: int = 0) -> None:
    """Rounds without a message, as many as it takes."""
    for _ in range(QUIET_SECONDS):
        watch.asked(read)
        watch.answered(read)


def test_a_resumed_session_is_a_backlog_for_its_time_however_often_drained() -> None:
    watch = BacklogWatch(0)
    watch.resumed(10 * SECOND)
    watch.drained()
    calm(watch)
    end = 10 * SECOND + int(BACKLOG_SECONDS * SECOND)
    assert watch.active(end - 1)
    assert not watch.active(end)


def test_a_resumed_session_is_a_backlog_until_its_queue_is_read() -> None:
    watch = BacklogWatch(0)
    watch.resumed(0)
    read = 0
    for second in range(60):
        watch.asked(read)
        read += 5000
        watch.answered(read)
        assert watch.active(second * SECOND)
    calm(watch, read)
    assert not watch.active(60 * SECOND)


def test_a_new_connection_starts_clean() -> None:
    watch = BacklogWatch(0)
    watch.resumed(0)
    watch.beat(9 * SECOND, 0)
    watch.doubted()
    watch.disconnected()
    assert not watch.active(0)


def test_what_the_broker_owes_an_answer_for_is_a_backlog_and_for_a_grace_after_it() -> None:
    watch = BacklogWatch(0)
    watch.doubted()
    assert watch.active(60 * SECOND)
    watch.heard(60 * SECOND)
    end = 60 * SECOND + int(STALL_GRACE_SECONDS * SECOND)
    assert watch.active(end - 1)
    assert not watch.active(end)
