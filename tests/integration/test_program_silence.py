"""The program while the broker says nothing: an empty socket proves nothing, only an answer does."""

import time
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.fake_broker import Proxy
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ABANDONED,
    CONNECTED,
    LATENCY_BUCKET,
    LATENCY_COUNT,
    PENDING,
    RESPONSES,
    TIMEOUTS,
    Pairs,
    changes,
    device_ids,
    handled,
    on_the_wire,
    settings,
    stopped,
    unaccounted,
    wait_change,
)
from tests.support.wire import B, C, answer, request, status

IN_DOUBT = "not ready: the broker does not answer: the link may be dead\n"


def wait_doubt(exporter: Exporter) -> None:
    """Until it says that it is not ready for want of an answer."""
    exporter.wait(lambda: exporter.get("/-/ready").text == IN_DOUBT, "to doubt the link")


def wait_answers(exporter: Exporter) -> None:
    """Until a hundred more answers were matched."""
    before = exporter.scrape().total(RESPONSES)
    exporter.wait(lambda: exporter.scrape().total(RESPONSES) > before + 100, "to see answers")


def test_a_dead_link_is_doubted_and_no_request_times_out_on_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy:
        environment = settings(proxy.url, MQTT__KEEPALIVE="10s", MONITORING__REQUEST_TIMEOUT="8s")
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            devices = device_ids(50)
            broker.publish(on_the_wire(request(0, device) for device in devices))
            handled(exporter, 50)
            proxy.silence()
            wait_doubt(exporter)
            exporter.wait(lambda: exporter.scrape().value(CONNECTED) == 0, "to show it")
            # The link is given up a keepalive later, when all deadlines have passed.
            wait_change(exporter, "lost", {"keepalive_timeout"})
            exposition = exporter.scrape()
            assert exposition.total(TIMEOUTS) == 0
            assert exposition.total(ABANDONED) == len(devices)
            assert unaccounted(exposition) == 0
            proxy.talk()
            exporter.wait_ready()


@pytest.mark.parametrize(("request_timeout", "silence_seconds"), [("5s", 6.0), ("30s", 4.0)])
def test_a_broker_that_stands_still_is_not_held_against_the_backend(
    tmp_path: Path, request_timeout: str, silence_seconds: float
) -> None:
    devices = device_ids(20)
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, MONITORING__REQUEST_TIMEOUT=request_timeout)) as exporter,
    ):
        exporter.wait_ready()
        with Pairs(broker, devices) as pairs:
            wait_answers(exporter)
            broker.publish(on_the_wire([request(0, C, "MSFT"), request(0, C, "TSLA")]))
            with stopped(broker.pid):
                wait_doubt(exporter)
                time.sleep(silence_seconds)  # not a wait for something: the length of the silence
            exporter.wait_ready()
            wait_answers(exporter)
        broker.publish(on_the_wire([answer(0, C, "MSFT")]))
        exposition = handled(exporter, 2 * pairs.sent + 3)
        exporter.wait_logged("The broker does not answer for")
        exporter.wait_logged("The broker answers again")
        assert exposition.total(TIMEOUTS) == 0
        if request_timeout == "5s":
            assert exposition.value(ABANDONED, symbol="TSLA") == 1
        else:
            assert exposition.value(PENDING) == 1
        count = exposition.total(LATENCY_COUNT)
        assert 100 < count < pairs.sent
        # The round of the silence took that long by our clock, too, and has no latencies.
        slow = pairs.slower_than(2.0) - len(devices)
        assert exposition.total(LATENCY_BUCKET, le="2.0") >= count - slow
        assert changes(exposition, "lost") == {}
        assert unaccounted(exposition) == 0


def test_a_silence_of_the_broker_ends_no_device(tmp_path: Path) -> None:
    limits = {
        "MONITORING__REQUEST_TIMEOUT": "10s",
        "MONITORING__DEVICE_TIMEOUT": "10s",
        "MONITORING__CLEANUP_INTERVAL": "1s",
    }
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url, **limits)) as exporter:
        exporter.wait_ready()
        broker.publish(on_the_wire([status(0, B, battery="42")]))
        handled(exporter, 1)
        with stopped(broker.pid):
            wait_doubt(exporter)
            time.sleep(11.0)  # longer than a device may be silent
        exporter.wait_ready()
        assert exporter.scrape().total("tickrmeter_device_last_seen_timestamp", device_id=B) > 0
        assert exporter.scrape().total("tickrmeter_series_expired_total") == 0


def test_on_a_quiet_link_that_lives_requests_time_out(tmp_path: Path) -> None:
    """Nothing arrives after the request but the answers to our own probes."""
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, MONITORING__REQUEST_TIMEOUT="2s")) as exporter,
    ):
        exporter.wait_ready()
        broker.publish(on_the_wire([request(0, B)]))
        exporter.wait(lambda: exporter.scrape().total(TIMEOUTS) == 1, "to time out", 30.0)
        assert exporter.scrape().total(ABANDONED) == 0
