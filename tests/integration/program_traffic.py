"""Scripted traffic for the whole program, over a real broker, and what must add up in its exposition."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import psutil
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from otel_tickrmeter.stream.message import Message
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition, quick_total
from tests.integration.mosquitto import Mosquitto
from tests.support.wire import answer, request

PENDING = "tickrmeter_stock_updates_pending"
REQUESTS = "tickrmeter_stock_update_requests_total"
RESPONSES = "tickrmeter_stock_update_responses_total"
TIMEOUTS = "tickrmeter_stock_update_timeout_total"
SUPERSEDED = "tickrmeter_stock_update_superseded_total"
ABANDONED = "tickrmeter_stock_update_abandoned_total"
LATENCY_BUCKET = "tickrmeter_stock_update_latency_seconds_bucket"
LATENCY_COUNT = "tickrmeter_stock_update_latency_seconds_count"
CHANGES = "tickrmeter_mqtt_connection_changes_total"
CONNECTED = "tickrmeter_mqtt_connected"
MESSAGES = "tickrmeter_messages_total"
ERRORS = "tickrmeter_message_errors_total"

ANSWER_SECONDS = 0.02
"""How long after its request the backend answers."""


def settings(broker: str, **more: str) -> dict[str, str]:
    """The environment of an exporter that is quick to show and to reconnect; `more` such as MQTT__QOS="1"."""
    given = {
        "MQTT__BROKER": broker,
        "MQTT__RECONNECT__MIN_DELAY": "0.1s",
        "MQTT__RECONNECT__MAX_DELAY": "0.5s",
        "PROMETHEUS__REFRESH_INTERVAL": "0.1s",
    }
    return {f"TICKRMETER_{key}": value for key, value in (given | more).items()}


def on_the_wire(messages: Iterable[Message]) -> list[tuple[str, bytes]]:
    """Topic and payload of each, for `Mosquitto.publish`."""
    return [(message.topic.decode(), message.payload) for message in messages]


def handled(exporter: Exporter, count: int) -> Exposition:
    """Waits until the exporter has handled that many messages since its start; the exposition then."""
    exporter.wait(lambda: quick_total(exporter.metrics(), MESSAGES) >= count, f"to handle {count} messages")
    exposition = exporter.scrape()
    assert exposition.total(MESSAGES) == count
    return exposition


def hears(exporter: Exporter, broker: Mosquitto) -> None:
    """Waits until it has handled one more message, which is published now."""
    before = exporter.scrape().total(MESSAGES)
    broker.publish(on_the_wire([request(0)]))
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) > before, "to hear")


def unaccounted(exposition: Exposition) -> float:
    """Requests of which the exposition does not say what became of them: 0 at every scrape."""
    ended = (RESPONSES, TIMEOUTS, SUPERSEDED, ABANDONED, PENDING)
    return exposition.total(REQUESTS) - sum(exposition.total(name) for name in ended)


def changes(exposition: Exposition, event: str) -> dict[str, float]:
    """Changes of the connection by their reason; what has not happened is left out."""
    found = {}
    for labels, value in exposition.series.get(CHANGES, {}).items():
        if ("event", event) in labels and value:
            found[dict(labels)["reason"]] = value
    return found


def wait_change(exporter: Exporter, event: str, reasons: set[str], times: int = 1) -> None:
    """Waits for so many changes of this kind, of these reasons and no others."""

    def count() -> float:
        found = changes(exporter.scrape(), event)
        assert found.keys() <= reasons, found
        return sum(found.values())

    exporter.wait(lambda: count() >= times, f"to count {event}")


def receiver_of(exporter: Exporter) -> psutil.Process:
    """Its receiving process, the only child it has."""
    (child,) = psutil.Process(exporter.pid).children()
    return child


class Pairs:
    """Devices that ask again and again, and a backend that answers each ANSWER_SECONDS later.

    Goes on while the context lasts; on leaving, the last requests are answered and the broker has it all.
    `sent` is the number of requests, and of answers.
    """

    def __init__(self, broker: Mosquitto, devices: Sequence[str], symbol: str = "AAPL") -> None:
        self.sent = 0
        self._round_seconds: list[float] = []
        self._requests = on_the_wire(request(0, device, symbol) for device in devices)
        self._answers = on_the_wire(answer(0, device, symbol) for device in devices)
        self._stop = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(1000)
        self._port = broker.port
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def slower_than(self, seconds: float) -> int:
        """How many may have taken longer, by our clock: a busy machine held up us, or the broker."""
        return len(self._requests) * sum(took > seconds for took in self._round_seconds)

    def _run(self) -> None:
        begun = time.monotonic()
        while not self._stop.is_set():
            for topic, payload in self._requests:
                self._client.publish(topic, payload, 1)
            self._stop.wait(ANSWER_SECONDS)
            confirmed = [self._client.publish(topic, payload, 1) for topic, payload in self._answers]
            for info in confirmed:
                info.wait_for_publish(30.0)
            self.sent += len(self._requests)
            # From round to round without a gap: a stop of the machine always falls into one.
            begun, before = time.monotonic(), begun
            self._round_seconds.append(begun - before)


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """The processes do not run inside."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def device_ids(count: int, start: int = 0) -> list[str]:
    """Different ids that match the usual pattern."""
    return [f"{number:012X}" for number in range(start, start + count)]
