"""Which device a message is of, in either fleet: by that it is kept, or left to another exporter."""

from typing import Any

import pytest

from otel_tickrmeter.fleets.autocore import owner as autocore
from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS as AUTOCORE_FIELDS
from otel_tickrmeter.fleets.autocore.topics import LAYOUTS
from otel_tickrmeter.fleets.tickrmeter import owner as tickrmeter
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS
from tests.support.wire import A, B, message

TICKRMETERS: dict[str, Any] = {
    "topic_prefix": "",
    "device_id_form": "mac",
    "device_id_pattern": "^[0-9A-F]{12}$",
    "fields": DEFAULT_FIELDS,
}
BOARDS: dict[str, Any] = {
    "layouts": LAYOUTS,
    "fields": AUTOCORE_FIELDS,
    "relay_offset": None,
    "topic_prefix": "",
}


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
    owns = tickrmeter.make_placer(TICKRMETERS, of_device, of_message)
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
    owns = autocore.make_placer(BOARDS, of_device, of_message)
    assert [owns(message(topic, payload)) for _ in range(2)] == [place, place]
