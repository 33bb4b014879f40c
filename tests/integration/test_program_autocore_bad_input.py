"""Whatever anybody publishes to an AutoCore fleet: one counter says what was wrong; nothing else moves."""

import json
import random
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from otel_tickrmeter.fleets.autocore.topics import RESERVED
from otel_tickrmeter.store.tables import DEAD_LETTERS, DEVICES, NOTIFICATIONS, SENSORS
from tests.integration.databases import opened
from tests.integration.exporter import Exporter
from tests.integration.exposition import Series
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.stored_tables import stored_tables
from tests.support.store_rows import count

MESSAGES, ERRORS = "autocore_messages_total", "autocore_message_errors_total"
LETTERS, INFO = "autocore_dead_letters_total", "autocore_device_info"
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
    "database",
)
# What a broker sends by itself is no dead letter.
NO_LETTER = "duplicate"
# Five letters are kept in a second; of these all are to be.
PACE_SECONDS = 0.2
# Each is a text like others to a device, and would end a label or a line to a careless exporter.
TEXTS = ('"', "\\", "\\n", '"} 1', 'x",y="z', "{}=,", "'; DROP TABLE--", "\u202e5.1")


class Case(NamedTuple):
    """What is published, and what it counts as.

    `outcome` is `message_type` and the reason for which it is set aside; without a reason it is only counted.
    None: no filter matches, it is not even that.
    """

    name: str
    topic: str
    payload: bytes
    outcome: tuple[str, str | None] | None


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def telemetry(name: str, payload: object, reason: str) -> Case:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Case(name, "E1/telemetry", body, ("telemetry", reason))


def no_object() -> Iterator[Case]:
    """Payloads that mean nothing, whatever the topic."""
    whole = b'{"temperature": 21.5}'
    yield telemetry("nothing", b"", "empty")
    yield telemetry("half of an object", b'{"temperature": 2', "bad_json")
    yield telemetry("bytes", b"\xff\xfe\x00\x01", "bad_utf8")
    for seed in range(3):
        drawn = random.Random(seed).randbytes(24)  # noqa: S311  nothing is secret here
        yield telemetry(f"random bytes {drawn[:4].hex()}", drawn, "bad_utf8")
    yield telemetry("half of a character", whole.replace(b"1.5", b'"\xc3"'), "bad_utf8")
    yield telemetry("a byte-order mark", b"\xef\xbb\xbf" + whole, "bad_json")
    yield telemetry("UTF-16", whole.decode().encode("utf-16"), "bad_utf8")
    yield telemetry("UTF-16 without its mark", whole.decode().encode("utf-16-le"), "bad_json")
    yield telemetry("NUL", b"\x00", "bad_json")
    yield telemetry("NUL behind it", whole + b"\x00", "bad_json")
    yield telemetry("a blank", b" ", "bad_json")
    yield telemetry("a letter behind it", whole + b"x", "bad_json")
    yield telemetry("the same behind it", whole + whole, "bad_json")
    yield telemetry("a comma too many", whole[:-1] + b",}", "bad_json")
    yield telemetry("single quotes", whole.replace(b'"', b"'"), "bad_json")
    yield telemetry("half of a surrogate pair", b'{"unit": "\\ud800"}', "bad_json")
    yield telemetry("NaN", b'{"temperature": NaN}', "bad_json")
    for scalar in (b"21.5", b"true", b"null", b'"temperature"'):
        yield telemetry(f"the scalar {scalar.decode()}", scalar, "not_object")
    yield telemetry("a list", b"[1, 2]", "not_object")


def no_text() -> Iterator[Case]:
    """Texts of which a line or a label could not be made, and names that no sensor has."""
    for field in ("firmware_version", "device_type", "name"):
        for text in ("5\n1", "5\r1", "5\x001", "\x1b[31m", "5" * 65):
            payload = json.dumps({"status": "online", field: text}).encode()
            yield Case(f"{field} {ascii(text)[:12]}", "E1/status", payload, ("status", "out_of_range"))
        payload = json.dumps({"status": "online", field: [1]}).encode()
        yield Case(f"{field} as a list", "E1/status", payload, ("status", "wrong_type"))
    for name in ('oil"} 1', "oil\\", "oil\npressure", "oil\x00", "\u00f6l", "", "oil{", "x" * 200):
        yield telemetry(f"the sensor {ascii(name)[:12]}", {name: 1}, "bad_name")


