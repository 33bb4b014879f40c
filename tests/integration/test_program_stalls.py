"""The program while one of its own processes, or both, do not run."""

import time
from pathlib import Path

import pytest

from otel_tickrmeter.mqtt.silence import REPLACE_SECONDS
from tests.integration.conservation import Conservation
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ABANDONED,
    CHANGES,
    CONNECTED,
    LATENCY_BUCKET,
    LATENCY_COUNT,
    PENDING,
    REQUESTS,
    RESPONSES,
    TIMEOUTS,
    Pairs,
    changes,
    device_ids,
    handled,
    on_the_wire,
    receiver_of,
    settings,
    stopped,
    unaccounted,
    wait_change,
)
from tests.support.wire import A, B, C, answer, request

STALL_SECONDS = 3.0
SILENCE = "tickrmeter_receiver_silence_seconds"


def wait_answers(exporter: Exporter) -> None:
    """Until a hundred more answers were matched."""
    before = exporter.scrape().total(RESPONSES)
    exporter.wait(lambda: exporter.scrape().total(RESPONSES) > before + 100, "to see answers")


@pytest.mark.parametrize(("request_timeout", "stall_seconds"), [("5s", 6.0), ("30s", STALL_SECONDS)])
def test_a_stop_of_the_whole_program_is_not_held_against_the_backend(
    tmp_path: Path, request_timeout: str, stall_seconds: float
) -> None:
    devices = device_ids(20)
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, MONITORING__REQUEST_TIMEOUT=request_timeout)) as exporter,
    ):
        exporter.wait_ready()
        with Pairs(broker, devices) as pairs:
            wait_answers(exporter)
            # Only now: they have to be open still when the stall begins.
            broker.publish(on_the_wire(request(0, C, symbol) for symbol in ("MSFT", "TSLA")))
            exporter.wait(lambda: exporter.scrape().total(REQUESTS, device_id=C) == 2, "to see them open")
            with stopped(exporter.pid, receiver_of(exporter).pid):
                # Nothing is waited for: this is the length of the stall.
                time.sleep(stall_seconds)
            wait_answers(exporter)
        broker.publish(on_the_wire([answer(0, C, "MSFT")]))
        exposition = handled(exporter, 2 * pairs.sent + 3)
        exporter.wait_logged("The receiver did not run for")
        assert exposition.total(TIMEOUTS) == 0
        unseen = exposition.total(ABANDONED, symbol="AAPL")
        if request_timeout == "5s":
            # Open when the stall began, and not answered: nobody can say that no answer came in time.
            assert exposition.value(ABANDONED, symbol="TSLA") == 1
            # Nor when those were answered that had their answer within the stall.
            assert unseen <= len(devices)
        else:
            assert exposition.value(PENDING) == 1
            assert unseen == 0
        assert exposition.total(RESPONSES, symbol="AAPL") == pairs.sent - unseen
        assert unaccounted(exposition) == 0
        count = exposition.total(LATENCY_COUNT)
        assert 100 < count < pairs.sent
        assert exposition.total(LATENCY_BUCKET, le="0.5") >= count - pairs.slower_than(0.5)
        assert changes(exposition, "lost") == {}


def test_a_stop_of_the_main_process_bends_no_latency(tmp_path: Path) -> None:
    devices = device_ids(20)
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        with Pairs(broker, devices) as pairs:
            wait_answers(exporter)
            with stopped(exporter.pid):
                # Nothing is waited for: this is the length of the stall.
                time.sleep(STALL_SECONDS)
            wait_answers(exporter)
        exposition = handled(exporter, 2 * pairs.sent)
        assert exposition.total(RESPONSES) == exposition.total(LATENCY_COUNT) == pairs.sent
        assert exposition.total(ABANDONED) == exposition.total(TIMEOUTS) == 0
        assert exposition.value("tickrmeter_queue_dropped_total", queue="receive") == 0
        assert unaccounted(exposition) == 0
        # Asked before the stop or within it, answered 20 ms later: none took the 3 s of the stop.
        assert exposition.total(LATENCY_BUCKET, le="0.5") >= pairs.sent - pairs.slower_than(0.5)
        assert exposition.total(LATENCY_BUCKET, le="0.1") >= 0.9 * (pairs.sent - pairs.slower_than(0.1))
        assert changes(exposition, "lost") == {}


