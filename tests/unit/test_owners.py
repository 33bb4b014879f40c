"""Which device a message is of, in either fleet: by that it is kept, or left to another exporter."""

import pytest

from otel_tickrmeter.fleets.autocore import owner as autocore
from otel_tickrmeter.fleets.tickrmeter import owner as tickrmeter
from tests.support.owner_options import of_boards, of_tickrmeters
from tests.support.wire import A, B, message


def of_device(device_id: str) -> str:
    return f"device {device_id}"


def of_message(topic: bytes, payload: bytes) -> str:
    return f"message {topic.decode()} {payload.decode()}"


@pytest.mark.parametrize(
    ("topic", "payload", "place"),
    [
        (A, b'{"symbol":"AAPL"}', f"device {A}"),
        ("STOCKPRICEUPDATE", f'{{"device":"{B}"}}'.encode(), f"device {B}"),
        ("STOCKPRICEUPDATE", f'{{"device":"{B.lower()}"}}'.encode(), f"device {B}"),
        # What is read a second time, mended, names it too.
        ("STOCKPRICEUPDATE", f'{{"device":"{B}"}}\0'.encode(), f"device {B}"),
        ("STOCKPRICEUPDATE", b'{"device":', 'message STOCKPRICEUPDATE {"device":'),
        ("STOCKPRICEUPDATE", b"[1]", "message STOCKPRICEUPDATE [1]"),
        ("made-up", b"{}", "message made-up {}"),
        ("two/levels", b"{}", None),
    ],
)
def test_a_message_of_a_tickrmeter(topic: str, payload: bytes, place: str | None) -> None:
    owns = tickrmeter.make_placer(of_tickrmeters(), of_device, of_message, 9)
    # A second time by what is remembered.
    assert [owns(message(topic, payload)) for _ in range(2)] == [place, place]


@pytest.mark.parametrize(
    ("topic", "payload", "place"),
    [
        ("autocore/E1/status", b"{}", "device E1"),
        ("autocore/discovery/announce", b'{"device_id":"E2"}', "device E2"),
        ("autocore/discovery/announce", b"{", "message autocore/discovery/announce {"),
        # Of the fleet as a whole there is one state, whatever a message says.
        ("autocore/modes/status", b'{"mode":"road"}', "message autocore/modes/status "),
        ("autocore/E1/made/up/it", b"x", "message autocore/E1/made/up/it x"),
        ("elsewhere/E1/status", b"{}", None),
    ],
)
def test_a_message_of_a_board(topic: str, payload: bytes, place: str | None) -> None:
    owns = autocore.make_placer(of_boards(), of_device, of_message, 9)
    assert [owns(message(topic, payload)) for _ in range(2)] == [place, place]


@pytest.mark.parametrize("most", [1, 2])
def test_so_many_answers_are_remembered_of_each_kind_and_then_none(most: int) -> None:
    asked: list[str] = []

    def look(device_id: str) -> str:
        asked.append(device_id)
        return device_id

    boards = autocore.make_placer(of_boards(), look, of_message, most)
    tickrmeters = tickrmeter.make_placer(of_tickrmeters(), look, of_message, most)
    announced = [
        message("autocore/discovery/announce", f'{{"device_id":"{each}"}}'.encode()) for each in "EF"
    ]
    told = [message(f"autocore/{each}/status", b"{}") for each in "EF"]
    wanted = [message("STOCKPRICEUPDATE", f'{{"device":"{each}"}}'.encode()) for each in (A, B)]
    answered = [message(each, b'{"symbol":"AAPL"}') for each in (A, B)]
    for placer, (first, second) in (
        (boards, announced),
        (boards, told),
        (tickrmeters, wanted),
        (tickrmeters, answered),
    ):
        asked.clear()
        for each in (first, second, second, first):
            placer(each)
        assert len(asked) == {1: 3, 2: 2}[most]
