"""What devices in the field really send, through a real broker: it makes no timeout and ends no device."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ERRORS,
    MESSAGES,
    REQUESTS,
    RESPONSES,
    SUPERSEDED,
    TIMEOUTS,
    handled,
    receiver_of,
    settings,
    stopped,
)
from tests.support.wire import A

REPAIRED = "tickrmeter_messages_repaired_total"
REQUEST, STATUS = "STOCKPRICEUPDATE", "DEVICESTATUS_RES"
GAUGES = {
    "battery": "tickrmeter_device_battery_level",
    "charging": "tickrmeter_device_charging_status",
    "vin": "tickrmeter_device_vin_level",
    "uptime": "tickrmeter_device_uptime_seconds",
}


class Running(NamedTuple):
    """A broker, and an exporter on it."""

    broker: Mosquitto
    exporter: Exporter


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("field")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(directory))
        environment = settings(broker.url, MONITORING__REQUEST_TIMEOUT="1h", MONITORING__DEVICE_TIMEOUT="2h")
        exporter = stack.enter_context(Exporter(directory, environment))
        exporter.wait_ready()
        yield Running(broker, exporter)


def publish(running: Running, *messages: tuple[str, bytes]) -> None:
    """Publish, and wait until all is handled and shown."""
    before = running.exporter.scrape().total(MESSAGES)
    sent = running.broker.publish(list(messages))
    running.exporter.wait(
        lambda: running.exporter.scrape().total(MESSAGES) == before + sent, f"to handle {sent} messages"
    )


def device(number: int) -> str:
    """An id that no other test has: they share an exporter."""
    return f"0A0B0C0D{number:04X}"


@pytest.mark.parametrize(
    ("number", "request_payload", "answer_payload", "repairs"),
    [
        (1, b'{"device":"%b","symbol":"AAPL"}\0', b'{"symbol":"AAPL"}\0\0', {"padding": 2}),
        (
            2,
            b'\xef\xbb\xbf{"device":"%b","symbol":"AAPL"}',
            b'{"symbol":"AAPL"} \r\n',
            {"byte_order_mark": 1},
        ),
        (3, b'{"device":"%b","symbol":"AAPL","name":"B\xfcro"}', b'{"symbol":"AAPL"}', {"bad_utf8": 1}),
        (4, b'{"device":"%b","symbol":"AAPL"}', b'{"symbol":"AAPL","price":nan}', {"not_a_number": 1}),
        (5, b'{"device":"%b","symbol":"AAPL"}', b'{"symbol":"AAPL","name":"a\tb"}', {"lenient": 1}),
        (6, b'{"device":"%b","symbol":" AAPL "}', b'{"symbol":"AAPL"}', {}),
        (7, b'{"device":"%b","symbol":"AAPL"}', b'{"symbol":"aapl"}', {}),
        (8, b'{"device":"%b","symbol":"AAPL\\u0000"}', b'{"symbol":"AAPL"}', {}),
    ],
)
def test_a_good_request_and_its_good_answer_are_a_pair_whatever_surrounds_them(
    running: Running,
    number: int,
    request_payload: bytes,
    answer_payload: bytes,
    repairs: dict[str, int],
) -> None:
    name = device(number)
    before = running.exporter.scrape()
    publish(
        running,
        (REQUEST, request_payload % name.encode()),
        (name, answer_payload),
    )
    after = running.exporter.scrape()
    assert after.value(RESPONSES, device_id=name, symbol="AAPL") == 1
    assert after.total(ERRORS) == before.total(ERRORS)
    for kind in {labels["kind"] for labels in map(dict, after.series[REPAIRED])} | set(repairs):
        assert after.total(REPAIRED, kind=kind) - before.total(REPAIRED, kind=kind) == repairs.get(kind, 0)


@pytest.mark.parametrize(
    ("number", "asked_as", "answered_as"),
    [
        (0x11, "0a0b0c0d0011", "0A0B0C0D0011"),
        (0x12, "0A:0B:0C:0D:00:12", "0A0B0C0D0012"),
        (0x13, "0A0B0C0D0013", "0a-0b-0c-0d-00-13"),
        (0x14, "0a0b.0c0d.0014", "0A:0b:0C:0d:00:14"),
    ],
)
def test_one_device_is_one_however_it_is_spelled(
    running: Running, number: int, asked_as: str, answered_as: str
) -> None:
    publish(
        running,
        (STATUS, b'{"device":"%b","battery":"7"}' % answered_as.encode()),
        (REQUEST, b'{"device":"%b","symbol":"AAPL"}' % asked_as.encode()),
        (answered_as, b'{"symbol":"AAPL"}'),
    )
    seen = running.exporter.scrape()
    name = device(number)
    assert seen.value(RESPONSES, device_id=name, symbol="AAPL") == 1
    assert seen.value(GAUGES["battery"], device_id=name, firmware_version="unknown") == 7
    assert {dict(labels)["device_id"] for labels in seen.series[REQUESTS]} & {asked_as, answered_as} <= {name}


@pytest.mark.parametrize(
    "symbol", ["S&P 500", "Nestlé", "BRK B", "7203.T", "M&M.NS", "NIFTY 50", 'say "AAPL"', "a\\b"]
)
def test_symbols_that_exist_are_measured(running: Running, symbol: str) -> None:
    name = device(0x20)
    spelled = symbol.replace("\\", "\\\\").replace('"', '\\"').encode()
    publish(
        running,
        (REQUEST, b'{"device":"%b","symbol":"%b"}' % (name.encode(), spelled)),
        (name, b'{"symbol":"%b"}' % spelled),
    )
    assert running.exporter.scrape().value(RESPONSES, device_id=name, symbol=symbol) == 1


def test_a_symbol_that_is_a_number_is_its_digits(running: Running) -> None:
    name = device(0x21)
    publish(
        running, (REQUEST, b'{"device":"%b","symbol":7203}' % name.encode()), (name, b'{"symbol":"7203"}')
    )
    assert running.exporter.scrape().value(RESPONSES, device_id=name, symbol="7203") == 1


@pytest.mark.parametrize(
    ("number", "fields", "reading", "value"),
    [
        (0x30, '"battery":"78%"', "battery", 78),
        (0x31, '"battery":" 78 "', "battery", 78),
        (0x32, '"battery":null,"battery_level":55', "battery", 55),
        (0x33, '"vin":"3.30V"', "vin", 3.3),
        (0x34, '"vin":"3300 mV"', "vin", 3.3),
        (0x35, '"uptime":"4T06:37:41"', "uptime", 369461),
        (0x36, '"uptime":"4d 06:37:41"', "uptime", 369461),
        (0x37, '"charging":"Charging "', "charging", 1),
    ],
)
def test_readings_are_read_as_people_print_them(
    running: Running, number: int, fields: str, reading: str, value: float
) -> None:
    name = device(number)
    before = running.exporter.scrape().total(ERRORS)
    publish(running, (STATUS, f'{{"device":"{name}",{fields}}}'.encode()))
    seen = running.exporter.scrape()
    assert seen.total(GAUGES[reading], device_id=name) == value
    assert seen.total(ERRORS) == before


@pytest.mark.parametrize(
    ("number", "figure", "faults"),
    [
        (0x40, b"nan", 1),
        (0x41, b"NaN", 1),
        (0x42, b"-inf", 1),
        (0x43, b"101", 1),
        (0x44, b"255", 0),
    ],
)
def test_a_battery_that_is_none_costs_its_field_alone(
    running: Running, number: int, figure: bytes, faults: int
) -> None:
    name = device(number)
    before = running.exporter.scrape()
    payload = b'{"status":"online","device":"%b","battery":%b,"firmware_version":"62p "}'
    publish(running, (STATUS, payload % (name.encode(), figure)))
    after = running.exporter.scrape()
    assert after.total("tickrmeter_device_last_seen_timestamp", device_id=name) > 0
    assert not [labels for labels in after.series.get(GAUGES["battery"], ()) if ("device_id", name) in labels]
    counted = {"message_type": "device_status", "reason": "out_of_range"}
    assert after.total(ERRORS, **counted) - before.total(ERRORS, **counted) == faults
    assert after.total(ERRORS) - before.total(ERRORS) == faults
    # "62p" and "62p " are one.
    assert after.total("tickrmeter_devices_by_firmware_total", firmware_version="62p") >= 1
    assert not after.total("tickrmeter_devices_by_firmware_total", firmware_version="62p ")


@pytest.mark.parametrize("status", ['"asleep"', "false", "0", '"disconnected"', "[]"])
def test_what_cannot_be_read_as_online_is_not_online(running: Running, status: str) -> None:
    online = "tickrmeter_devices_online_total"
    name = device(0x50)
    publish(running, (STATUS, f'{{"device":"{name}","status":"online","flash_id":"F50"}}'.encode()))
    assert running.exporter.scrape().total(online, flash_id="F50") == 1
    publish(running, (STATUS, f'{{"device":"{name}","status":{status}}}'.encode()))
    assert running.exporter.scrape().total(online, flash_id="F50") == 0


def test_a_roll_out_of_settings_is_no_error(running: Running) -> None:
    before = running.exporter.scrape()
    commands = [b'{"type":"SETTINGS","brightness":5}', b'{"type":"OTA","url":"x"}', b"REBOOT", b""]
    publish(running, *((device(0x60), command) for command in commands))
    after = running.exporter.scrape()
    counted = {"message_type": "device_command"}
    assert after.total(MESSAGES, **counted) - before.total(MESSAGES, **counted) == len(commands)
    assert after.total(ERRORS) == before.total(ERRORS)
    assert after.total("tickrmeter_stock_update_unmatched_total") == before.total(
        "tickrmeter_stock_update_unmatched_total"
    )


def test_a_dead_symbol_shows_as_dead_although_its_device_asks_again_and_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("dead")
    with (
        Mosquitto(directory) as broker,
        Exporter(directory, settings(broker.url, MONITORING__REQUEST_TIMEOUT="2s")) as exporter,
    ):
        exporter.wait_ready()
        payload = b'{"device":"%b","symbol":"DEAD"}' % A.encode()
        asked = 0

        def timed_out() -> bool:
            nonlocal asked
            asked += broker.publish([(REQUEST, payload)])
            return exporter.scrape().total(TIMEOUTS, symbol="DEAD") >= 2

        exporter.wait(timed_out, "to time out twice while it is asked for more often than that")
        seen = handled(exporter, asked)
        assert seen.total(SUPERSEDED, symbol="DEAD") > 0
        assert seen.total(REQUESTS, symbol="DEAD") == asked
        events = {
            event: seen.value("tickrmeter_stock_update_events_total", event=event)
            for event in ("requested", "answered", "timeout", "superseded", "abandoned")
        }
        assert events.pop("requested") == sum(events.values()) + seen.total(
            "tickrmeter_stock_updates_pending"
        )


def test_answers_that_may_not_be_read_are_no_slow_backend(tmp_path: Path) -> None:
    """The broker's access list lets the exporter subscribe to everything, and read the requests alone."""
    users = {"devices": "secret", "exporter": "secret"}
    acl = "user devices\ntopic readwrite #\n\nuser exporter\ntopic read STOCKPRICEUPDATE\n"
    environment = {
        "MQTT__USERNAME": "exporter",
        "MQTT__PASSWORD": "secret",
        "MONITORING__REQUEST_TIMEOUT": "1s",
    }
    missing = "tickrmeter_stock_update_answers_missing"
    with (
        Mosquitto(tmp_path, users=users, acl=acl) as broker,
        Exporter(tmp_path, settings(broker.url, **environment)) as exporter,
    ):
        exporter.wait_ready()
        devices = [device(number) for number in range(0x70, 0x70 + 30)]
        asked = [(REQUEST, b'{"device":"%b","symbol":"AAPL"}' % name.encode()) for name in devices]
        answers = [(name, b'{"symbol":"AAPL"}') for name in devices]
        broker.publish([message for pair in zip(asked, answers, strict=True) for message in pair])
        exporter.wait(lambda: exporter.scrape().value(missing) == 1, "to miss the answers")
        ready = exporter.get("/-/ready")
        assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "no answer of any device" in ready.text
        assert exporter.get("/health").json()["status"] == "degraded"
        assert exporter.scrape().value("tickrmeter_mqtt_connected") == 1


