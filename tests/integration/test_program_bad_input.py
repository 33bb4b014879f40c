"""Whatever anybody publishes: one counter says what was wrong, and nothing else moves."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.bad_messages import CASES, REJECTED, TOPICS, Case
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition, Labels
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ERRORS,
    MESSAGES,
    PENDING,
    REQUESTS,
    RESPONSES,
    device_ids,
    handled,
    on_the_wire,
    settings,
)
from tests.support.exposition_text import exposition as read_exposition
from tests.support.wire import A, answer, boot, request, status

BATTERY = "tickrmeter_device_battery_level"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROCESSING = "tickrmeter_message_processing_duration_seconds"
MOVING = frozenset(
    {
        "tickrmeter_mqtt_last_message_timestamp_seconds",
        "tickrmeter_device_last_seen_timestamp",
        "tickrmeter_exposition_age_seconds",
        "tickrmeter_exposition_series",
        "tickrmeter_queue_size",
    }
)
"""Values that go on by themselves; their labels may not change."""


class Running(NamedTuple):
    """A broker, and an exporter on it that knows one device in all detail."""

    broker: Mosquitto
    exporter: Exporter


OF_WHOLE_MINUTES = ("tickrmeter_symbol_anomaly", "tickrmeter_symbol_latency_trend")
"""They come when a minute is over, whatever arrives then."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("bad-input")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(directory))
        environment = settings(broker.url, MONITORING__REQUEST_TIMEOUT="1h", MONITORING__DEVICE_TIMEOUT="2h")
        exporter = stack.enter_context(Exporter(directory, environment))
        exporter.wait_ready()
        heartbeat = status(
            0,
            A,
            status="online",
            firmware_version="62p",
            iv="7",
            flash_id="f1",
            battery="78",
            charging=True,
            vin="5.1",
            uptime=1000,
            wifi_lost=3,
            boot_count=2,
        )
        sent = broker.publish(on_the_wire([heartbeat, request(0), answer(0), request(0, A, "MSFT")]))
        exposition = handled(exporter, sent)
        assert exposition.value(PENDING) == exposition.total(RESPONSES) == 1
        yield Running(broker, exporter)


def samples(exposition: Exposition, message_type: str) -> dict[tuple[str, Labels], float]:
    """Every sample of ours but those that any message of this type moves; of MOVING, that it is there."""
    found = {}
    for name, series in exposition.series.items():
        if not name.startswith("tickrmeter_") or name.startswith(OF_WHOLE_MINUTES):
            continue
        for labels, value in series.items():
            if name.startswith((MESSAGES, PROCESSING)) and ("message_type", message_type) in labels:
                continue
            found[name, labels] = 0.0 if name in MOVING else value
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.message_type}: {case.name}")
def test_one_counter_goes_up_and_nothing_else(running: Running, case: Case) -> None:
    broker, exporter = running
    before = exporter.scrape()
    broker.publish([(case.topic, case.payload)])
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) > before.total(MESSAGES), "to handle it")
    after = exporter.scrape()

    assert after.total(MESSAGES, message_type=case.message_type) == 1 + before.total(
        MESSAGES, message_type=case.message_type
    )
    processed = f"{PROCESSING}_count"
    assert after.total(processed) == before.total(processed) + 1
    was, now = samples(before, case.message_type), samples(after, case.message_type)
    moved = {key: now.get(key, 0.0) - was.get(key, 0.0) for key in was.keys() | now.keys()}
    expected = {} if case.counter is None else {(case.counter, frozenset(case.labels)): 1.0}
    assert {
        key: change for key, change in moved.items() if change or key not in was.keys() & now.keys()
    } == expected


def test_the_table_is_as_long_as_it_looks() -> None:
    assert len({(case.topic, case.payload) for case in CASES}) == len(CASES)
    reasons = {dict(case.labels)["reason"] for case in CASES if case.counter == ERRORS}
    # The others of the closed list: test_program_outages.py and the attack below.
    assert reasons == {
        "bad_json",
        "bad_utf8",
        "empty",
        "missing_field",
        "not_object",
        "out_of_range",
        "oversize",
        "wrong_type",
    }


def test_texts_that_could_break_a_label_do_not(running: Running) -> None:
    """Printable text is a version, whatever it looks like; both formats carry it through."""
    broker, exporter = running
    versions = ['6"2', "6\\2", "6\\n2", '"} 1\\', "{x}", "版本", "💰", "é" * 64, "#", "6,2=", "٦٢"]
    messages = [
        status(0, device, firmware_version=version, iv=version, flash_id=version)
        for device, version in zip(device_ids(len(versions)), versions, strict=True)
    ]
    before = exporter.scrape().total(MESSAGES)
    broker.publish(on_the_wire(messages))
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) == before + len(versions), "to know the versions")
    exposition = exporter.scrape()
    openmetrics = read_exposition(exporter.get("/metrics", accept=OPENMETRICS).content, "openmetrics").samples
    for version in versions:
        labels = {"firmware_version": version, "iv": version}
        assert exposition.value("tickrmeter_devices_by_firmware_total", **labels) == 1
        assert openmetrics["tickrmeter_devices_by_firmware_total", frozenset(labels.items())] == 1
        assert exposition.value("tickrmeter_devices_by_flash_id_total", flash_id=version) == 1


