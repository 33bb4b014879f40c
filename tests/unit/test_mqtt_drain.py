from collections.abc import Iterable

from otel_tickrmeter.mqtt.drain import QUIET_ROUNDS, QUIET_SECONDS, Drain


def rounds(drain: Drain, counts: Iterable[tuple[int, int]]) -> list[bool]:
    """Plays rounds: messages before the ping, and between it and its answer; whether it was over then."""
    read, over = 0, []
    for before, between in counts:
        drain.asked(read + before)
        read += before + between
        drain.answered(read)
        over.append(drain.over)
    return over


def test_without_a_queue_it_is_over_as_soon_as_that_can_be_told() -> None:
    assert rounds(Drain(), [(0, 0)] * QUIET_SECONDS) == [False] * (QUIET_SECONDS - 1) + [True]


def test_a_queue_before_the_answers_goes_on_however_long() -> None:
    """As Mosquitto does it."""
    assert not any(rounds(Drain(), [(300, 6000)] * 100))


def test_a_queue_that_the_answers_overtake_goes_on_while_the_rate_lasts() -> None:
    """As RabbitMQ does it: figures of a real one, by the second."""
    real = [(790, 0), (1012, 10), (851, 0), (1381, 10), (1330, 0), (1754, 9), (1170, 0), (1391, 10)]
    assert not any(rounds(Drain(), real * 5))


def test_live_traffic_is_told_from_the_queue_before_it() -> None:
    queue = [(300, 6000)] * 5
    live = [(200, 3), (190, 0), (210, 5)]
    assert rounds(Drain(), queue + live)[-2:] == [False, True]


def test_one_quiet_round_does_not_end_it() -> None:
    assert not any(rounds(Drain(), [(300, 6000), (0, 0), (0, 0)] * 20))


def test_after_a_small_queue_steady_traffic_ends_it_by_quiet_rounds_alone() -> None:
    steady = [(250, 4), *[(200, 1)] * QUIET_ROUNDS]
    assert rounds(Drain(), steady)[-2:] == [False, True]