def test_a_receiver_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        broker.publish(on_the_wire([request(0, A), request(0, B), answer(0, B)]))
        handled(exporter, 3)
        first = receiver_of(exporter)
        first.suspend()
        # So that the next receiver is not connected before we have looked.
        broker.stop()
        first.kill()
        wait_change(exporter, "lost", {"receiver_died"})
        assert exporter.get("/-/ready").status_code == 503
        broker.start()
        exporter.wait_ready()
        assert receiver_of(exporter).pid != first.pid
        broker.publish(on_the_wire([request(0, A), answer(0, A)]))
        exposition = handled(exporter, 5)
        assert exposition.value(ABANDONED, symbol="AAPL") == 1
        assert exposition.total(RESPONSES) == 2
        assert exposition.total(TIMEOUTS) == 0
        assert exposition.value(CONNECTED) == 1
        assert unaccounted(exposition) == 0
        exporter.wait_logged("receiver_died")


def test_a_receiver_that_hangs_is_seen_and_replaced(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, MONITORING__REQUEST_TIMEOUT="10s")) as exporter,
    ):
        exporter.wait_ready()
        # Both ask, one is answered. The other's time runs out while nothing is heard, which proves nothing.
        broker.publish(on_the_wire([request(0, A), request(0, B), answer(0, B)]))
        handled(exporter, 3)
        first = receiver_of(exporter)
        first.suspend()
        exporter.wait(lambda: exporter.get("/-/ready").status_code == 503, "to see that it is deaf")
        assert "said nothing for" in exporter.get("/-/ready").text
        health = exporter.get("/health").json()
        assert (health["status"], health["broker_connected"]) == ("degraded", False)

        def shown_deaf() -> bool:
            exposition = exporter.scrape()
            return exposition.value(SILENCE) >= 5 and exposition.value(CONNECTED) == 0

        exporter.wait(shown_deaf, "to show the silence")
        wait_change(exporter, "lost", {"receiver_silent"})
        exporter.wait_logged("The receiving process has said nothing for")
        exporter.wait_ready()
        assert receiver_of(exporter).pid != first.pid
        broker.publish(on_the_wire([request(0, A), answer(0, A)]))
        exposition = handled(exporter, 5)
        assert exposition.value(ABANDONED, symbol="AAPL") == 1
        assert exposition.total(RESPONSES) == 2
        assert exposition.total(TIMEOUTS) == 0
        assert exposition.value(CONNECTED) == 1
        assert unaccounted(exposition) == 0


def test_a_long_stop_of_the_main_process_replaces_nothing(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        receiver = receiver_of(exporter)
        with stopped(exporter.pid):
            # Nothing is waited for: this is the length of the stop.
            time.sleep(REPLACE_SECONDS + 2.0)
        broker.publish(on_the_wire([request(0, A), answer(0, A)]))
        exposition = handled(exporter, 2)
        assert receiver_of(exporter).pid == receiver.pid
        assert changes(exposition, "lost") == {}
        assert "has said nothing" not in exporter.log


def test_every_scrape_adds_up_through_every_outage(tmp_path: Path) -> None:
    devices = device_ids(50)
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, MONITORING__REQUEST_TIMEOUT="5s")) as exporter,
    ):
        exporter.wait_ready()
        broker.publish(on_the_wire(request(0, device, "MSFT") for device in devices[:10]))
        with Conservation(often=[exporter]) as conservation:
            with Pairs(broker, devices):
                wait_answers(exporter)
                exporter.wait(lambda: exporter.scrape().total(TIMEOUTS) == 10, "to see timeouts")
                receiver_of(exporter).kill()
                wait_change(exporter, "lost", {"receiver_died"})
                exporter.wait_ready()
                with stopped(receiver_of(exporter).pid):
                    time.sleep(STALL_SECONDS / 2)  # the length of the stall
                wait_answers(exporter)
            broker.restart()
            wait_change(exporter, "lost", {"receiver_died", "closed_by_broker"}, 2)
            exporter.wait_ready()
            with Pairs(broker, devices):
                wait_answers(exporter)
        assert not conservation.faults
        assert conservation.with_pending["exporter"] >= 3
        assert exporter.scrape().total(CHANGES) >= 5
