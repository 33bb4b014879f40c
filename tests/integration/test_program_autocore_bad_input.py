"""Whatever anybody publishes to an AutoCore fleet: one counter says what was wrong; nothing else moves."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from otel_tickrmeter.fleets.autocore.topics import RESERVED
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings

MESSAGES, ERRORS = "autocore_messages_total", "autocore_message_errors_total"
COMMAND = frozenset({("message_type", "command")})
KNOWN: dict[str, Any] = {"status": "online", "firmware_version": "1.5", "uptime": 100}
# Their values go on by themselves, or count the message itself.
MOVING = (
    "processing",
    "last_seen",
    "last_message",
    "exposition",
    "queue",
    "connected_seconds",
    "dead_letters",
)


class Case(NamedTuple):
    """What is published, and why it is set aside: `message_type` and reason; None: it is not even counted."""

    name: str
    topic: str
    payload: bytes
    outcome: tuple[str, str] | None


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def telemetry(name: str, payload: object, reason: str) -> Case:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Case(name, "E1/telemetry", body, ("telemetry", reason))


def cases() -> Iterator[Case]:
    yield telemetry("nothing", b"", "empty")
    yield telemetry("half of an object", b'{"temperature": 2', "bad_json")
    yield telemetry("bytes", b"\xff\xfe\x00\x01", "bad_utf8")
    yield telemetry("NaN", b'{"temperature": NaN}', "bad_json")
    yield telemetry("a list", b"[1, 2]", "not_object")
    yield telemetry("a megabyte", b'{"a":"' + b"x" * 1_000_000 + b'"}', "oversize")
    yield telemetry("10,000 keys", {f"k{n}": n for n in range(4_000)}, "too_many")
    yield telemetry("nested 200 deep", nested(200), "too_deep")
    yield telemetry(
        "nested so deep that no parser likes it", b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "bad_json"
    )
    yield telemetry("a huge number", b'{"temperature": 1e400}', "bad_json")
    yield telemetry("a number that no sensor has", {"temperature": 1e300}, "out_of_range")
    yield telemetry("a name that is none", {"x" * 200: 1}, "bad_name")
    yield telemetry("another device's", {"device_id": "E2", "temperature": 1}, "id_mismatch")
    yield Case(
        "relay a billion",
        "E1/relay/1000000000/status",
        b'{"state": true}',
        ("relay_status", "wrong_type"),
    )
    yield Case(
        "a relay that is none", "E1/relay/x/status", b'{"state": true}', ("relay_status", "wrong_type")
    )
    yield Case("a relay without a state", "E1/relay/1/status", b"{}", ("relay_status", "missing_field"))
    yield Case(
        "a state that is none", "E1/relay/1/status", b'{"state": "maybe"}', ("relay_status", "wrong_type")
    )
    yield Case("a status that is none", "E1/status", b'{"status": "asleep"}', ("status", "wrong_type"))
    yield Case("an id with a blank", "E 1/status", b'{"status": "online"}', ("status", "bad_id"))
    yield Case("an id that is too long", f"{'e' * 65}/status", b'{"status": "online"}', ("status", "bad_id"))
    for word in sorted(RESERVED):
        # This one is a topic of its own as well, and two filters match it.
        outcome = ("mode", "duplicate") if word == "modes" else None
        yield Case(f"the id {word}", f"{word}/status", b'{"status": "online"}', outcome)
    for topic in ("E1", "E1/status/more", "E1/relay/status/1/2", "devices", "devices/E1/relays/state/x"):
        yield Case(f"the topic {topic}", topic, b'{"status": "online"}', None)


class Running(NamedTuple):
    broker: Mosquitto
    exporter: Exporter


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("autocore-bad-input")
    given = {
        "AUTOCORE__ENABLED": "true",
        "AUTOCORE__LAYOUTS": '["seed", "devices"]',
        "TICKRMETER__ENABLED": "false",
        "AUTOCORE__DATABASE": "false",
    }
    with (
        Mosquitto(directory) as broker,
        Exporter(directory, settings(broker.url, **given), "exporter") as exporter,
    ):
        exporter.wait_ready()
        broker.publish([("autocore/E1/status", json.dumps(KNOWN).encode())])
        exporter.wait(lambda: exporter.scrape().total(MESSAGES) == 1, "to know a device")
        yield Running(broker, exporter)


def state(exporter: Exporter) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All that is exposed of the fleet, but what moves by itself and what counts messages."""
    shown = exporter.scrape()
    return {
        (name, labels): value
        for name in shown.types
        if name.startswith("autocore_") and name not in (MESSAGES, ERRORS)
        for labels, value in shown.named(name).items()
        if not any(word in name for word in MOVING)
    }


@pytest.mark.parametrize("case", [*cases()], ids=lambda case: case.name)
def test_one_counter_says_what_was_wrong_and_nothing_else_moves(running: Running, case: Case) -> None:
    broker, exporter = running
    before, errors = state(exporter), exporter.scrape().named(ERRORS)
    commands = exporter.scrape().named(MESSAGES)[COMMAND]
    broker.publish([(f"autocore/{case.topic}", case.payload)])
    # Behind it comes one that is counted for certain, and has no effect but that.
    broker.publish([("autocore/devices/E1/relays/set", b"{}")])
    exporter.wait(lambda: exporter.scrape().named(MESSAGES)[COMMAND] == commands + 1, "to handle both")
    after = exporter.scrape().named(ERRORS)
    new = {
        labels: value - errors.get(labels, 0)
        for labels, value in after.items()
        if value != errors.get(labels)
    }
    if case.outcome is None:
        # No filter matches, or it counts as nobody's: in any case it is no error and no device.
        assert new == {}
    else:
        message_type, reason = case.outcome
        wanted = frozenset({("message_type", message_type), ("reason", reason)})
        assert new == {wanted: 1}
    assert state(exporter) == before


def test_the_device_is_as_it_was_and_the_program_well(running: Running) -> None:
    _, exporter = running
    shown = exporter.scrape()
    assert shown.total("autocore_device_online") == 1
    assert exporter.get("/-/healthy").status_code == 200
    assert "Traceback" not in exporter.log
