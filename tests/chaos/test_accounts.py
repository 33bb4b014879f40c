"""What the harness calls lost, and what came twice: no more than a fault explains, and all that none does."""

import json

from paho.mqtt.client import MQTTMessageInfo

from otel_tickrmeter.stream.message import Message
from tests.chaos.accounts import Arrivals, Window, deliveries
from tests.chaos.fleet import Publication

KILLED = Window("killed", 10.0, 11.0, loses=True, repeats=True)
FROZEN = Window("frozen", 10.0, 11.0, loses=False, repeats=False)


def arrived(*at: tuple[int, float]) -> Arrivals:
    arrivals = Arrivals()
    for number, seconds in at:
        payload = json.dumps({"device": "FEED00000000", "n": number}).encode()
        arrivals.take(Message(b"DEVICESTATUS_RES", payload, round(seconds * 1e9)))
    return arrivals


def sent(*at: float, confirmed: bool = True) -> list[Publication]:
    def info(number: int) -> MQTTMessageInfo:
        info = MQTTMessageInfo(number)
        if confirmed:
            info._set_as_published()  # noqa: SLF001  as paho does when the broker confirms it
        return info

    return [Publication(number, seconds, info(number)) for number, seconds in enumerate(at)]


def test_what_came_once_is_right() -> None:
    assert [*deliveries(arrived((0, 1.1), (1, 2.1)), sent(1.0, 2.0), [KILLED])] == []


def test_what_is_lost_while_nothing_happens_is_told() -> None:
    (fault,) = deliveries(arrived((1, 2.1)), sent(1.0, 2.0), [KILLED])
    assert fault == "1 messages are lost, on their way during nothing"


def test_what_is_lost_while_nothing_loses_is_told() -> None:
    (fault,) = deliveries(arrived((1, 11.5)), sent(10.5, 10.6), [FROZEN])
    assert fault == "1 messages are lost, on their way during frozen"


def test_what_waited_long_may_be_lost_with_who_took_it() -> None:
    assert [*deliveries(arrived((1, 12.0)), sent(1.0, 2.0), [FROZEN, KILLED])] == []


def test_what_nobody_confirmed_is_not_lost() -> None:
    assert [*deliveries(arrived((1, 2.1)), sent(1.0, 2.0, confirmed=False), [])] == []


def test_what_comes_twice_needs_a_reason() -> None:
    (fault,) = deliveries(arrived((0, 1.1), (0, 1.2)), sent(1.0), [KILLED])
    assert fault == "1 messages came twice, on their way during nothing"
    assert [*deliveries(arrived((0, 10.5), (0, 12.0)), sent(10.0), [KILLED])] == []
