"""How often the receiver looks at its socket, and what it tells whoever takes its messages."""

import socket
import sys
from types import SimpleNamespace

import pytest

from otel_tickrmeter.configuration import giving_way_rules
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutoCoreTable
from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.fleets.tickrmeter.catalogue.stock_updates import LATENCY_BUCKETS
from otel_tickrmeter.mqtt.configure import receiver_config
from otel_tickrmeter.mqtt.receiver import Receiver, pause_after
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.outgoing import Outgoing, SinkRule
from tests.support.settings import settings_of


def test_a_broker_that_waits_for_acknowledgements_is_not_made_to_wait_long() -> None:
    assert pause_after(3, 0.01) == 0.01
    assert pause_after(20, 0.01) == 0.002
    # A new connection counts anew.
    assert pause_after(-500, 0.01) == 0.01
    assert pause_after(20, 0.001) == 0.001


def test_a_fleet_that_is_timed_is_looked_at_as_often_as_its_buckets_need() -> None:
    pauses = {fleet.name: fleet.read_pause for fleet in FLEETS}
    assert pauses["tickrmeter"] <= LATENCY_BUCKETS[0] / 50
    assert pauses["tickrmeter"] < pauses["autocore"]


def test_where_messages_go_elsewhere_it_is_told_which_are_lost_first(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[GivesWay | None] = []

    def make_sink(_: object, __: object, usual: Outgoing, gives_way: GivesWay | None) -> Outgoing:
        told.append(gives_way)
        return usual

    monkeypatch.setitem(sys.modules, "elsewhere", SimpleNamespace(make_sink=make_sink))
    settings = settings_of(AutoCoreSettings(AutoCoreTable(enabled=True)))
    rules = giving_way_rules(settings)
    config = receiver_config(settings.mqtt, [], 5, giving_way_rules=rules, sink=SinkRule("elsewhere", {}))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Receiver(config, ours)
    (gives_way,) = told
    assert gives_way is not None
    assert gives_way(Message(b"autocore/A/telemetry", b"{}", 1))
    assert not gives_way(Message(b"autocore/A/status", b"{}", 1))
