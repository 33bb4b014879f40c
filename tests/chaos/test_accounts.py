"""What the harness calls lost, and what came twice: no more than a fault explains, and all that none does."""

import json

from paho.mqtt.client import MQTTMessageInfo

from otel_tickrmeter.stream.message import Message
from tests.chaos.accounts import POISON, UNMATCHED, Arrivals, Window, deliveries, faults
from tests.chaos.faults import EXPORTER_KILLED
from tests.chaos.fleet import BOARDS, Publication
from tests.chaos.rows import row_faults
from tests.chaos.strangers import poison
from tests.integration.exposition import Exposition
from tests.integration.program_traffic import PENDING

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


def told_by_boards(*numbers: int) -> Arrivals:
    arrivals = Arrivals()
    for number in numbers:
        arrivals.take(Message(BOARDS[0].encode(), json.dumps({"n": number}).encode(), number))
    return arrivals


def test_every_reading_is_in_one_row() -> None:
    arrivals, publications = told_by_boards(0, 1), sent(1.0, 2.0)
    assert [*row_faults({0: 1, 1: 1}, arrivals, publications, [])] == []
    assert [*row_faults({0: 1}, arrivals, publications, [])] == ["1 readings of boards are in no row"]
    assert [*row_faults({0: 1, 1: 1, 9: 1}, arrivals, publications, [])] == [
        "1 readings of boards are of nobody"
    ]
    assert [*row_faults({}, Arrivals(), [], [])] == ["no reading of a board arrived: nothing can be said"]


def test_a_row_is_there_twice_only_if_it_was_sent_before_a_kill_was_over() -> None:
    arrivals, publications = told_by_boards(0, 1), sent(1.0, 2.0)
    killed = Window(f"{EXPORTER_KILLED} + link cut", 1.2, 1.5, loses=True, repeats=True)
    assert [*row_faults({0: 2, 1: 1}, arrivals, publications, [killed])] == []
    for rows, windows in (({0: 1, 1: 2}, [killed]), ({0: 2, 1: 1}, [KILLED])):
        found = [*row_faults(rows, arrivals, publications, windows)]
        assert found == ["1 readings of boards are in more than one row"]


def test_after_a_crash_readings_are_those_that_came_since() -> None:
    arrivals = told_by_boards(0)
    arrivals._forget()  # noqa: SLF001  as of a life that was killed
    assert arrivals.readings == set()


def test_poison_may_have_answers_that_nobody_asked_for() -> None:
    shown = Exposition.parse(f'{PENDING} 0\n{UNMATCHED}{{reason="duplicate"}} 2\n')
    poisoned = Window(f"link cut + {POISON}", 1.0, 2.0, loses=False, repeats=False)
    assert poison.__name__ in POISON
    assert [*faults(shown, Arrivals(), [], [FROZEN])] == ["duplicate: 2 instead of 0"]
    assert [*faults(shown, Arrivals(), [], [poisoned])] == []
