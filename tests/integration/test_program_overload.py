"""More than it can take: it loses visibly, blames nobody, and recovers by itself."""

import time
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
