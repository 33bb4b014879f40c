"""What a broker may answer that Mosquitto does not, or not on demand."""

import socket
from contextlib import ExitStack
from typing import Literal

import pytest

from otel_tickrmeter.mqtt.transport import CONNECT_SECONDS
from otel_tickrmeter.settings.model import MqttSettings, ReconnectSettings
from otel_tickrmeter.stream.message import Connected, Lost, Refused
from tests.integration.fake_broker import CONNACK, FakeBroker
from tests.integration.feed_thread import FeedThread

Protocol = Literal["5", "3.1.1"]
SOON = ReconnectSettings(0.05, 0.1)
SUBACK = {"5": b"\x90\x04" + FakeBroker.MID + b"\x00\x00", "3.1.1": b"\x90\x03" + FakeBroker.MID + b"\x00"}


@pytest.mark.parametrize(
    ("protocol", "code", "reason"),
    [
        ("3.1.1", 1, "bad_protocol"),
        ("3.1.1", 2, "bad_client_id"),
        ("3.1.1", 3, "server_unavailable"),
        ("3.1.1", 4, "bad_credentials"),
        ("3.1.1", 5, "not_authorized"),
        ("3.1.1", 6, "other"),
        ("5", 0x01, "bad_protocol"),
        ("5", 0x80, "other"),
        ("5", 0x84, "bad_protocol"),
        ("5", 0x85, "bad_client_id"),
        ("5", 0x86, "bad_credentials"),
        ("5", 0x87, "not_authorized"),
        ("5", 0x88, "server_unavailable"),
        ("5", 0x89, "server_busy"),
        ("5", 0x8A, "banned"),
        ("5", 0x9D, "server_moved"),
        ("5", 0x9F, "quota_exceeded"),
    ],
)
def test_a_refused_connection_is_told_and_tried_again(protocol: Protocol, code: int, reason: str) -> None:
    connack = bytes([0x20, 3, 0, code, 0] if protocol == "5" else [0x20, 2, 0, code])
    with (
        FakeBroker([connack]) as broker,
        FeedThread(MqttSettings(broker.url, protocol=protocol, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert set(feed.story) == {f"Refused:{reason}"}


@pytest.mark.parametrize(
    ("protocol", "code", "reason"),
    [
        ("3.1.1", 0x80, "subscription_refused"),
        ("5", 0x80, "subscription_refused"),
        ("5", 0x87, "subscription_not_authorized"),
        ("5", 0x8F, "subscription_filter_invalid"),
        ("5", 0x97, "subscription_quota_exceeded"),
        ("5", 0xA2, "subscription_unsupported"),
    ],
)
def test_a_refused_subscription_is_told_and_the_connection_given_up(
    protocol: Protocol, code: int, reason: str
) -> None:
    suback = SUBACK[protocol][:-1] + bytes([code])
    with (
        FakeBroker([CONNACK[protocol], suback, None]) as broker,
        FeedThread(MqttSettings(broker.url, protocol=protocol, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert feed.story[:4] == ["Connected", f"Refused:{reason}"] * 2
        assert feed.events(Refused)[0].detail.startswith("subscription to '+': ")
        feed.wait(lambda: any(packet.startswith(b"\xe0") for packet in broker.packets))  # DISCONNECT


def test_what_the_broker_says_is_kept_for_people() -> None:
    said = b"not on\nmy watch"
    properties = b"\x1f" + len(said).to_bytes(2) + said
    connack = bytes([0x20, 3 + len(properties), 0, 0x87, len(properties)]) + properties
    with FakeBroker([connack]) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait(lambda: bool(feed.events(Refused)))
        assert feed.events(Refused)[0].detail == "Not authorized: not on my watch"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0x00, "broker_disconnect_other"),
        (0x87, "broker_disconnect_not_authorized"),
        (0x8B, "broker_disconnect_shutdown"),
        (0x8D, "broker_disconnect_keepalive"),
        (0x8E, "session_taken_over"),
        (0x97, "broker_disconnect_quota"),
        (0x98, "broker_disconnect_administrative"),
    ],
)
def test_a_disconnect_of_the_broker_is_told_with_its_reason(code: int, reason: str) -> None:
    before, after = b"\x30\x07\x00\x01t\x00abc", b"\x30\x07\x00\x01t\x00xyz"
    suback = SUBACK["5"] + before + bytes([0xE0, 1, code]) + after
    with (
        FakeBroker([CONNACK["5"], suback]) as broker,
        FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Lost)) >= 2)
        assert feed.story[:3] == ["Connected", "Subscribed", f"Lost:{reason}"]
        assert set(feed.payloads) == {b"abc"}


def test_another_server_that_the_broker_names_is_told_and_not_followed() -> None:
    other = b"else where.example:1883"
    properties = b"\x1c" + len(other).to_bytes(2) + other
    moved = bytes([0xE0, 2 + len(properties), 0x9D, len(properties)]) + properties
    with (
        FakeBroker([CONNACK["5"], SUBACK["5"] + moved]) as broker,
        FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Lost)) >= 2)
        detail = "Server moved (it names else where.example:1883; we stay with mqtt.broker)"
        assert feed.events(Lost)[0].detail == detail


