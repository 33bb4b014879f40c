"""The simulator against a real Mosquitto: what it says it sent is what a subscriber gets."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import orjson
import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.settings import SpellingSettings, TopicSettings
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.plan import Plan
from otel_tickrmeter.fleets.tickrmeter.simulate.run import simulate
from otel_tickrmeter.simulate.control import RunControl
from otel_tickrmeter.simulate.will import connect_and_break
from tests.integration.fake_broker import FakeBroker, SilentServer
from tests.integration.mosquitto import Mosquitto, ServerTls
from tests.support.certificates import Authority
from tools.server_process import free_port

SECONDS = 60.0
SHORT = SimulateOptions(
    devices=40,
    rate=200,
    duration=2.0,
    symbols=20,
    request_timeout=2.0,
    slow_latency=0.7,
    late=0.05,
    boots=0.0,  # a boot takes up to 8 s
)
ENDLESS = ("--devices", "20", "--rate", "100", "--duration", "1h", "--summary")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@contextmanager
def subscriber(port: int, protocol: str, qos: int) -> Iterator[list[tuple[str, bytes]]]:
    received: list[tuple[str, bytes]] = []
    subscribed = threading.Event()

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        received.append((message.topic, bytes(message.payload)))

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5 if protocol == "5" else MQTTv311)
    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos)
    client.loop_start()
    try:
        assert subscribed.wait(SECONDS)
        yield received
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_every_message_arrives_as_planned(
    tmp_path: Path, protocol: Literal["auto", "5", "3.1.1"], qos: int
) -> None:
    with Mosquitto(tmp_path) as broker, subscriber(broker.port, protocol, qos) as received:
        options = replace(SHORT, broker=broker.url, protocol=protocol, qos=qos, topic_prefix="fleet/a/")
        summary = simulate(options)
        wait_until(lambda: len(received) >= summary.pace.sent, f"{len(received)} of {summary.pace.sent} came")

    planned = list(Plan(options).messages())
    assert received == [(f"fleet/a/{message.topic}", message.payload) for message in planned]
    decoder = Decoder("fleet/a/", "mac", TopicSettings().device_id_pattern, SpellingSettings().fields)
    kinds = Counter(str(decoder.classify(topic.encode())) for topic, _ in received)
    assert kinds == Counter({kind: n for kind, n in summary.messages.items() if n})
    assert summary.complete
    assert summary.failure is None
    assert summary.pace.sent == len(planned)


def after_messages(received: list[tuple[str, bytes]], act: Callable[[], None]) -> None:
    wait_until(lambda: len(received) > 100, "no messages")
    act()


def total(summary_samples: list[dict[str, object]]) -> float:
    return sum(float(str(sample["value"])) for sample in summary_samples)


def test_a_run_stopped_early_counts_what_was_sent(tmp_path: Path) -> None:
    stop = threading.Event()
    with Mosquitto(tmp_path) as broker, subscriber(broker.port, "5", 1) as received:
        options = replace(SHORT, broker=broker.url, qos=1, duration=600.0, unanswered=0.5)
        stopper = threading.Thread(target=after_messages, args=(received, stop.set))
        stopper.start()
        summary = simulate(options, RunControl(stop))
        stopper.join()
        wait_until(lambda: len(received) >= summary.pace.sent, "messages missing")
        assert len(received) == summary.pace.sent

    assert not summary.complete
    assert summary.failure is None
    assert summary.open_at_end > 0
    expected = summary.expected
    assert total(expected["tickrmeter_stock_update_requests_total"]) == summary.messages["stock_request"]
    assert summary.messages["stock_request"] == (
        total(expected["tickrmeter_stock_update_responses_total"])
        + total(expected["tickrmeter_stock_update_timeout_total"])
        + total(expected["tickrmeter_stock_update_superseded_total"])
    )
    assert total(expected["tickrmeter_stock_updates_pending"]) == 0


def test_the_command_stops_on_a_signal_and_still_writes_its_summary(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    with Mosquitto(tmp_path) as broker, subscriber(broker.port, "5", 0) as received:
        process = subprocess.Popen(
            [sys.executable, "-m", "otel_tickrmeter", "simulate", "--broker", broker.url, *ENDLESS, file]
        )
        wait_until(lambda: len(received) > 20, "no messages")
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
        summary = orjson.loads(file.read_bytes())
        wait_until(lambda: len(received) >= summary["pace"]["sent"], "messages missing")
    assert len(received) == summary["pace"]["sent"] == sum(summary["messages"].values())
    assert summary["complete"] is False


def test_a_broker_that_goes_away_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, subscriber(broker.port, "5", 0) as received:
        killer = threading.Thread(target=after_messages, args=(received, broker.kill))
        killer.start()
        summary = simulate(replace(SHORT, broker=broker.url, duration=600.0))
        killer.join()

    assert not summary.complete
    assert summary.failure is not None
    assert "connection lost" in summary.failure
    assert summary.pace.sent > 100


def test_nobody_there_and_wrong_password_are_said(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, users={"fleet": "right"}) as broker:
        options = replace(SHORT, broker=broker.url, username="fleet")
        refused = simulate(replace(options, password="wrong"))  # noqa: S106  the test's own broker
        let_in = simulate(replace(options, password="right"))  # noqa: S106  the test's own broker
    gone = simulate(options)

    assert refused.failure is not None
    assert "Not authorized" in refused.failure
    assert refused.pace.sent == 0
    assert let_in.complete
    assert gone.failure is not None
    assert "cannot connect" in gone.failure


def test_it_publishes_over_tls_where_the_authority_is_given(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ServerTls(authority.ca_file, *authority.issue("localhost"))
    short = ("--fleet", "autocore", "--devices", "5", "--rate", "20", "--duration", "2s", "--summary", "-")

    def simulated(*options: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "otel_tickrmeter", "simulate", "--broker", broker.url, *short]
        return subprocess.run([*command, *options], capture_output=True, check=False, timeout=SECONDS)

    with Mosquitto(tmp_path, tls=tls) as broker:
        trusting = simulated("--ca-file", str(authority.ca_file))
        usual = simulated()
    assert trusting.returncode == 0, trusting.stderr
    assert orjson.loads(trusting.stdout)["pace"]["rate"] > 0
    assert usual.returncode == 1
    assert b"certificate verify failed" in usual.stderr


def test_a_broker_that_takes_no_last_will_is_told() -> None:
    def will(port: int) -> None:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        client.will_set("a", b"gone")
        connect_and_break(client, "127.0.0.1", port, 0.3)

    refused = b"\x20\x02\x00\x05"
    with FakeBroker([refused]) as broker, pytest.raises(PermissionError, match="Not authorized"):
        will(broker.port)
    assert b"gone" in broker.packets[0]
    with SilentServer() as server, pytest.raises(ConnectionError, match="no answer"):
        will(server.port)
    with pytest.raises(OSError):  # noqa: PT011  whatever the system says
        will(free_port())
