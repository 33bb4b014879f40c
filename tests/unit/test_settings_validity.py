"""Certificates of ours that are refused today are told, wherever settings name them."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from otel_tickrmeter.configuration import certificate_notices, load_settings
from otel_tickrmeter.settings.validity import why_not_valid
from tests.support.certificates import Authority

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A directory whose settings name a certificate in three places, valid for a day."""
    Authority(tmp_path).issue("ours")
    pair = "cert_file = 'ours.pem'\nkey_file = 'ours.key'\n"
    otlp = "[otlp]\nenabled = true\nprotocol = 'http/protobuf'\n[otlp.tls]\n"
    (tmp_path / "settings.toml").write_text(
        f"prometheus.web_config_file = 'web.yml'\nmqtt.broker = 'mqtts://b'\n[mqtt.tls]\n{pair}{otlp}{pair}"
    )
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: ours.pem, key_file: ours.key}\n")
    return tmp_path


def told(directory: Path, monkeypatch: pytest.MonkeyPatch, now: datetime) -> list[str]:
    monkeypatch.chdir(directory)
    return list(certificate_notices(load_settings([], {}, {}, directory), now))


def test_each_is_told_that_has_ended(named: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = f"ours.pem ended on {NOW + DAY:%Y-%m-%d}: whoever looks at it refuses the connection"
    assert told(named, monkeypatch, NOW + 2 * DAY) == [
        f"mqtt.tls.cert_file: {refused}",
        f"otlp.tls.cert_file: {refused}",
        f"web.yml: tls_server_config.cert_file: {refused}",
    ]
    assert told(named, monkeypatch, NOW) == []


def test_one_that_begins_later_is_told_too(named: Path) -> None:
    pem = (named / "ours.pem").read_bytes()
    begins = f"is valid from {NOW - 30 * DAY:%Y-%m-%d} on"
    assert why_not_valid(pem, NOW - 31 * DAY) == begins
    assert why_not_valid(pem, NOW) == ""


def test_one_in_the_web_configuration_itself_is_looked_at(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {kind: (named / f"ours.{kind}").read_text().replace("\n", "\\n") for kind in ("pem", "key")}
    web = f'tls_server_config: {{cert: "{lines["pem"]}", key: "{lines["key"]}"}}\n'
    (named / "web.yml").write_text(web)
    *_, last = told(named, monkeypatch, NOW + 2 * DAY)
    assert last.startswith("web.yml: tls_server_config.cert ended on ")


def test_no_tls_and_no_web_configuration_are_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text("prometheus.web_config_file = 'web.yml'\n")
    (tmp_path / "web.yml").write_text("{}\n")
    assert told(tmp_path, monkeypatch, NOW) == []
    (tmp_path / "settings.toml").write_text("")
    assert told(tmp_path, monkeypatch, NOW) == []


def test_without_the_library_nothing_is_said(named: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert why_not_valid((named / "ours.pem").read_bytes(), NOW + 2 * DAY) == ""
    monkeypatch.undo()
    assert why_not_valid(b"nothing", NOW) == ""