def cases() -> Iterator[Case]:
    yield from no_object()
    yield from no_text()
    yield telemetry("a megabyte", b'{"a":"' + b"x" * 1_000_000 + b'"}', "oversize")
    yield telemetry("4,000 keys", {f"k{n}": n for n in range(4_000)}, "too_many")
    # They do not fit into a payload that is carried, however short they are.
    yield telemetry("10,000 keys", {f"k{n}": n for n in range(10_000)}, "oversize")
    yield telemetry("nested 200 deep", nested(200), "too_deep")
    yield telemetry(
        "nested so deep that no parser likes it", b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "bad_json"
    )
    yield telemetry("a huge number", b'{"temperature": 1e400}', "bad_json")
    yield telemetry("a number that no sensor has", {"temperature": 1e300}, "out_of_range")
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
    yield Case("an id with a quote", 'E"1/status', b'{"status": "online"}', ("status", "bad_id"))
    yield Case(
        "another's topic with an id that is none",
        "telemetry/can/x",
        b'{"device_id": "E\\"1", "rpm": 1}',
        ("telemetry", "bad_id"),
    )
    yield Case("nobody's reading", "telemetry/can/x", b'{"rpm": 1}', ("telemetry", "missing_field"))
    for word in sorted(RESERVED):
        # This one is a topic of its own as well: two filters match it, and it comes twice.
        outcome = ("mode", NO_LETTER) if word == "modes" else ("ignored", None)
        yield Case(f"the id {word}", f"{word}/status", b'{"status": "online"}', outcome)
    yield Case("a reserved id's boot", "system/system/boot", b"{}", ("ignored", None))
    yield Case("a reserved id's relay", "macro/relay/1/status", b'{"state": true}', ("ignored", None))
    for topic in ("E1", "E1/status/more", "E1/relay/status/1/2", "devices", "devices/E1/relays/state/x"):
        yield Case(f"the topic {topic}", topic, b'{"status": "online"}', None)


class Running(NamedTuple):
    """What runs, where its rows are, and what was published so far that is a dead letter."""

    broker: Mosquitto
    exporter: Exporter
    url: str
    letters: list[Case]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("autocore-bad-input")
    url = f"sqlite:///{directory / 'autocore.db'}"
    given = {
        "AUTOCORE__ENABLED": "true",
        "AUTOCORE__LAYOUTS": '["seed", "devices"]',
        "TICKRMETER__ENABLED": "false",
        "AUTOCORE__DATABASE": "true",
    }
    with (
        Mosquitto(directory) as broker,
        Exporter(directory, {**settings(broker.url, **given), "DATABASE_URL": url}, "exporter") as exporter,
    ):
        exporter.wait_ready()
        broker.publish([("autocore/E1/status", json.dumps(KNOWN).encode())])
        exporter.wait(lambda: exporter.scrape().total(MESSAGES) == 1, "to know a device")
        yield Running(broker, exporter, url, [])


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


def grown(before: Series, after: Series) -> dict[frozenset[tuple[str, str]], float]:
    """By how much each of a counter's series has grown, those that have not left out."""
    return {
        labels: value - before.get(labels, 0)
        for labels, value in after.items()
        if value != before.get(labels)
    }


