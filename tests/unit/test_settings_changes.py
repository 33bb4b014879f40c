"""Settings that are read again: what has changed, what of it may, and what may be said of it."""

from dataclasses import replace
from pathlib import Path

from otel_tickrmeter.configuration import SCHEMA, default_settings, load_settings
from otel_tickrmeter.fleets.tickrmeter.settings import MonitoringSettings, TickrMeterSettings
from otel_tickrmeter.settings.changes import Change, changes, taken_over
from otel_tickrmeter.settings.known_secrets import known_secrets
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import (
    DatabaseSettings,
    MqttSettings,
    NotificationsSettings,
    OtlpSettings,
    Settings,
)
from otel_tickrmeter.settings.show import MASK
from tests.support.settings import settings_of

USUAL = default_settings()
OTHER = settings_of(
    TickrMeterSettings(monitoring=MonitoringSettings(request_timeout=2)),
    mqtt=replace(USUAL.mqtt, qos=1, username="u"),
)


def test_nothing_has_changed() -> None:
    assert changes(USUAL, default_settings(), SCHEMA) == ()


def test_what_has_changed_in_the_order_of_the_file() -> None:
    assert changes(USUAL, OTHER, SCHEMA) == (
        Change("mqtt.username", "none", '"u"', at_once=False),
        Change("mqtt.qos", "0", "1", at_once=False),
        Change("monitoring.request_timeout", '"30s"', '"2s"', at_once=True),
    )


def test_only_what_may_change_is_taken_over() -> None:
    taken = taken_over(USUAL, OTHER, SCHEMA)
    assert taken.mqtt == USUAL.mqtt
    assert taken.of(TickrMeterSettings) == OTHER.of(TickrMeterSettings)
    assert [change.key for change in changes(taken, OTHER, SCHEMA)] == ["mqtt.username", "mqtt.qos"]


def test_of_a_secret_no_value_is_shown() -> None:
    before = settings_of(
        mqtt=MqttSettings("wss://b/?token=hunter1", "u", "hunter1"),
        notifications=NotificationsSettings(webhook_url="http://h", webhook_token="hunter1"),  # noqa: S106
    )
    now = settings_of(
        mqtt=MqttSettings("wss://b/?token=hunter2", "u", "hunter2"),
        notifications=NotificationsSettings(webhook_url="http://h", webhook_token="hunter2"),  # noqa: S106
    )
    found = changes(before, now, SCHEMA)
    assert [change.key for change in found] == [
        "mqtt.broker",
        "mqtt.password",
        "notifications.webhook_token",
    ]
    assert {change.before for change in found} == {f'"wss://b/?{MASK}"', f'"{MASK}"'}
    assert all(change.before == change.now for change in found)


def from_file(directory: Path, name: str) -> Settings:
    """Settings with both secrets in a file of this name."""
    options = {
        "mqtt.username": "u",
        "notifications.webhook_url": "http://h",
        "mqtt.password_file": str(directory / name),
        "notifications.webhook_token_file": str(directory / name),
    }
    return load_settings([], {key: Found(value, "option") for key, value in options.items()}, {}, directory)


def test_a_password_in_a_file_that_is_read_when_it_is_needed_is_no_change(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("hunter1")
    second.write_text("hunter1")
    before = from_file(tmp_path, "first")
    first.write_text("hunter2")
    now = from_file(tmp_path, "first")
    assert (before.mqtt.password, now.mqtt.password) == ("hunter1", "hunter2")
    assert [change.key for change in changes(before, now, SCHEMA)] == ["notifications.webhook_token"]
    now = from_file(tmp_path, "second")
    assert [change.key for change in changes(before, now, SCHEMA)] == [
        "mqtt.password_file",
        "notifications.webhook_token_file",
    ]


def test_every_secret_is_known() -> None:
    settings = settings_of(
        mqtt=MqttSettings("wss://b/?token=a", "u", "b"),
        otlp=OtlpSettings(headers={"x": "c", "y": "d"}),
        database=DatabaseSettings(url="postgresql://u:e@h/d"),
        notifications=NotificationsSettings(webhook_url="f", webhook_token="g", telegram_token="h"),  # noqa: S106
    )
    assert set(known_secrets(settings)) == {"token=a", *"bcdefgh"}
    assert known_secrets(USUAL) == ()


def test_a_client_id_by_chance_stays_when_the_settings_are_read_again(tmp_path: Path) -> None:
    port = {"prometheus.port": Found("0", "option")}
    one, other = (load_settings([], port, {}, tmp_path, chance) for chance in ("abcd", "abcd"))
    assert one == other
    assert one.mqtt.client_id.endswith("-abcd")
