import pytest

from otel_tickrmeter.mqtt.version import AGAIN_SECONDS, Version, VersionChoice

AGAIN_NS = int(AGAIN_SECONDS * 1_000_000_000)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_version_that_is_set_stays(version: Version) -> None:
    choice = VersionChoice(version)
    assert choice.begin(0) == version
    assert not choice.refused()
    choice.failed()
    choice.answered(1)
    assert choice.begin(2 * AGAIN_NS) == version


def test_the_older_one_follows_a_refusal_at_once() -> None:
    choice = VersionChoice("auto")
    assert choice.begin(0) == "5"
    assert choice.refused()
    assert choice.begin(1) == "3.1.1"


def test_what_the_broker_speaks_is_remembered_for_a_while() -> None:
    choice = VersionChoice("auto")
    choice.refused()
    choice.answered(5)
    choice.answered(9)  # a reconnect does not put it off
    choice.failed()  # nor does the network
    assert choice.begin(5 + AGAIN_NS - 1) == "3.1.1"
    assert choice.begin(5 + AGAIN_NS) == "5"
    assert choice.refused()


def test_a_broker_that_breaks_off_either_way_is_asked_for_the_newer_one_again() -> None:
    choice = VersionChoice("auto")
    assert choice.refused()
    assert not choice.refused()
    assert choice.begin(1) == "5"


def test_a_network_that_fails_says_nothing_about_the_version() -> None:
    choice = VersionChoice("auto")
    choice.failed()
    assert choice.begin(1) == "5"
    choice.refused()
    choice.failed()
    assert choice.begin(2) == "5"
