"""What a broker sends again after a cut: the first delivery counts, and no other."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from otel_tickrmeter.settings.model import MqttSettings, ReconnectSettings
from otel_tickrmeter.stream.message import Connected, Message
from tests.integration.fake_broker import FakeBroker, Proxy
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto

Protocol = Literal["5", "3.1.1"]
SOON = ReconnectSettings(0.05, 0.1)
KEPT = MqttSettings(qos=1, clean_session=False, client_id="keeper", reconnect=SOON)

NEW, RESUMED = b"\x20\x03\x00\x00\x00", b"\x20\x03\x01\x00\x00"
SUBACK = b"\x90\x04" + FakeBroker.MID + b"\x00\x01"


def publish(packet_id: int, payload: bytes, *, dup: bool) -> bytes:
    """A PUBLISH at QoS 1 on the topic `t`, as MQTT 5 has it."""
    body = b"\x00\x01t" + packet_id.to_bytes(2) + b"\x00" + payload
    return bytes([0x3A if dup else 0x32, len(body)]) + body


def test_only_what_was_handled_under_its_packet_id_in_this_session_is_a_duplicate() -> None:
    scripts = (
        [NEW, SUBACK + publish(1, b"a", dup=False), None],
        [RESUMED, SUBACK + publish(1, b"a", dup=True) + publish(2, b"b", dup=True), None],
        [NEW, SUBACK + publish(1, b"a", dup=True)],
    )
    with FakeBroker(*scripts) as broker, FeedThread(replace(KEPT, broker=broker.url)) as feed:
        feed.wait_messages(4)
        seen = [(message.payload, message.duplicate) for message in feed.messages]
        assert seen == [(b"a", False), (b"a", True), (b"b", False), (b"a", False)]
        # Nobody can say when what is sent again was sent first.
        assert all(message.backlog for message in feed.messages[1:])
        assert [event.session_present for event in feed.events(Connected)] == [False, True, False]


@pytest.mark.parametrize("qos", [1, 2])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_over_every_cut_each_message_counts_once(tmp_path: Path, protocol: Protocol, qos: int) -> None:
    count, cuts = 4000, 6
    with Mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy:
        settings = replace(KEPT, broker=proxy.url, protocol=protocol, qos=qos)
        with FeedThread(settings) as feed:
            feed.wait_subscribed()
            sent = [("t", b"%d" % number) for number in range(count)]
            publishing = threading.Thread(target=broker.publish, args=(sent,), kwargs={"qos": qos})
            publishing.start()
            for cut in range(1, cuts + 1):
                feed.wait(lambda cut=cut: len(feed.messages) >= cut * count // (2 * cuts))  # type: ignore[misc]
                proxy.silence()
                time.sleep(0.02)  # for something to be under way, both ways
                proxy.cut()
                feed.wait(lambda cut=cut: len(feed.events(Connected)) > cut)  # type: ignore[misc]
            publishing.join()
            feed.wait(lambda: len(first(feed.messages)) >= count)
            feed.wait_watermark(time.monotonic_ns())
            assert sorted(map(int, first(feed.messages))) == list(range(count))


def first(messages: list[Message]) -> list[bytes]:
    """Payloads of the deliveries that count."""
    return [message.payload for message in messages if not message.duplicate]