def test_an_access_list_that_changes_meanwhile_is_noticed_and_forgiven(tmp_path: Path) -> None:
    users = {"devices": "secret", "exporter": "secret"}
    everything = "user devices\ntopic readwrite #\n\nuser exporter\ntopic read #\n"
    requests = everything.replace("topic read #", "topic read STOCKPRICEUPDATE")
    environment = {
        "MQTT__USERNAME": "exporter",
        "MQTT__PASSWORD": "secret",
        "MONITORING__REQUEST_TIMEOUT": "1s",
    }
    with (
        Mosquitto(tmp_path, users=users, acl=everything) as broker,
        Exporter(tmp_path, settings(broker.url, **environment)) as exporter,
    ):
        exporter.wait_ready()
        names = [device(number).encode() for number in range(0x70, 0x70 + 30)]
        asked = [(REQUEST, b'{"device":"%b","symbol":"AAPL"}' % name) for name in names]
        answers = [(name.decode(), b'{"symbol":"AAPL"}') for name in names]
        exchanged = [message for pair in zip(asked, answers, strict=True) for message in pair]
        for allowed, missing in ((everything, 0), (requests, 1), (everything, 0)):
            broker.allow(allowed)
            broker.publish(exchanged)
            exporter.wait(
                lambda missing=missing: (  # type: ignore[misc]
                    exporter.scrape().value("tickrmeter_stock_update_answers_missing") == missing
                    and exporter.scrape().value("tickrmeter_stock_updates_pending") == 0
                ),
                "to see it",
            )
            assert exporter.get("/-/ready").status_code == (503 if missing else 200)
        shown = exporter.scrape()
        assert shown.total("tickrmeter_stock_update_timeout_total") == 30
        assert shown.total("tickrmeter_stock_update_responses_total") == 60


@pytest.mark.parametrize("outage", ["broker", "program"])
def test_an_outage_of_ours_ends_no_device(tmp_path: Path, outage: str) -> None:
    timeouts = {"MONITORING__REQUEST_TIMEOUT": "4s", "MONITORING__DEVICE_TIMEOUT": "4s"}
    expired = "tickrmeter_series_expired_total"
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, MONITORING__CLEANUP_INTERVAL="0.5s", **timeouts)) as exporter,
    ):
        exporter.wait_ready()
        names = [device(number) for number in range(0xA0, 0xA0 + 20)]
        broker.publish([(STATUS, b'{"device":"%b","battery":7}' % name.encode()) for name in names])
        handled(exporter, len(names))
        if outage == "broker":
            broker.stop()
            time.sleep(8.0)  # twice as long as a device may be silent
            broker.start()
        else:
            with stopped(exporter.pid, receiver_of(exporter).pid):
                time.sleep(8.0)
        exporter.wait_ready()
        broker.publish([(STATUS, b'{"device":"%b","battery":8}' % name.encode()) for name in names])
        seen = handled(exporter, 2 * len(names))
        assert seen.total(expired, kind="device") == 0
        assert sum(seen.named(GAUGES["battery"]).values()) == 8 * len(names)
