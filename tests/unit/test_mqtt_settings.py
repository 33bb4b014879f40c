import json
import os
import random
import socket
import ssl
from pathlib import Path

import pytest

from otel_tickrmeter.configuration import giving_way_rules
from otel_tickrmeter.fleets.autocore import giving_way
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutoCoreTable
from otel_tickrmeter.fleets.autocore.topics import LAYOUTS
from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.fleets.tickrmeter.dialect import TickrMeter
from otel_tickrmeter.fleets.tickrmeter.settings import TickrMeterSettings, TopicSettings
from otel_tickrmeter.mqtt.backoff import Backoff
from otel_tickrmeter.mqtt.config import ReceiverConfig, TlsConfig
from otel_tickrmeter.mqtt.configure import receiver_config
from otel_tickrmeter.mqtt.giving_way import load_test
from otel_tickrmeter.mqtt.reasons import (
    connack_reason,
    disconnect_reason,
    network_reason,
    suback_reason,
)
from otel_tickrmeter.mqtt.sieve import sieve
from otel_tickrmeter.settings.model import (
    MqttSettings,
    PartitionSettings,
    PerformanceSettings,
    ReconnectSettings,
    TlsSettings,
)
from otel_tickrmeter.stream.giving_way import GivingWayRule
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.outgoing import SinkRule
from otel_tickrmeter.stream.partition import Partition
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.subscription import Subscription
from tests.support.receiving import config_for
from tests.support.settings import settings_of


@pytest.mark.parametrize(("prefix", "expected"), [("", "+"), ("a/b/", "a/b/+"), ("/", "/+"), ("a//", "a//+")])
def test_one_filter_covers_every_topic_once(prefix: str, expected: str) -> None:
    settings = settings_of(TickrMeterSettings(mqtt=TopicSettings(prefix)), mqtt=MqttSettings(qos=1))
    assert TickrMeter().subscriptions(settings) == (Subscription(expected, 1),)


def test_settings_become_what_the_receiver_is_told() -> None:
    settings = MqttSettings(
        broker="wss://broker.example/path",
        username="u",
        password="p",  # noqa: S106  made up
        client_id="c",
        protocol="3.1.1",
        qos=2,
        clean_session=False,
        keepalive=1.2,
        tls=TlsSettings(ca_file=Path("/ca"), server_name="other", insecure=True),
        reconnect=ReconnectSettings(2.0, 3.0),
    )
    config = receiver_config(settings, [Subscription("x/+", 2), Subscription("y/#", 1)], 5)
    assert config == ReceiverConfig(
        host="broker.example",
        port=443,
        client_id="c",
        subscriptions=(Subscription("x/+", 2), Subscription("y/#", 1)),
        transport="websockets",
        path="/path",
        tls=TlsConfig(ca_file="/ca", server_name="other", insecure=True),
        username="u",
        password="p",  # noqa: S106  made up
        protocol="3.1.1",
        clean_session=False,
        keepalive=2,
        min_delay=2.0,
        max_delay=3.0,
        buffer_size=5,
    )
    assert ReceiverConfig.from_line(config.to_line()) == config
    assert config.to_line().count(b"\n") == 1
    assert "'p'" not in repr(config)
    json.loads(config.to_line())


def test_one_settings_file_serves_all_partitions() -> None:
    settings = settings_of(
        partition=PartitionSettings(2, 4),
        mqtt=MqttSettings(client_id="c"),
        performance=PerformanceSettings(remembered_devices=5_000),
    )
    rules = [fleet.owner_rule(settings) for fleet in FLEETS]
    config = receiver_config(settings.mqtt, [], 5, Partition(2, 4), rules)
    assert (config.client_id, config.partition) == ("c-2", Partition(2, 4))
    told = ReceiverConfig.from_line(config.to_line())
    assert told.partition == Partition(2, 4)
    assert [rule.most for rule in told.owner_rules] == [5_000, 5_000]
    took: list[Message] = []
    foreign: list[int] = []
    take = sieve(told.owner_rules, told.partition, took.append, foreign.append)
    mine = [number for number in range(400) if Partition(2, 4).has_device(f"{number:012X}")]
    for number in range(400):
        take(Message(b"STOCKPRICEUPDATE", b'{"device": "%012x"}' % number, number))
        take(Message(b"autocore/%012X/telemetry" % number, b"{}", number))
        take(Message(b"nobody's/own/%d" % number, b"{}", number))
    assert [message.arrived_ns for message in took if b"nobody's" not in message.topic] == [
        number for number in mine for _ in range(2)
    ]
    assert [message for message in took if b"nobody's" in message.topic] == [
        Message(b"nobody's/own/%d" % number, b"{}", number)
        for number in range(400)
        if Partition(2, 4).has_message(b"nobody's/own/%d" % number, b"{}")
    ]
    assert len(took) + len(foreign) == 1200


