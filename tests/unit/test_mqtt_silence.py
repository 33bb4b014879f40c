import pytest

from otel_tickrmeter.mqtt.silence import (
    CONNECTING_REPLACE_SECONDS,
    LOOK_SECONDS,
    REPLACE_SECONDS,
    Silence,
)


def test_waits_without_a_word_add_up_and_a_word_ends_them() -> None:
    silence = Silence()
    for _ in range(6):
        silence.waited(LOOK_SECONDS)
    assert silence.seconds == 3.0
    silence.heard()
    assert silence.seconds == 0.0


def test_time_in_which_we_did_not_run_proves_nothing() -> None:
    silence = Silence()
    silence.waited(3600.0)
    assert silence.seconds == 2 * LOOK_SECONDS
    assert not silence.too_long(connected=True)


@pytest.mark.parametrize(
    ("connected", "limit"), [(True, REPLACE_SECONDS), (False, CONNECTING_REPLACE_SECONDS)]
)
def test_while_it_connects_it_may_be_silent_for_longer(connected: bool, limit: float) -> None:  # noqa: FBT001
    silence = Silence()
    while silence.seconds < limit:
        assert not silence.too_long(connected=connected)
        silence.waited(LOOK_SECONDS)
    assert silence.too_long(connected=connected)
