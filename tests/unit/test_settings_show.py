"""The settings as text, and what is said of them at start."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from otel_tickrmeter.configuration import (
    SCHEMA,
    default_settings,
    effective_toml,
    load_settings,
    settings_table,
    shipped_toml,
)
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import (
    LoggingSettings,
    MqttSettings,
    OtlpSettings,
    OtlpTlsSettings,
    Settings,
    TlsSettings,
)
from otel_tickrmeter.settings.notices import notices
from otel_tickrmeter.settings.records import flatten
from otel_tickrmeter.settings.show import MASK

SHIPPED = Path(__file__).parents[2] / "settings.toml"


AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
PUSHING = Settings(otlp=OtlpSettings(enabled=True))
TRACING = Settings(otlp=OtlpSettings(enabled=True, traces=True))


def reload(text: str, directory: Path) -> Settings:
    (directory / "settings.toml").write_text(text)
    return load_settings([], {}, {}, directory)


def with_password(broker: str) -> Settings:
    return Settings(mqtt=MqttSettings(broker=broker, username="u", password="p"))  # noqa: S106  planted


def test_shipped_file_is_the_schema() -> None:
    assert SHIPPED.read_text() == shipped_toml()


def test_shipped_file_loads_as_it_is(tmp_path: Path) -> None:
    assert reload(SHIPPED.read_text(), tmp_path) == load_settings([], {}, {}, tmp_path / "nowhere")


def test_shipped_file_loads_with_every_key_uncommented(tmp_path: Path) -> None:
    tree = tomllib.loads(re.sub(r"^#(?=\S)", "", SHIPPED.read_text(), flags=re.MULTILINE))
    given = {}
    for key in SCHEMA.keys:
        value: object = tree
        for name in key.split("."):
            assert isinstance(value, dict)
            value = value[name]
        given[key] = SCHEMA.keys[key].kind.read(value)
    defaults = flatten(default_settings(), SCHEMA)
    no_default = {key for key, value in defaults.items() if value is None} | {"mqtt.client_id"}
    assert {key: value for key, value in given.items() if key not in no_default} == {
        key: value for key, value in defaults.items() if key not in no_default
    }
    # Those files are looked for, and are where the program is installed.
    options = {
        key: Found(value, "option")
        for key, value in given.items()
        if not key.endswith("_file") and key != "state.file"
    }
    load_settings([], options | {"mqtt.broker": Found("mqtts://b", "option")}, {}, tmp_path)


def test_effective_settings_can_be_loaded_again(tmp_path: Path) -> None:
    settings = replace(
        default_settings(),
        mqtt=MqttSettings(
            broker="mqtts://b", client_id='a"\\\x7f\n\u2028😀', tls=TlsSettings(server_name="b"), keepalive=90
        ),
        otlp=OtlpSettings(enabled=True, interval=0.3, timeout=1e-3, protocol="grpc"),
        logging=LoggingSettings(file=Path("a b.log"), rotation=1_500_001, retention=1.2345),
    )
    assert reload(effective_toml(settings), tmp_path) == settings


def test_secrets_are_masked(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text("hunter2\n")
    given = {
        "mqtt.username": Found("u", "option"),
        "mqtt.password": Found("hunter2", "option"),
        "otlp.headers": Found({"authorization": "Bearer hunter2", "x": "hunter2"}, "option"),
    }
    shown = effective_toml(load_settings([], given, {}, tmp_path))
    assert "hunter2" not in shown
    tree = tomllib.loads(shown)
    assert (tree["mqtt"]["password"], tree["otlp"]["headers"]) == (MASK, {"authorization": MASK, "x": MASK})

    del given["mqtt.password"]
    given["mqtt.password_file"] = Found(str(file), "option")
    shown = effective_toml(load_settings([], given, {}, tmp_path))
    assert "hunter2" not in shown
    tree = tomllib.loads(shown)
    assert "password" not in tree["mqtt"]
    assert tree["mqtt"]["password_file"] == str(file)


def test_a_query_of_the_broker_is_masked(tmp_path: Path) -> None:
    environ = {"TICKRMETER_MQTT__BROKER": "wss://b/mqtt?token=hunter2"}
    shown = effective_toml(load_settings([], {}, environ, tmp_path))
    assert tomllib.loads(shown)["mqtt"]["broker"] == f"wss://b/mqtt?{MASK}"


def test_table_has_every_key_once() -> None:
    rows = settings_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(SCHEMA.keys)
    assert all(len(re.split(r"(?<!\\)\|", row)) == 6 for row in rows)


def test_every_key_has_a_meaning_on_one_line_and_something_to_show() -> None:
    defaults = flatten(default_settings(), SCHEMA)
    for key in SCHEMA.keys.values():
        assert key.meaning.endswith(".")
        assert "\n" not in key.meaning
        assert key.example or defaults[key.name] is not None


@pytest.mark.parametrize(
    ("settings", "environ", "expected"),
    [
        (Settings(), {}, None),
        (
            replace(Settings(), performance=replace(Settings().performance, workers=4)),
            {},
            "performance.workers",
        ),
        (Settings(otlp=OtlpSettings(interval=5)), {}, "otlp.enabled is false"),
        (Settings(otlp=OtlpSettings(interval=5, enabled=True)), {}, None),
        (
            Settings(mqtt=MqttSettings(broker="mqtts://b", tls=TlsSettings(insecure=True))),
            {},
            "any certificate",
        ),
        (with_password("mqtt://b"), {}, "in clear"),
        (with_password("mqtts://b"), {}, None),
        (with_password("mqtt://127.0.0.1"), {}, None),
        (Settings(), {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL is ignored"),
        (Settings(), {"OTEL_METRIC_EXPORT_INTERVAL": "30s"}, "OTEL_METRIC_EXPORT_INTERVAL is ignored"),
        (Settings(), {"OTEL_METRICS_EXPORTER": "console"}, "OTEL_METRICS_EXPORTER: only"),
        (Settings(), {"OTEL_METRICS_EXPORTER": "none"}, "OTEL_METRICS_EXPORTER: only"),
        (PUSHING, {"OTEL_METRICS_EXPORTER": "prometheus,OTLP"}, None),
        (PUSHING, {"OTEL_METRICS_EXPORTER": "prometheus"}, "does not name otlp, but metrics are pushed"),
        (Settings(), {"OTEL_SDK_DISABLED": "yes"}, "OTEL_SDK_DISABLED is taken for false"),
        (Settings(), {"OTEL_SDK_DISABLED": "False"}, None),
        (
            Settings(),
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"},
            "(OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS) have no effect: otlp.enabled is false",
        ),
        (PUSHING, {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4317", "OTEL_SERVICE_NAME": "x"}, None),
        (PUSHING, {"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317"}, None),
        (PUSHING, {"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://c"}, "OTEL_EXPORTER_OTLP_ENDPOINT is ignored: must"),
        (
            PUSHING,
            {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://u:p@c"},
            "METRICS_ENDPOINT is ignored: must",
        ),
        (PUSHING, {"OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}, "whole number of milliseconds"),
        (PUSHING, {"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "COMPRESSION is ignored: must be one of"),
        (PUSHING, {"OTEL_EXPORTER_OTLP_INSECURE": "1"}, "INSECURE is ignored: must be true or false"),
        (
            PUSHING,
            {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "both"},
            "TEMPORALITY_PREFERENCE is ignored: must be one of cumulative, delta, lowmemory",
        ),
        (
            PUSHING,
            {AGGREGATION: "base2_exponential_bucket_histogram"},
            "DEFAULT_HISTOGRAM_AGGREGATION has no effect: the buckets",
        ),
        (
            PUSHING,
            {AGGREGATION: "explicit_bucket_histogram"},
            None,
        ),
        (PUSHING, {"OTEL_EXPORTER_OTLP_HEADERS": "a=b,secret"}, "HEADERS: entry 2 is ignored: must be name"),
        (PUSHING, {"OTEL_EXPORTER_OTLP_HEADERS": "a=b,x=%0a"}, "HEADERS: entry 2 is ignored: must have"),
        (Settings(), {"OTEL_METRICS_EXEMPLAR_FILTER": "always_on"}, "here: OTEL_METRICS_EXEMPLAR_FILTER"),
        (Settings(), {"OTEL_METRICS_EXEMPLAR_FILTER": "Always_Off"}, None),
        (TRACING, {"OTEL_METRICS_EXEMPLAR_FILTER": "always_off"}, "here: OTEL_METRICS_EXEMPLAR_FILTER"),
        (TRACING, {"OTEL_METRICS_EXEMPLAR_FILTER": "trace_based"}, None),
        (TRACING, {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "1"}, None),
        (
            PUSHING,
            {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"},
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: no effect, otlp.traces",
        ),
        (
            Settings(),
            {"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=b"},
            "(OTEL_EXPORTER_OTLP_LOGS_HEADERS) have no effect: otlp.enabled is false",
        ),
        (
            TRACING,
            {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "zstd"},
            "TRACES_COMPRESSION is ignored: must be one of",
        ),
        (TRACING, {"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=b,secret"}, "LOGS_HEADERS: entry 2 is ignored"),
        (
            Settings(),
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_PROPAGATORS": "b3", "OTEL_LOG_LEVEL": " "},
            "no effect here: OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER",
        ),
        # What Kubernetes says of a Service "otel-collector" is nobody's setting; names that break lines too.
        (
            Settings(),
            {
                "OTEL_COLLECTOR_SERVICE_HOST": "10.0.0.1",
                "OTEL_COLLECTOR_PORT": "tcp://10.0.0.1:4317",
                "OTEL_COLLECTOR_PORT_4317_TCP_ADDR": "10.0.0.1",
                "OTEL_\n": "x",
            },
            None,
        ),
        (
            Settings(otlp=OtlpSettings(enabled=True, tls=OtlpTlsSettings(ca_file=Path("c")))),
            {},
            "otlp.tls.ca_file: no effect",
        ),
        (
            Settings(otlp=OtlpSettings(enabled=True, endpoint="https://c", tls=OtlpTlsSettings(Path("c")))),
            {},
            None,
        ),
        (
            Settings(otlp=OtlpSettings(enabled=True, insecure=True, endpoint="https://c:4317")),
            {},
            "otlp.insecure has no effect",
        ),
        (Settings(otlp=OtlpSettings(enabled=True, insecure=True, endpoint="c:4317")), {}, None),
    ],
)
def test_notices(settings: Settings, environ: dict[str, str], expected: str | None) -> None:
    found = notices(settings, environ)
    assert len(found) == (expected is not None)
    assert all(expected is not None and expected in notice for notice in found)


def test_an_unusable_opentelemetry_variable_is_ignored(tmp_path: Path) -> None:
    environ = {"OTEL_EXPORTER_PROMETHEUS_PORT": "many", "OTEL_METRIC_EXPORT_TIMEOUT": "0"}
    settings = load_settings([], {}, environ, tmp_path)
    assert (settings.prometheus.port, settings.otlp.timeout) == (9464, None)
