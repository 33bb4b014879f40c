"""Without optional parts of the package: told before anything runs, and only where they are wanted."""

import sys
from pathlib import Path

import pytest

from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.mqtt.certificate import describe_certificate
from otel_tickrmeter.settings import extras
from otel_tickrmeter.settings.faults import SettingsError
from tests.unit.test_mqtt_certificate import WHOLE

ON = {"TICKRMETER_OTLP__ENABLED": "true"}
LOGS = {"TICKRMETER_OTLP__LOGS": "true"}
HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
GRPC = (
    "OTLP over gRPC needs grpc: pip install 'otel-tickrmeter[grpc]',"
    ' or push over HTTP: otlp.protocol = "http/protobuf"'
)
TLS = "prometheus.web_config_file needs OpenSSL, cryptography, bcrypt: pip install 'otel-tickrmeter[tls]'"
DATABASE = "the database needs sqlalchemy, alembic, psycopg: pip install 'otel-tickrmeter[database]'"


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        (ON, GRPC),
        ({**ON, "TICKRMETER_OTLP__PROTOCOL": "grpc"}, GRPC),
        ({**ON, **HTTP, **LOGS, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"}, GRPC),
        ({"TICKRMETER_PROMETHEUS__WEB_CONFIG_FILE": "web.yml"}, TLS),
        ({"TICKRMETER_AUTOCORE__ENABLED": "true"}, DATABASE),
    ],
)
def test_what_is_wanted_and_missing_is_a_fault(
    tmp_path: Path, environment: dict[str, str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web.yml").write_text("")
    with pytest.raises(SettingsError) as raised:
        load_settings([], {}, environment, tmp_path)
    assert [fault in str(found) for found in raised.value.faults] == [True]


@pytest.mark.parametrize(
    "environment",
    [
        {**ON, **HTTP},
        {**ON, **HTTP, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"},
        {
            **ON,
            **LOGS,
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf",
        },
        {"TICKRMETER_OTLP__PROTOCOL": "grpc"},
        {"TICKRMETER_AUTOCORE__ENABLED": "true", "TICKRMETER_AUTOCORE__DATABASE": "false"},
    ],
)
def test_what_is_not_wanted_may_be_missing(tmp_path: Path, environment: dict[str, str]) -> None:
    load_settings([], {}, environment, tmp_path)


def test_without_a_library_a_certificate_is_not_described_but_how_to_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert describe_certificate(WHOLE).startswith("it is for ")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert describe_certificate(WHOLE) == "whose it is would be said with otel-tickrmeter[tls]"
