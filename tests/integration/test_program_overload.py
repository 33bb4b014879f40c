"""More than it can take: it loses visibly, blames nobody, and recovers by itself."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ABANDONED,
    LATENCY_COUNT,
    MESSAGES,
    RESPONSES,
    TIMEOUTS,
    device_ids,
    on_the_wire,
    settings,
    stopped,
    unaccounted,
)
from tests.support.wire import answer, request

STALL_SECONDS = 1.0
DROPPED = "tickrmeter_queue_dropped_total"
BOARDS = "autocore_messages_total"


def test_a_full_queue_drops_counted_messages_and_declares_no_timeouts(tmp_path: Path) -> None:
    devices = device_ids(10_000)
    # Beyond what publishing takes until the queue is full: what gets through before that might time out.
    limits = {"PERFORMANCE__BUFFER_SIZE": "500", "MONITORING__REQUEST_TIMEOUT": "10s"}

    def accounted(sent: int) -> Exposition:
        def count() -> float:
            exposition = exporter.scrape()
            return exposition.total(MESSAGES) + exposition.total(DROPPED)

        exporter.wait(lambda: count() >= sent, f"to account for {sent} messages")
        return exporter.scrape()

    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url, **limits)) as exporter:
        exporter.wait_ready()
        with stopped(exporter.pid):
            sent = broker.publish(on_the_wire(request(0, device) for device in devices))
            sent += broker.publish(on_the_wire(answer(0, device) for device in devices))
            # Nothing is waited for: this is the length of the overload. The receiver's queue holds 500.
            time.sleep(STALL_SECONDS)
        exposition = accounted(sent)
        assert exposition.total(MESSAGES) + exposition.total(DROPPED) == sent
        assert exposition.total(DROPPED) > sent / 2
        exporter.wait_logged("The receive queue is full")

        # Long after the timeout: whose answer was dropped cannot be told, so nobody is blamed.
        exporter.wait(lambda: exporter.scrape().total(ABANDONED) > 0, "to give up on requests")
        exposition = exporter.scrape()
        assert exposition.total(TIMEOUTS) == 0
        assert unaccounted(exposition) == 0

        answered = exposition.total(RESPONSES)
        measured = exposition.total(LATENCY_COUNT)
        sent += broker.publish(on_the_wire([request(0, devices[0]), answer(0, devices[0])]))
        exposition = accounted(sent)
        assert exposition.total(RESPONSES) == answered + 1
        assert exposition.total(LATENCY_COUNT) == measured + 1
        exporter.wait(
            lambda: exporter.scrape().value("tickrmeter_queue_size", queue="receive") == 0, "to be idle"
        )


def test_of_boards_telemetry_is_lost_and_nothing_else(tmp_path: Path) -> None:
    reading = json.dumps({"temperature": 20.5, "humidity": 40, "voltage": 12.5}).encode()
    shutoff = json.dumps({"event": "safety_shutoff", "channel": 1, "reason": "heartbeat"}).encode()

    def traffic() -> Iterator[tuple[str, bytes]]:
        for number in range(200):
            board = f"B{number % 20}"
            # The last of a board's: on a topic that telemetry comes on, too.
            yield f"autocore/devices/{board}/telemetry", shutoff
            yield f"autocore/{board}/relay/0/status", b'{"state": %b}' % (b"true", b"false")[number % 2]
            for _ in range(50):
                yield f"autocore/devices/{board}/telemetry", reading

    boards = {
        "AUTOCORE__ENABLED": "true",
        "AUTOCORE__LAYOUTS": '["seed", "devices"]',
        "PERFORMANCE__BUFFER_SIZE": "1000",
        "DATABASE__URL": f"sqlite:///{tmp_path / 'autocore.db'}",
    }
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url, **boards)) as exporter:
        exporter.wait_ready()
        with stopped(exporter.pid):
            sent = broker.publish(traffic())
            # Nothing is waited for: this is the length of the overload.
            time.sleep(STALL_SECONDS)

        def accounted() -> bool:
            shown = exporter.scrape()
            return shown.total(BOARDS) + shown.total(DROPPED) >= sent

        exporter.wait(accounted, f"to account for {sent} messages")
        shown = exporter.scrape()
    assert shown.total(DROPPED) > sent / 2
    assert shown.value("autocore_queue_dropped_total", queue="receive") == shown.total(DROPPED)
    assert shown.value(BOARDS, message_type="safety_shutoff") == 200
    assert shown.value(BOARDS, message_type="relay_status") == 200
    assert shown.value(BOARDS, message_type="telemetry") == 50 * 200 - shown.total(DROPPED)
