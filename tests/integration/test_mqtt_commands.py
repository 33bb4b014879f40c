"""Publishing beside what is received, against a real Mosquitto."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from otel_tickrmeter.mqtt import commands
from otel_tickrmeter.mqtt.command_switch import CommandSwitch
from otel_tickrmeter.mqtt.commands import CommandPublisher
from otel_tickrmeter.settings.model import MqttSettings, ReconnectSettings, TlsSettings
from otel_tickrmeter.stream.ticket import Ticket
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto, ServerTls
from tests.support.certificates import Authority
from tests.support.receiving import config_for
from tests.support.waiting import wait_until

SOON = ReconnectSettings(0.05, 0.1)
Versions = Literal["auto", "5", "3.1.1"]


class Publisher:
    """A publisher of commands, and what it said."""

    def __init__(self, settings: MqttSettings) -> None:
        self.said: list[str] = []
        self.commands = CommandPublisher(config_for(settings), self.said.append)

    def publish(self, topic: str, payload: bytes = b"on") -> Ticket:
        """Publish, and wait for the broker's word."""
        ticket = self.commands.publish(topic, payload)
        wait_until(lambda: ticket.ended, "for the end of what was published")
        return ticket

    def wait_taken(self, topic: str) -> None:
        """Publish until the broker takes it: Mosquitto 2.0.11 ends a connection on a refusal."""
        wait_until(lambda: self.publish(topic).failure is None, "for something to be taken")

    def wait_said(self, text: str) -> None:
        wait_until(lambda: bool(self.said) and text in self.said[-1], f"for {text}")


@contextmanager
def publisher(settings: MqttSettings) -> Iterator[Publisher]:
    made = Publisher(replace(settings, reconnect=SOON))
    with made.commands:
        yield made


@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_what_is_published_is_taken_once_and_not_kept(tmp_path: Path, protocol: Versions) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = MqttSettings(broker.url, qos=1, protocol=protocol, client_id="one")
        # The same client id: the receiver must not be put out by it.
        with FeedThread(settings) as feed, publisher(settings) as made:
            feed.wait_subscribed()
            made.wait_said("connected")
            assert [made.publish("t", b"%d" % number).failure for number in range(20)] == [None] * 20
            feed.wait_messages(20)
            assert feed.payloads == [b"%d" % number for number in range(20)]
            assert {message.qos for message in feed.messages} == {1}
            assert feed.story == ["Connected", "Subscribed"]
        with FeedThread(settings) as later:
            later.wait_subscribed()
            broker.publish([("t", b"end")])
            later.wait_messages(1)
            assert later.payloads == [b"end"]
    assert made.said == ["Commands: connected"]


@pytest.mark.parametrize("websockets", [False, True])
def test_over_tls_with_a_password(tmp_path: Path, *, websockets: bool) -> None:
    authority = Authority(tmp_path)
    tls = ServerTls(authority.ca_file, *authority.issue("localhost"))
    password = tmp_path / "password"
    password.write_text("secret\n")
    with Mosquitto(tmp_path, tls=tls, websockets=websockets, users={"u": "secret"}) as broker:
        settings = MqttSettings(
            broker.websockets_url if websockets else broker.url,
            username="u",
            password_file=password,
            tls=TlsSettings(ca_file=authority.ca_file),
        )
        with publisher(settings) as made:
            made.wait_said("connected")
            assert made.publish("t", bytes(50_000)).failure is None
        wrong = replace(settings, password_file=None, password="w")  # noqa: S106  none
        with publisher(wrong) as made:
            made.wait_said("no connection: the broker refuses: Not authorized")


def test_what_the_broker_does_not_allow_fails(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, acl="topic readwrite good/#\n")
    with broker, publisher(MqttSettings(broker.url, protocol="5")) as made:
        made.wait_said("connected")
        assert made.publish("bad/x").failure == "the broker refuses: Not authorized"
        made.wait_taken("good/x")


@pytest.mark.parametrize("topic", ["a/+", "a/#", "", "a" * 70_000])
def test_what_can_be_no_topic_fails(tmp_path: Path, topic: str) -> None:
    with Mosquitto(tmp_path) as broker, publisher(MqttSettings(broker.url)) as made:
        made.wait_said("connected")
        assert made.publish(topic).failure
        made.wait_taken("good")


def test_without_a_broker_it_fails_at_once_and_is_not_sent_later(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = MqttSettings(broker.url, reconnect=SOON)
        with publisher(settings) as made:
            made.wait_said("connected")
            broker.stop()
            made.wait_said("no connection")
            assert made.commands.publish("t", b"late").failure == "no connection to publish by"
            broker.start()
            made.wait_said("connected")
            with FeedThread(settings) as feed:
                feed.wait_subscribed()
                assert made.publish("t", b"new").failure is None
                feed.wait_messages(1)
                assert feed.payloads == [b"new"]


def test_what_the_broker_has_not_answered_when_it_goes_has_failed(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, publisher(MqttSettings(broker.url)) as made:
        made.wait_said("connected")
        broker.send(signal.SIGSTOP)
        ticket = made.commands.publish("t", b"on")
        broker.kill()
        wait_until(lambda: ticket.ended, "for the end of what was published")
        assert ticket.failure == "the connection was lost before the broker answered"


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_CONNACK_SECONDS", 0.5)
    mute = socket.create_server(("127.0.0.1", 0))
    settings = MqttSettings(f"mqtt://127.0.0.1:{mute.getsockname()[1]}")
    with mute, publisher(settings) as made:
        made.wait_said("no connection: no CONNACK within 0.5 s")
        assert made.publish("t").failure == "no connection to publish by"


def test_the_connection_comes_and_goes_as_it_is_switched(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        said: list[str] = []
        config = config_for(MqttSettings(broker=broker.url, reconnect=SOON))
        with CommandSwitch(lambda: CommandPublisher(config, said.append), on=False) as switch:
            assert switch.publish("a", b"on").failure == "there is no connection to publish by"
            for times in (1, 2):
                for _ in range(2):
                    switch.switch(on=True)
                wait_until(lambda: said.count("Commands: connected") == times, "for a connection")  # noqa: B023
                ticket = switch.publish("a", b"on")
                wait_until(lambda: ticket.ended, "for the broker's word")  # noqa: B023
                assert ticket.failure is None
                for _ in range(2):
                    switch.switch(on=False)
                assert switch.publish("a", b"on").failure is not None
                wait_until(lambda: broker.log.count(" disconnected") >= times, "for its end")  # noqa: B023
            switch.switch(on=True)
        assert said.count("Commands: connected") in {2, 3}