def test_subscription_identifiers_and_topic_aliases_are_no_part_of_a_message() -> None:
    """We ask for neither. What has an alias instead of a topic has no topic that is anybody's."""
    named = b"\x0b\x07" + b"\x23\x00\x01"
    messages = b"".join(
        bytes([0x30, 2 + len(topic) + 1 + len(named) + len(payload), 0, len(topic)])
        + (topic + bytes([len(named)]) + named + payload)
        for topic, payload in ((b"t", b"one"), (b"", b"two"), (b"u", b"three"))
    )
    with FakeBroker([CONNACK["5"], SUBACK["5"] + messages]) as broker:
        with FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed:
            feed.wait_messages(3)
            heard = [(message.topic, message.payload) for message in feed.messages]
        assert heard == [(b"t", b"one"), (b"", b"two"), (b"u", b"three")]
        assert feed.story == ["Connected", "Subscribed"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x30\xff\xff\xff\xff\xff",  # a length of five bytes
        b"\x00\x00",  # a packet that does not exist
        b"\x30\x01\x00",  # a message without a whole topic
        b"\x36\x05\x00\x01t\x00\x01",  # QoS 3
        b"\x32\x03\x00\x01t",  # QoS 1 without packet id
        b"\x20\xff\xff\xff\x7f" + bytes(100_000),  # an answer of 256 MB
    ],
)
def test_a_broker_that_breaks_the_protocol_is_left(garbage: bytes) -> None:
    with (
        FakeBroker([CONNACK["5"], SUBACK["5"] + garbage]) as broker,
        FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Lost)) >= 2)
        assert feed.story[:6] == ["Connected", "Subscribed", "Lost:protocol_error"] * 2
        assert feed.feed.pid is not None


def test_a_connection_that_is_closed_unanswered_is_a_refusal() -> None:
    with FakeBroker([None]) as broker, FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed:
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert set(feed.story) == {"Refused:closed_by_broker"}


@pytest.mark.parametrize("answers", [[b""], [CONNACK["5"], b""]])
def test_a_broker_that_does_not_answer_is_given_up(answers: list[bytes]) -> None:
    with FakeBroker(answers) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait(lambda: bool(feed.events(Refused)))
        assert feed.story[: len(answers)] == ["Connected"] * (len(answers) - 1) + ["Refused:timeout"]
        assert ("SUBACK" if len(answers) > 1 else "CONNACK") in feed.events(Refused)[0].detail


def test_a_server_that_does_not_answer_before_mqtt_is_given_up_and_no_stall() -> None:
    """While it connects the receiver does nothing else; that must not look as if it had been stopped."""
    with ExitStack() as stack:
        silent = stack.enter_context(FakeBroker([]))
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = full.getsockname()[1]
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))  # its queue holds one
        urls = [
            f"mqtt://127.0.0.1:{port}",
            *(silent.url.replace("mqtt", scheme) for scheme in ("mqtts", "ws")),
        ]
        feeds = [stack.enter_context(FeedThread(MqttSettings(url))) for url in urls]
        for feed in feeds:
            feed.wait(lambda feed=feed: bool(feed.events(Refused)))  # type: ignore[misc]
            feed.wait_watermark(feed.events(Refused)[0].at_ns)
            assert set(feed.story) == {"Refused:timeout"}
            # A busy machine may stop it for a moment, but not for as long as it waited for an answer.
            assert all(stall.seconds < CONNECT_SECONDS / 2 for stall in feed.stalls)


@pytest.mark.parametrize("url", ["mqtts", "ws", "wss"])
def test_a_server_that_speaks_something_else_is_a_refusal(url: str) -> None:
    with FakeBroker([b"SSH-2.0-nonsense\r\n\r\n"]) as broker:
        settings = MqttSettings(broker.url.replace("mqtt", url), reconnect=SOON)
        with FeedThread(settings) as feed:
            feed.wait(lambda: len(feed.events(Refused)) >= 2)
            assert set(feed.story) == {"Refused:websocket" if url == "ws" else "Refused:tls"}