def test_any_bytes_on_any_topic_are_counted_and_survived(running: Running) -> None:
    broker, exporter = running
    rng = random.Random(7)  # noqa: S311  the same bytes in every run
    topics = [*TOPICS.values(), "OTHER"]
    seeds = [request(0), answer(0), boot(0), status(0, A, battery="7", charging=True, firmware_version="62p")]
    messages = []
    for _ in range(5000):
        payload = bytearray(rng.choice(seeds).payload)
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(payload))
            payload[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        messages.append((rng.choice(topics), bytes(payload)))
    before = exporter.scrape()
    broker.publish(messages)
    count = before.total(MESSAGES) + len(messages)
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) == count, "to handle it all")
    after = exporter.scrape()
    assert after.total(ERRORS) > before.total(ERRORS)
    assert after.total(ERRORS, reason="internal") == 0
    assert "could not be handled" not in exporter.log
    assert read_exposition(exporter.get("/metrics", accept=OPENMETRICS).content, "openmetrics").samples


def test_topics_that_are_not_one_level_deep_are_not_subscribed_to(running: Running) -> None:
    broker, exporter = running
    before = exporter.scrape().total(MESSAGES)
    payload = request(0).payload
    broker.publish(
        [(topic, payload) for topic in ("/STOCKPRICEUPDATE", "a/STOCKPRICEUPDATE", f"{A}/x", "a/b/c", "/")]
    )
    broker.publish([("LAST", b"")])
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) > before, "to see the last")
    assert exporter.scrape().total(MESSAGES) == before + 1


def test_the_brokers_own_topics_are_not_counted(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path, settings=["sys_interval 1"]) as broker,
        Exporter(tmp_path, settings(broker.url)) as exporter,
    ):
        exporter.wait_ready()
        # What the broker says of itself begins when somebody listens; two rounds are enough.
        listened = subprocess.run(
            ["mosquitto_sub", "-p", str(broker.port), "-t", "$SYS/broker/uptime", "-C", "3", "-W", "30"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        assert listened.stdout.count(b"seconds") == 3
        broker.publish([("LAST", b"")])
        assert handled(exporter, 1).value(MESSAGES, message_type="ignored") == 1


def test_made_up_identities_do_not_push_out_real_ones(tmp_path: Path) -> None:
    """30,000 devices, 10,000 symbols and 5,000 versions are sent at bounds of 1,000, 100 and 256."""
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(
            tmp_path,
            settings(
                broker.url,
                MONITORING__MAX_DEVICES="1000",
                MONITORING__MAX_SYMBOLS="100",
                MONITORING__MAX_PAIRS="1500",
                MONITORING__REQUEST_TIMEOUT="1h",
                MONITORING__DEVICE_TIMEOUT="2h",
            ),
        ) as exporter,
    ):
        exporter.wait_ready()
        sent = broker.publish(
            on_the_wire([status(0, A, battery="78", firmware_version="62p"), request(0), answer(0)])
        )
        sent += broker.publish(on_the_wire(request(0, device) for device in device_ids(30_000)))
        sent += broker.publish(on_the_wire(request(0, A, f"S{number}") for number in range(10_000)))
        exposition = handled(exporter, sent)
        assert exposition.value(REJECTED, kind="device", reason="max_devices") == 29_001
        assert exposition.value(REJECTED, kind="symbol", reason="max_symbols") == 9_901
        assert exposition.value(REJECTED, kind="device", reason="max_pairs") == 0
        assert exposition.total("tickrmeter_devices_by_firmware_total") == 1000
        assert len(exposition.series["tickrmeter_device_last_seen_timestamp"]) == 1000
        assert len(exposition.series[REQUESTS]) == 999 + 100
        assert exposition.value(PENDING) == 999 + 99

        # A device of before, and pairs up to their own bound.
        known = device_ids(20)
        flood = (request(0, device, f"S{number}") for device in known for number in range(99))
        sent += broker.publish(on_the_wire(flood))
        sent += broker.publish(on_the_wire([request(0), answer(0), answer(0, known[0])]))
        exposition = handled(exporter, sent)
        assert len(exposition.series[REQUESTS]) == 1500
        assert exposition.value(REJECTED, kind="device", reason="max_pairs") == 20 * 99 - (1500 - 1099)
        assert exposition.value(REQUESTS, device_id=A, symbol="AAPL") == 2
        assert exposition.value(RESPONSES, device_id=A, symbol="AAPL") == 2
        assert exposition.value(RESPONSES, device_id=known[0], symbol="AAPL") == 1
        assert exposition.value(BATTERY, device_id=A, firmware_version="62p") == 78

        liar = known[1]
        versions = [f"v{number}" for number in range(5000)]
        sent += broker.publish(
            on_the_wire(
                message
                for version in versions
                for message in (status(0, liar, firmware_version=version), boot(0, liar))
            )
        )
        exposition = handled(exporter, sent)
        # 62p and 255 of them, and one name for all others. Once those before give way to it.
        assert len(exposition.series["tickrmeter_device_boots_total"]) == 256
        others = 5000 - 255 - 254
        assert exposition.value("tickrmeter_device_boots_total", firmware_version="other") == others
        assert exposition.value(ERRORS, message_type="device_status", reason="overflow") == others
        assert exposition.value(BATTERY, device_id=A, firmware_version="62p") == 78
        assert exporter.get("/-/ready").status_code == 200
