"""How the AutoCore fleet is made of its settings."""

import json
from dataclasses import replace
from typing import Any

import pytest

from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.fleets.autocore.dialect import AutoCore
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutoCoreTable, AutomationTable
from otel_tickrmeter.fleets.dialect import Workshop
from otel_tickrmeter.settings.model import KafkaSettings, PartitionSettings, Settings
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded
from tests.support.autocore import NS, UNIX


class Told:
    """The fleet, made of these settings, on a meter of its own."""

    def __init__(self, **table: object) -> None:
        fleet = AutoCore()
        settings = settings_with(**table)
        rows = fleet.rows(settings)
        self.meter = CompactMeter(rows)
        workshop = Workshop(make_recorded(self.meter, rows), self.meter.end, lambda: UNIX * NS, LinkState(0))
        self.intake = fleet.start(settings, workshop)
        make_observed(self.meter, rows, as_callbacks(self.intake.callbacks()))

    def publish(self, topic: str, payload: dict[str, object]) -> str | None:
        found = self.intake.classify(topic.encode())
        if found is None:
            return None
        return self.intake.take(found, Message(topic.encode(), json.dumps(payload).encode(), NS))

    def values(self, exposed: str) -> list[float]:
        (family,) = (each for each in self.meter.collect() if each.instrument.exposed == exposed)
        return [value for value, there in zip(family.values, family.present, strict=False) if there]  # type: ignore[union-attr]  # no histogram


def settings_with(**table: object) -> Settings:
    return Settings(fleets=(AutoCoreSettings(AutoCoreTable(**table)),))  # type: ignore[arg-type]  # any of its keys


def test_it_is_watched_when_it_is_enabled() -> None:
    assert AutoCore().enabled(settings_with(enabled=True))
    assert not AutoCore().enabled(settings_with())


def test_what_is_subscribed_follows_the_layouts() -> None:
    seed = AutoCore().subscriptions(settings_with())
    assert {each.qos for each in seed} == {1}
    assert len(seed) == 6
    assert {*seed} < {*AutoCore().subscriptions(settings_with(layouts=("seed", "devices")))}


def test_series_are_allowed_for_every_device() -> None:
    assert AutoCore().most_series(settings_with(max_devices=10)) > 10 * 100


def test_every_setting_reaches_its_part() -> None:
    fleet = Told(layouts=("devices",), relay_offset=0, registration="announce", max_devices=1)
    assert fleet.publish("autocore/A/status", {"status": "online"}) == "ignored"
    fleet.publish("autocore/devices/A/relays/state", {"channels": {"0": True}})
    assert fleet.values("autocore_device_online") == []
    fleet.publish("autocore/devices/A/status", {"status": "online"})
    fleet.publish("autocore/devices/A/relays/state", {"channels": {"0": True}})
    fleet.publish("autocore/devices/B/status", {"status": "online"})
    assert fleet.values("autocore_device_online") == [1]
    assert fleet.values("autocore_relay_state") == [1]


def test_what_was_set_aside_is_told_with_its_sender() -> None:
    intake = Told().intake
    message = Message(b"autocore/A/status", b"{", NS)
    found = intake.classify(message.topic)
    assert found is not None
    intake.take(found, message)
    assert [reason.value for reason in intake.figures.set_aside] == ["bad_json"]
    assert intake.sender(found, message) == b"A"


@pytest.mark.parametrize(
    ("shared", "publishes"),
    [
        ({}, True),
        ({"partition": PartitionSettings(0, 2)}, False),
        ({"kafka": KafkaSettings(role="handler")}, False),
        ({"kafka": KafkaSettings(role="receiver")}, False),
    ],
)
def test_who_shares_a_fleet_publishes_nothing_whatever_is_read_anew(
    shared: dict[str, Any], *, publishes: bool
) -> None:
    settings = settings_with(automation=AutomationTable(publish=True, topics=("#",)))
    assert AutoCore().publishes(replace(settings, **shared)) is publishes


def test_words_that_name_nobody() -> None:
    words = AutoCore().words(settings_with(topic_prefix="plant/"))
    assert {"plant", "autocore", "devices", "relay", "status", "gateway", "boot"} <= words