def test_a_suback_that_is_not_ours_confirms_nothing() -> None:
    protocols: tuple[Protocol, ...] = ("5", "3.1.1")
    with ExitStack() as stack:
        feeds = []
        for protocol in protocols:  # at once: each takes as long as an answer may
            foreign = SUBACK[protocol].replace(FakeBroker.MID, b"\x77\x77")
            broker = stack.enter_context(FakeBroker([CONNACK[protocol], foreign]))
            feeds.append(stack.enter_context(FeedThread(MqttSettings(broker.url, protocol=protocol))))
        for feed in feeds:
            feed.wait(lambda feed=feed: bool(feed.events(Refused)))  # type: ignore[misc]
            assert feed.story[:2] == ["Connected", "Refused:timeout"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_comes_before_the_connack_is_no_answer(protocol: Protocol) -> None:
    early = SUBACK[protocol].replace(FakeBroker.MID, b"\x00\x01")
    message = b"\x30\x06\x00\x01t\x00ab"
    for before in (early, message):
        with (
            FakeBroker([before + CONNACK[protocol]]) as broker,
            FeedThread(MqttSettings(broker.url, protocol=protocol, reconnect=SOON)) as feed,
        ):
            feed.wait(lambda feed=feed: len(feed.events(Refused)) >= 2)  # type: ignore[misc]
            assert set(feed.story) == {"Refused:bad_protocol"}
            assert feed.messages == []


OLDER = [CONNACK["3.1.1"], SUBACK["3.1.1"]]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\x20\x02\x00\x01", "bad_protocol"),  # as a broker of MQTT 3.1.1 says it
        (b"\x20\x03\x00\x84\x00", "bad_protocol"),
        (b"\x20\x05\x00\x00\x02\xff\xff", "bad_protocol"),  # properties that are none
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "bad_protocol"),
        (None, "closed_by_broker"),
    ],
)
def test_a_broker_that_refuses_the_newer_version_is_asked_with_the_older_one_at_once(
    answer: bytes | None, reason: str
) -> None:
    never = ReconnectSettings(300.0, 300.0)  # but at once
    with (
        FakeBroker([answer], OLDER) as broker,
        FeedThread(MqttSettings(broker.url, reconnect=never)) as feed,
    ):
        feed.wait_subscribed()
        assert feed.story == [f"Refused:{reason}", "Connected", "Subscribed"]
        assert feed.events(Connected)[0].protocol == "3.1.1"
        assert feed.events(Refused)[0].detail.endswith("(to MQTT 5; trying 3.1.1)")
        assert [packet[8] for packet in broker.packets[:2]] == [5, 4]


def test_what_a_broker_was_found_to_speak_is_spoken_at_the_next_connection() -> None:
    with (
        FakeBroker([None], [*OLDER, None], OLDER) as broker,
        FeedThread(MqttSettings(broker.url, reconnect=SOON, keepalive=1)) as feed,
    ):
        feed.wait_subscribed(2)
        assert [event.protocol for event in feed.events(Connected)] == ["3.1.1", "3.1.1"]
        assert len(feed.events(Refused)) == 1


@pytest.mark.parametrize("code", [0x86, 0x87, 0x88])
def test_a_refusal_for_another_reason_is_none_of_the_version(code: int) -> None:
    with (
        FakeBroker([bytes([0x20, 3, 0, code, 0])]) as broker,
        FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Refused)) >= 3)
        assert {packet[8] for packet in broker.packets} == {5}
        assert "MQTT" not in feed.events(Refused)[0].detail


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_with_a_version_that_is_set_the_refusal_names_the_setting(protocol: Protocol) -> None:
    connack = b"\x20\x02\x00\x01"
    with (
        FakeBroker([connack]) as broker,
        FeedThread(MqttSettings(broker.url, protocol=protocol, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert set(feed.story) == {"Refused:bad_protocol"}
        assert f"(to MQTT {protocol}; mqtt.protocol is '{protocol}')" in feed.events(Refused)[0].detail


def test_a_network_that_fails_says_nothing_about_the_version() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with FeedThread(MqttSettings(f"mqtt://127.0.0.1:{port}", reconnect=SOON)) as feed:
        feed.wait(lambda: len(feed.events(Refused)) >= 3)
        assert set(feed.story) == {"Refused:connection_refused"}
        assert "MQTT" not in feed.events(Refused)[0].detail
