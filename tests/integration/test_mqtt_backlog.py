"""What a broker kept for our session is a backlog, however long it takes to read it."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from otel_tickrmeter.mqtt.backlog import BACKLOG_SECONDS
from otel_tickrmeter.mqtt.link import HANDSHAKE_SECONDS
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.message import Connected, Subscribed
from tests.integration.fake_broker import FarEnd, Proxy
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto

Protocol = Literal["5", "3.1.1"]
KEPT = MqttSettings(qos=1, clean_session=False, client_id="keeper")
COUNT = 3000
PADDING = 100
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"
QUEUE_RATE, LIVE_RATE = 500, 20
QUEUE_SECONDS = 8.0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_no_message_of_a_long_backlog_has_a_time_and_live_ones_have(
    tmp_path: Path, protocol: Protocol
) -> None:
    with Mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy:
        settings = replace(KEPT, broker=proxy.url, protocol=protocol)
        with FeedThread(settings) as feed:
            feed.wait_subscribed()
        broker.publish([("t", b"%d".ljust(PADDING) % number) for number in range(COUNT)])
        # Some 40 kB/s: ten seconds, while each window of the broker's is through in a fraction of one.
        proxy.slow_down(0.012)
        with FeedThread(settings) as feed:
            feed.wait_messages(COUNT, 120.0)
            assert feed.events(Connected)[0].session_present
            first, last = feed.messages[0].arrived_ns, feed.messages[COUNT - 1].arrived_ns
            assert last - first > BACKLOG_SECONDS * 1e9
            assert all(message.backlog for message in feed.messages)
            proxy.slow_down(0.0)

            def live() -> bool:
                broker.publish([("t", b"live")])
                return not feed.messages[-1].backlog

            feed.wait(live, 60.0)


class Chatty(FarEnd):
    """A broker with a session of ours, which answers pings at once, whatever it has to send.

    First, if asked to, one message each half second; then its SUBACK; then a queue, and then live traffic,
    each at its rate.
    """

    def __init__(self, before_seconds: float = 0.0) -> None:
        super().__init__()
        self._before_seconds = before_seconds

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"\x20\x03\x01\x00\x00")
            subscribe = connection.recv(65_536)
            until = time.monotonic() + self._before_seconds
            while time.monotonic() < until:
                connection.sendall(published(b"before"))
                time.sleep(0.5)
            connection.sendall(b"\x90\x04" + subscribe[2:4] + b"\x00\x01")
            threading.Thread(target=self._answer_pings, args=(connection,), daemon=True).start()
            for payload, rate, seconds in ((b"queue", QUEUE_RATE, QUEUE_SECONDS), (b"live", LIVE_RATE, 60.0)):
                begun, sent = time.monotonic(), 0
                while (passed := time.monotonic() - begun) < seconds:
                    while sent < passed * rate:
                        connection.sendall(published(payload))
                        sent += 1
                    time.sleep(0.002)

    def _answer_pings(self, connection: socket.socket) -> None:
        with suppress(OSError):
            while data := connection.recv(65_536):
                if PINGREQ in data:
                    connection.sendall(PINGRESP)


def published(payload: bytes) -> bytes:
    """A PUBLISH at QoS 1 on the topic `t`, as MQTT 5 has it."""
    return bytes([0x32, 6 + len(payload)]) + b"\x00\x01t\x00\x01\x00" + payload


def test_a_backlog_that_answers_to_pings_overtake_is_one_to_its_end() -> None:
    with Chatty() as broker, FeedThread(replace(KEPT, broker=broker.url)) as feed:
        feed.wait(lambda: b"live" in feed.payloads and not feed.messages[-1].backlog, 60.0)
        queue = [message for message in feed.messages if message.payload == b"queue"]
        assert queue[-1].arrived_ns - queue[0].arrived_ns > BACKLOG_SECONDS * 1e9
        assert all(message.backlog for message in queue)


def test_a_suback_that_stands_behind_a_backlog_is_waited_for() -> None:
    with Chatty(HANDSHAKE_SECONDS + 2.0) as broker, FeedThread(replace(KEPT, broker=broker.url)) as feed:
        feed.wait(lambda: bool(feed.events(Subscribed)), 60.0)
        assert feed.story == ["Connected", "Subscribed"]
        assert all(message.backlog for message in feed.messages if message.payload == b"before")