@pytest.mark.parametrize("case", [*cases()], ids=lambda case: case.name)
def test_one_counter_says_what_was_wrong_and_nothing_else_moves(running: Running, case: Case) -> None:
    broker, exporter, _, letters = running
    before, shown = state(exporter), exporter.scrape()
    commands = shown.named(MESSAGES)[COMMAND]
    time.sleep(PACE_SECONDS)
    broker.publish([(f"autocore/{case.topic}", case.payload)])
    # Behind it comes one that is counted for certain, and has no effect but that.
    broker.publish([("autocore/devices/E1/relays/set", b"{}")])
    exporter.wait(lambda: exporter.scrape().named(MESSAGES)[COMMAND] == commands + 1, "to handle both")
    after = exporter.scrape()
    counted, errors = {COMMAND: 1.0}, {}
    if case.outcome is not None:
        message_type, reason = case.outcome
        counted[frozenset({("message_type", message_type)})] = 2 if reason == NO_LETTER else 1
        if reason is not None:
            errors[frozenset({("message_type", message_type), ("reason", reason)})] = 1
            if reason != NO_LETTER:
                letters.append(case)
    assert grown(shown.named(MESSAGES), after.named(MESSAGES)) == counted
    assert grown(shown.named(ERRORS), after.named(ERRORS)) == errors
    assert state(exporter) == before


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_text_that_could_end_a_label_is_shown_as_it_is(running: Running, text: str) -> None:
    broker, exporter, _, _ = running
    before = exporter.scrape()
    device = name_of(text)
    status = {"status": "online", "firmware_version": text, "device_type": text, "name": text}
    told = [("status", status), ("telemetry", {"oil": {"value": 3, "unit": text}})]
    broker.publish([(f"autocore/{device}/{topic}", json.dumps(each).encode()) for topic, each in told])
    exporter.wait(
        lambda: exporter.scrape().total("autocore_telemetry_value", device_id=device) == 3, "to hear it"
    )
    shown = exporter.scrape()
    assert shown.value(INFO, device_id=device, device_type=text, firmware_version=text) == 1
    assert shown.named(ERRORS) == before.named(ERRORS)


def test_a_unit_that_is_none_is_left_out_and_the_reading_counts(running: Running) -> None:
    broker, exporter, _, _ = running
    before = exporter.scrape()
    units = ("l\n", "l\x00", "l" * 17, 5, ["l"])
    told = {f"oil{place}": {"value": 3, "unit": unit} for place, unit in enumerate(units)}
    broker.publish([("autocore/units/telemetry", json.dumps(told).encode())])
    exporter.wait(
        lambda: exporter.scrape().total("autocore_telemetry_value", device_id="units") == 3 * len(units),
        "to hear it",
    )
    assert exporter.scrape().named(ERRORS) == before.named(ERRORS)


def name_of(text: str) -> str:
    return f"text-{TEXTS.index(text)}"


def test_the_device_is_as_it_was_and_the_program_well(running: Running) -> None:
    _, exporter, _, _ = running
    shown = exporter.scrape()
    assert shown.value("autocore_device_online", device_id="E1") == 1
    assert shown.value(INFO, device_id="E1", device_type="unknown", firmware_version="1.5") == 1
    assert shown.total("autocore_queue_dropped_total") == 0
    assert exporter.get("/-/healthy").status_code == 200
    assert "Traceback" not in exporter.log


def test_the_tables_have_nothing_of_it_and_the_dead_letters_all(running: Running) -> None:
    _, exporter, url, letters = running
    counted = exporter.scrape().total(LETTERS)
    # Its rows are all written then.
    assert exporter.stop() == 0
    with opened(url) as database:
        stored = stored_tables(database)
        with database.reading() as connection:
            devices = {row.device_id: row for row in connection.execute(select(DEVICES))}
            sensors = connection.execute(
                select(DEVICES.c.device_id, SENSORS.c.key, SENSORS.c.unit).select_from(SENSORS.join(DEVICES))
            ).all()
            kept = connection.execute(select(DEAD_LETTERS).order_by(DEAD_LETTERS.c.id)).all()
        assert count(database, NOTIFICATIONS) == 0
    known = devices.pop("E1")
    assert (known.status, known.firmware_version, known.type, known.name) == ("online", "1.5", None, "E1")
    texts = {name_of(text): text for text in TEXTS}
    assert devices.keys() <= {*texts, "units"}
    for device, row in devices.items():
        text = texts.get(device)
        # What it is called there is for people to say.
        assert (row.type, row.firmware_version, row.name) == (text, text, device)
    for device, _, unit in sensors:
        text = texts.get(device)
        assert unit == (text if text is not None and text.isprintable() else None)
    assert {key for _, key, _ in sensors} <= {"oil", *(f"oil{place}" for place in range(5))}
    assert not stored["relays_state"]
    assert not stored["relay_events"]
    # What is of no device, and no fault, is kept as it came.
    assert {dict(labels)["kind"] for labels in stored["events"]} <= {"mode"}
    assert [(row.topic, row.payload, row.reason) for row in kept] == [
        (
            f"autocore/{case.topic}",
            # The receiver does not carry it.
            b"" if case.outcome and case.outcome[1] == "oversize" else case.payload,
            case.outcome and case.outcome[1],
        )
        for case in letters
    ]
    assert len(kept) == counted
