"""One connection, over a stream in memory: what a hostile broker can make us keep has an end."""

import time
from dataclasses import replace
from unittest.mock import patch

import pytest

from otel_tickrmeter.mqtt import link as link_module
from otel_tickrmeter.mqtt.backlog import BacklogWatch
from otel_tickrmeter.mqtt.link import Link, alive_ns
from otel_tickrmeter.mqtt.transport import CHUNK_BYTES
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.message import Connected, LinkEvent, Lost, Message, Refused
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.stream.subscription import Subscription
from tests.support.receiving import config_for

SETTINGS = MqttSettings("mqtt://nowhere", qos=2, client_id="c")
CONNACK = {"5": b"\x20\x03\x00\x00\x00", "3.1.1": b"\x20\x02\x00\x00"}
SUBACK = {"5": b"\x90\x04\x00\x01\x00\x02", "3.1.1": b"\x90\x03\x00\x01\x02"}


class Wire:
    """A `Stream` that brings what it is given and takes everything, or nothing."""

    def __init__(self) -> None:
        self.incoming = b""
        self.sent = b""
        self.taking = True
        self.ended = False

    def receive(self) -> bytes:
        data, self.incoming = self.incoming[:CHUNK_BYTES], self.incoming[CHUNK_BYTES:]
        if not data and not self.ended:
            raise BlockingIOError
        return data

    def send(self, data: bytes | bytearray) -> int:
        if not self.taking:
            raise BlockingIOError
        self.sent += data
        return len(data)

    def flush(self) -> bool:
        return False

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class Connection:
    """A link with its subscription confirmed; `messages` and `events` are what it told."""

    def __init__(
        self,
        protocol: str,
        *wanted: Subscription,
        suback: bytes | None = None,
        confirm: bool = True,
        welcome: bool = True,
    ) -> None:
        self.wire = Wire()
        self.messages: list[Message] = []
        self.events: list[LinkEvent] = []
        settings = replace(SETTINGS, protocol=protocol)  # type: ignore[arg-type]  # it is one of the two
        config = config_for(settings, *wanted)
        self.link = Link(config, BacklogWatch(alive_ns()), self.messages.append, self.events.append)
        with patch.object(link_module, "open_stream", lambda _config: self.wire):
            self.link.open()
        if welcome:
            self.say(CONNACK[protocol])
        if welcome and confirm:
            self.say(suback or SUBACK[protocol])
        self.wire.sent = b""

    def say(self, *packets: bytes) -> None:
        """Let the broker say this, and the link read it all."""
        self.wire.incoming += b"".join(packets)
        while self.link.is_open and self.link.read(0.0) is None:
            pass

    def lost(self) -> list[tuple[LinkReason, str]]:
        """Return why connections ended."""
        return [(event.reason, event.detail) for event in self.events if isinstance(event, Lost)]


def publish(protocol: str, packet_id: int, payload: bytes = b"x", first: int = 0x34) -> bytes:
    body = b"\x00\x01t" + packet_id.to_bytes(2) + (b"\x00" if protocol == "5" else b"") + payload
    return bytes([first, len(body)]) + body


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_message_at_qos_2_counts_when_it_comes_first_and_once(protocol: str) -> None:
    broker = Connection(protocol)
    broker.say(publish(protocol, 7), publish(protocol, 7, first=0x3C), b"\x62\x02\x00\x07")
    assert [message.payload for message in broker.messages] == [b"x"]
    assert broker.messages[0].qos == 2
    assert broker.wire.sent == b"\x50\x02\x00\x07" * 2 + b"\x70\x02\x00\x07"
    broker.say(publish(protocol, 7))  # the same again, after its release: a new one
    assert len(broker.messages) == 2


def test_of_messages_that_are_never_released_packet_ids_are_all_that_is_kept() -> None:
    broker = Connection("3.1.1")
    broker.say(*(publish("3.1.1", number) for number in range(1, 65_536)))
    assert broker.lost() == []
    assert len(broker.messages) == 65_535


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_does_not_read_what_it_makes_us_answer_is_left(protocol: str) -> None:
    for packet, times in ((publish(protocol, 1, first=0x32), 65_536), (b"\xc0\x00", 1_100)):
        broker = Connection(protocol)
        broker.wire.taking = False
        broker.say(*[packet] * times)
        assert broker.lost() == [
            (LinkReason.PROTOCOL_ERROR, "the broker does not read what it makes us answer")
        ]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_second_welcome_is_a_fault(protocol: str) -> None:
    broker = Connection(protocol)
    broker.say(*[CONNACK[protocol]] * 3)
    assert broker.lost() == [(LinkReason.PROTOCOL_ERROR, "the broker sent a second CONNACK")]
    assert sum(isinstance(event, Connected) for event in broker.events) == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_one_byte_that_is_another_makes_messages_or_an_end_with_a_reason(protocol: str) -> None:
    messages = [publish(protocol, 7, first=0x32), publish(protocol, 8), b"\x62\x02\x00\x08"]
    farewell = [b"\xe0\x02\x8b\x00"] if protocol == "5" else []
    said = b"".join([CONNACK[protocol], SUBACK[protocol], *messages, b"\xd0\x00", *farewell])
    for place, byte in enumerate(said):
        for value in {0, 1, 0x7F, 0x80, 0xFF, *(byte ^ 1 << bit for bit in range(8))} - {byte}:
            broker = Connection(protocol, welcome=False)
            broker.say(said[:place], bytes([value]), said[place + 1 :])
            broker.wire.ended = True
            broker.say()
            assert not broker.link.is_open
            end = broker.events[-1]
            assert isinstance(end, Lost | Refused)
            assert end.detail


FILTERS = (Subscription("a b/+", 0), Subscription("cars/#", 1), Subscription("x", 0))


def test_a_refused_subscription_names_its_filters() -> None:
    """Attack B16: NATS refuses a filter with a space, and says no more than that there was an error."""
    broker = Connection("3.1.1", *FILTERS, suback=b"\x90\x05\x00\x01\x80\x01\x80")
    (refused,) = [event for event in broker.events if isinstance(event, Refused)]
    assert refused.reason == LinkReason.SUBSCRIPTION_REFUSED
    assert refused.detail == "subscription to 'a b/+', 'x': Unspecified error"


def test_so_does_a_connection_that_is_closed_for_one() -> None:
    broker = Connection("5", *FILTERS, confirm=False)
    broker.wire.ended = True
    broker.say()
    ((_, detail),) = broker.lost()
    assert detail == (
        "the broker closed the connection; it had not confirmed the subscription to 'a b/+', 'cars/#', 'x'"
    )


def test_and_one_that_is_never_answered() -> None:
    broker = Connection("5", *FILTERS, confirm=False)
    broker.link.tick(time.monotonic_ns() + 3600 * SECOND_NS)
    (refused,) = [event for event in broker.events if isinstance(event, Refused)]
    assert refused.detail == "no SUBACK for the subscription to 'a b/+', 'cars/#', 'x' within 10 s"