def test_which_messages_are_lost_first_is_told_on_the_same_line() -> None:
    settings = settings_of(AutoCoreSettings(AutoCoreTable(enabled=True, topic_prefix="site/")))
    config = receiver_config(settings.mqtt, [], 5, giving_way_rules=giving_way_rules(settings))
    told = ReceiverConfig.from_line(config.to_line())
    assert len(told.giving_way_rules) == 1
    gives_way = load_test(told.giving_way_rules)
    assert gives_way is not None
    assert gives_way(Message(b"site/autocore/A/telemetry", b"{}", 1))
    assert not gives_way(Message(b"autocore/A/telemetry", b"{}", 1))
    assert not gives_way(Message(b"site/autocore/A/status", b"{}", 1))


def test_of_several_rules_one_is_enough_and_of_none_there_is_no_test() -> None:
    rules = [GivingWayRule(giving_way.__name__, {"layouts": LAYOUTS, "topic_prefix": each}) for each in "ab"]
    gives_way = load_test(rules)
    assert gives_way is not None
    assert [
        gives_way(Message(b"%bautocore/A/telemetry" % each, b"{}", 1)) for each in (b"a", b"b", b"c")
    ] == [
        True,
        True,
        False,
    ]
    assert load_test([]) is None
    assert giving_way_rules(settings_of()) == ()


def test_where_messages_go_instead_is_told_on_the_same_line() -> None:
    sink = SinkRule("otel_tickrmeter.kafka.sink", {"topic": "t", "partitions": 8})
    config = receiver_config(MqttSettings(), (), 1, sink=sink)
    told = ReceiverConfig.from_line(config.to_line())
    assert told == config
    assert told.sink == sink
    assert "topic" not in repr(config), "the properties may hold a password"


def test_a_password_file_is_named_and_its_content_kept_back() -> None:
    settings = MqttSettings(username="u", password="p", password_file=Path("/secret"))  # noqa: S106  made up
    config = config_for(settings)
    assert (config.password, config.password_file) == (None, "/secret")


def test_a_pipe_is_not_read_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    config = config_for(MqttSettings(username="u", password="p", password_file=pipe))  # noqa: S106  made up
    assert (config.password, config.password_file) == ("p", None)


def test_the_client_id_names_the_host_unless_set() -> None:
    config = config_for(MqttSettings())
    assert config.client_id == f"otel-tickrmeter-{socket.gethostname()}"
    assert ReceiverConfig.from_line(config.to_line()) == config
    assert config.tls is None


def test_backoff_grows_to_its_bound_and_starts_over() -> None:
    ceilings: list[tuple[float, float]] = []

    def highest(low: float, high: float) -> float:
        ceilings.append((low, high))
        return high

    backoff = Backoff(1.0, 10.0, highest)
    assert [backoff.next_delay() for _ in range(5)] == [2.0, 4.0, 8.0, 10.0, 10.0]
    backoff.reset()
    assert backoff.next_delay() == 2.0
    assert {low for low, _ in ceilings} == {1.0}


def test_jitter_stays_within_the_bounds() -> None:
    backoff = Backoff(0.5, 4.0, random.Random(1).uniform)  # noqa: S311  no secret
    delays = [backoff.next_delay() for _ in range(200)]
    assert all(0.5 <= delay <= 4.0 for delay in delays)
    assert len(set(delays)) == 200


def test_codes_become_reasons_of_the_closed_list() -> None:
    assert connack_reason(0x86) is LinkReason.BAD_CREDENTIALS
    assert connack_reason(0x87) is LinkReason.NOT_AUTHORIZED
    assert suback_reason(0x80) is LinkReason.SUBSCRIPTION_REFUSED
    assert suback_reason(0xA2) is LinkReason.SUBSCRIPTION_UNSUPPORTED
    assert disconnect_reason(0x8E) is LinkReason.SESSION_TAKEN_OVER
    for code in range(256):
        assert {connack_reason(code), suback_reason(code), disconnect_reason(code)} <= set(LinkReason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(-2, "no name"), LinkReason.DNS),
        (UnicodeError("label too long"), LinkReason.DNS),
        (TimeoutError("slow"), LinkReason.TIMEOUT),
        (ssl.SSLCertVerificationError("who?"), LinkReason.TLS),
        (ConnectionRefusedError(), LinkReason.CONNECTION_REFUSED),
        (ConnectionResetError(), LinkReason.CONNECTION_RESET),
        (BrokenPipeError(), LinkReason.CONNECTION_RESET),
        (OSError(101, "Network is unreachable"), LinkReason.NETWORK_UNREACHABLE),
        (OSError(5, "I/O"), LinkReason.OTHER),
    ],
)
def test_errors_of_the_network_become_reasons(error: Exception, reason: LinkReason) -> None:
    assert network_reason(error) is reason
