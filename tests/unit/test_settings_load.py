"""Every key from every source, and who wins."""

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_tickrmeter.configuration import SCHEMA, default_settings, load_settings
from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS as AUTOCORE_FIELDS
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS
from otel_tickrmeter.fleets.tickrmeter.settings import TickrMeterSettings
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.records import flatten
from tests.support.certificates import Authority

Load = Callable[..., Settings]

# As text in the environment, as written in TOML, and as it comes out.
SAMPLES: dict[str, tuple[str, str, object]] = {
    "mqtt.broker": ("mqtts://b.example:1", '"mqtts://b.example:1"', "mqtts://b.example:1"),
    "mqtt.username": ("1e5", '"1e5"', "1e5"),
    "mqtt.password": ("@int 5", '"@int 5"', "@int 5"),
    "mqtt.client_id": ("1e5", '"1e5"', "1e5"),
    "mqtt.protocol": ("3.1.1", '"3.1.1"', "3.1.1"),
    "mqtt.qos": ("1", "1", 1),
    "mqtt.clean_session": ("False", "false", False),
    "mqtt.keepalive": ("2m", '"2m"', 120.0),
    "mqtt.topic_prefix": ("fleet", '"fleet"', "fleet/"),
    "mqtt.device_id_form": ("exact", '"exact"', "exact"),
    "mqtt.device_id_pattern": ("^[0-9]{3}$", '"^[0-9]{3}$"', "^[0-9]{3}$"),
    "mqtt.tls.server_name": ("b.example", '"b.example"', "b.example"),
    "mqtt.tls.insecure": ("true", "true", True),
    "mqtt.reconnect.min_delay": ("2s", "2", 2.0),
    "mqtt.reconnect.max_delay": ("5m", '"5m"', 300.0),
    "capture.file": ("c.gz", '"c.gz"', Path("c.gz")),
    "capture.max_size": ("1 MB", '"1 MB"', 1_000_000),
    "capture.files": ("0", "0", 0),
    "messages.dead_letter_file": ("x.jsonl", '"x.jsonl"', Path("x.jsonl")),
    "messages.dead_letter_max_size": ("1 MiB", '"1 MiB"', 2**20),
    "messages.dead_letter_files": ("0", "0", 0),
    **{f"messages.fields.{name}": ('["a", "b"]', '["a", "b"]', ("a", "b")) for name in DEFAULT_FIELDS},
    "monitoring.request_timeout": ("12s", '"12s"', 12.0),
    "monitoring.device_timeout": ("1h", '"1h"', 3600.0),
    "monitoring.cleanup_interval": ("7", "7.0", 7.0),
    "monitoring.max_latency_samples": ("50", "50", 50),
    "monitoring.latency_window": ("1m30s", '"1m30s"', 90.0),
    "monitoring.symbol_retention": ("2d", '"2d"', 172800.0),
    "monitoring.min_ranked_requests": ("3", "3", 3),
    "monitoring.ranking_size": ("5", "5", 5),
    "monitoring.max_devices": ("1", "1", 1),
    "monitoring.max_symbols": ("1_000", "1_000", 1000),
    "monitoring.max_pairs": ("9", "9", 9),
    "monitoring.max_device_symbols": ("7", "7", 7),
    "autocore.enabled": ("true", "true", True),
    "autocore.database": ("false", "false", False),
    "autocore.topic_prefix": ("plant", '"plant"', "plant/"),
    "autocore.layouts": ('["seed", "devices"]', '["seed", "devices"]', ("seed", "devices")),
    "autocore.relay_offset": ("1", "1", 1),
    "autocore.registration": ("closed", '"closed"', "closed"),
    "autocore.device_timeout": ("1m", '"1m"', 60.0),
    "autocore.device_retention": ("2 days", '"2 days"', 172800.0),
    "autocore.max_devices": ("7", "7", 7),
    "autocore.max_sensors": ("7", "7", 7),
    "autocore.ranges": ("{voltage = [10, 15]}", "{voltage = [10, 15]}", {"voltage": (10.0, 15.0)}),
    **{f"autocore.fields.{name}": ('["a", "b"]', '["a", "b"]', ("a", "b")) for name in AUTOCORE_FIELDS},
    "autocore.min_scales": ("{voltage = 1}", "{voltage = 1}", {"voltage": 1.0}),
    "autocore.stuck_sensors": ('["a", "b"]', '["a", "b"]', ("a", "b")),
    "autocore.automation.publish": ("true", "true", True),
    "autocore.automation.topics": ('["a/b", "c/#"]', '["a/b", "c/#"]', ("a/b", "c/#")),
    "autocore.critical_relays": ('["E1/3"]', '["E1/3"]', ("E1/3",)),
    "dagda.enabled": ("true", "true", True),
    "dagda.shards": ("3", "3", 3),
    "dagda.directory": ("d", '"d"', Path("d")),
    "dagda.tokens_file": ("t", '"t"', Path("t")),
    "dagda.max_duration": ("2h", '"2h"', 7200.0),
    "dagda.worker_memory": ("64 MiB", '"64 MiB"', 2**26),
    "dagda.allow_watched_broker": ("true", "true", True),
    "notifications.log": ("true", "true", True),
    "notifications.webhook_url": ("http://h.example:1/x", '"http://h.example:1/x"', "http://h.example:1/x"),
    "notifications.webhook_token": ("t", '"t"', "t"),
    "notifications.telegram_chat_id": ("-100", '"-100"', "-100"),
    "notifications.telegram_token": ("t", '"t"', "t"),
    "notifications.telegram_url": ("http://t.example", '"http://t.example"', "http://t.example"),
    "notifications.min_interval": ("1m", '"1m"', 60.0),
    "notifications.max_per_minute": ("7", "7", 7),
    "state.file": ("s.db", '"s.db"', Path("s.db")),
    "state.interval": ("5s", '"5s"', 5.0),
    "state.counters_after_crash": ("saved", '"saved"', "saved"),
    "database.url": ("sqlite:///x.db", '"sqlite:///x.db"', "sqlite:///x.db"),
    "database.spool": ("waiting", '"waiting"', Path("waiting")),
    "database.spool_max_size": ("1 GiB", '"1 GiB"', 2**30),
    "database.journal": ("false", "false", False),
    "metrics.detail": ("symbol", '"symbol"', "symbol"),
    "prometheus.host": ("::1", '"[::1]"', "::1"),
    "prometheus.port": ("0", "0", 0),
    "prometheus.path": ("/m", '"/m"', "/m"),
    "prometheus.enable_reload": ("true", "true", True),
    "prometheus.scope_labels": ("yes", "true", True),
    "prometheus.systemd_socket": ("true", "true", True),
    "prometheus.runbooks_url": ("https://r.example/x", '"https://r.example/x"', "https://r.example/x"),
    "prometheus.refresh_interval": ("500ms", '"500ms"', 0.5),
    "prometheus.reader": ("stock", '"stock"', "stock"),
    "otlp.enabled": ("on", "true", True),
    "otlp.endpoint": ("http://c:4317", '"http://c:4317"', "http://c:4317"),
    "otlp.protocol": ("grpc", '"grpc"', "grpc"),
    "otlp.headers": ('{X-A = "b"}', '{X-A = "b"}', {"x-a": "b"}),
    "otlp.interval": ("10s", '"10s"', 10.0),
    "otlp.timeout": ("250ms", '"250ms"', 0.25),
    "otlp.request_timeout": ("150ms", '"150ms"', 0.15),
    "otlp.temporality": ("delta", '"delta"', "delta"),
    "otlp.compression": ("gzip", '"gzip"', "gzip"),
    "otlp.insecure": ("true", "true", True),
    "otlp.traces": ("on", "true", True),
    "otlp.traces_slower_than": ("500ms", '"500ms"', 0.5),
    "otlp.traces_per_second": ("5", "5", 5),
    "otlp.traces_endpoint": ("http://c:4318", '"http://c:4318"', "http://c:4318"),
    "otlp.logs": ("on", "true", True),
    "otlp.logs_endpoint": ("http://c:4318", '"http://c:4318"', "http://c:4318"),
    "otlp.tls.ca_file": ("ca.pem", '"ca.pem"', Path("ca.pem")),
    "otlp.tls.cert_file": ("c.pem", '"c.pem"', Path("c.pem")),
    "otlp.tls.key_file": ("c.key", '"c.key"', Path("c.key")),
    "logging.level": ("debug", '"debug"', "DEBUG"),
    "logging.format": ("json", '"json"', "json"),
    "logging.file": ("x.log", '"x.log"', Path("x.log")),
    "logging.rotation": ("1 GiB", '"1 GiB"', 2**30),
    "logging.retention": ("2 days", '"2 days"', 172800.0),
    "performance.buffer_size": ("10000", "10000", 10_000),
    "performance.remembered_devices": ("500000", "500000", 500_000),
    "performance.workers": ("4", "4", 4),
    "partition.index": ("3", "3", 3),
    "partition.count": ("4", "4", 4),
    "kafka.role": ("handler", '"handler"', "handler"),
    "kafka.brokers": ('["one:9092", "two:9093"]', '["one:9092", "two:9093"]', ("one:9092", "two:9093")),
    "kafka.topic": ("north", '"north"', "north"),
    "kafka.group": ("pairers", '"pairers"', "pairers"),
    "kafka.partitions": ("16", "16", 16),
    "kafka.username": ("me", '"me"', "me"),
    "kafka.password": ("secret", '"secret"', "secret"),
    "kafka.properties": (
        "security.protocol=SSL",
        '{"security.protocol" = "SSL"}',
        {"security.protocol": "SSL"},
    ),
}
# Keys that name a file which must be there (OTLP's only where it is on), and the one that may not be off,
# have tests of their own.
OTHERS = {
    "tickrmeter.enabled",
    "mqtt.password_file",
    "mqtt.tls.ca_file",
    "mqtt.tls.cert_file",
    "mqtt.tls.key_file",
    "mqtt.tls.key_password_file",
    "notifications.webhook_token_file",
    "notifications.telegram_token_file",
    "prometheus.web_config_file",
    "kafka.password_file",
}
COMPANIONS = {
    "mqtt.password": {"MQTT_USERNAME": "u"},
    "notifications.webhook_token": {"TICKRMETER_NOTIFICATIONS__WEBHOOK_URL": "http://h"},
    "notifications.telegram_chat_id": {"TICKRMETER_NOTIFICATIONS__TELEGRAM_TOKEN": "t"},
    "notifications.telegram_token": {"TICKRMETER_NOTIFICATIONS__TELEGRAM_CHAT_ID": "c"},
    "otlp.traces": {"TICKRMETER_OTLP__ENABLED": "true"},
    "otlp.logs": {"TICKRMETER_OTLP__ENABLED": "true"},
    "partition.index": {"TICKRMETER_PARTITION__COUNT": "4"},
    "kafka.username": {"TICKRMETER_KAFKA__PASSWORD": "p"},
    "kafka.password": {"TICKRMETER_KAFKA__USERNAME": "u"},
    "autocore.automation.publish": {"TICKRMETER_AUTOCORE__AUTOMATION__TOPICS": "a/b"},
} | {f"mqtt.tls.{name}": {"TICKRMETER_MQTT__BROKER": "mqtts://b"} for name in ("server_name", "insecure")}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_in_tmp(
        toml: str = "",
        secrets: str = "",
        configs: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, Found] | None = None,
    ) -> Settings:
        (tmp_path / "settings.toml").write_text(toml)
        (tmp_path / ".secrets.toml").write_text(secrets)
        paths = []
        for name, text in (configs or {}).items():
            paths.append(tmp_path / name)
            paths[-1].write_text(text)
        return load_settings(paths, options or {}, environ or {}, tmp_path)

    return load_in_tmp


def as_yaml(key: str, value: object) -> str:
    plain = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
    tree: object = plain
    for name in reversed(key.split(".")):
        tree = {name: tree}
    return yaml.safe_dump(tree)


def variable(key: str) -> str:
    return f"TICKRMETER_{key.upper().replace('.', '__')}"


def value_of(settings: Settings, key: str) -> object:
    return flatten(settings, SCHEMA)[key]


def test_samples_cover_the_schema() -> None:
    sampled = SAMPLES.keys() | OTHERS
    assert SCHEMA.keys.keys() - sampled == set(), "write a sample that is not the default into SAMPLES"
    assert sampled - SCHEMA.keys.keys() == set(), "no such key: take it out of SAMPLES or OTHERS"
    defaults = flatten(default_settings(), SCHEMA)
    assert all(defaults[key] != expected for key, (_, _, expected) in SAMPLES.items())


def test_schema_and_records_have_the_same_keys() -> None:
    def leaves(record: object, prefix: str = "") -> set[str]:
        if not is_dataclass(record):
            return {prefix.removesuffix(".")}
        return set().union(
            *(leaves(getattr(record, each.name), f"{prefix}{each.name}.") for each in fields(record))
        )

    readings = {f"messages.fields.{reading}" for reading in DEFAULT_FIELDS}
    readings |= {f"autocore.fields.{name}" for name in AUTOCORE_FIELDS}
    defaults = default_settings()
    found = leaves(replace(defaults, fleets=())).union(*map(leaves, defaults.fleets))
    # What is sent besides metrics has no keys of its own: see `signals.py`.
    without = {"messages.fields", "autocore.fields", "fleets", "signals"}
    assert found - without | readings == SCHEMA.keys.keys()


@pytest.mark.parametrize("key", SAMPLES)
def test_every_key_from_every_source(key: str, load: Load) -> None:
    text, toml, expected = SAMPLES[key]
    table, _, name = key.rpartition(".")
    as_toml = f"[{table}]\n{name} = {toml}\n"
    env = COMPANIONS.get(key, {})
    found = {
        "settings.toml": load(toml=as_toml, environ=env),
        ".secrets.toml": load(secrets=as_toml, environ=env),
        "toml": load(configs={"c.toml": as_toml}, environ=env),
        "yaml": load(configs={"c.yml": as_yaml(key, expected)}, environ=env),
        "environment": load(environ={**env, variable(key): text}),
        "option": load(
            options={key: Found(expected if SCHEMA.keys[key].kind.structured else text, "option")},
            environ=env,
        ),
    }
    assert {source: value_of(settings, key) for source, settings in found.items()} == dict.fromkeys(
        found, expected
    )


def test_nothing_given_is_the_defaults(tmp_path: Path) -> None:
    settings = load_settings([], {}, {}, tmp_path)
    assert settings.mqtt.client_id == f"otel-tickrmeter-{socket.gethostname()}"
    assert settings == default_settings()


@pytest.mark.parametrize(
    ("port", "ending"), [("9464", ""), ("9465", "-9465"), ("0", "-[0-9a-f]{8}")], ids=["usual", "own", "any"]
)
def test_the_client_id_tells_exporters_of_one_host_apart(load: Load, port: str, ending: str) -> None:
    found = [
        load(options={"prometheus.port": Found(port, "option --listen")}).mqtt.client_id for _ in range(2)
    ]
    assert re.fullmatch(re.escape(f"otel-tickrmeter-{socket.gethostname()}") + ending, found[0])
    assert (found[0] == found[1]) == (port != "0")
    given = load(toml='[mqtt]\nclient_id = "mine"\n[prometheus]\nport = 9465\n')
    assert given.mqtt.client_id == "mine"


def test_a_session_that_the_broker_keeps_is_found_again_after_a_restart(load: Load) -> None:
    toml = "[mqtt]\nclean_session = false\n[prometheus]\nport = 0\n"
    assert load(toml=toml).mqtt.client_id == load(toml=toml).mqtt.client_id


def test_later_sources_win_one_by_one(load: Load) -> None:
    port = "[prometheus]\nport = {}\n"
    sources: list[dict[str, Any]] = [
        {"toml": port.format(1)},
        {"secrets": port.format(2)},
        {"configs": {"a.toml": port.format(3)}},
        {"configs": {"a.toml": port.format(3), "b.yaml": "prometheus: {port: 4}"}},
        {"environ": {"OTEL_EXPORTER_PROMETHEUS_PORT": "5"}},
        {"environ": {"OTEL_EXPORTER_PROMETHEUS_PORT": "5", "TICKRMETER_PROMETHEUS__PORT": "6"}},
        {"options": {"prometheus.port": Found(7, "option --listen")}},
    ]
    given: dict[str, Any] = {}
    ports = []
    for source in sources:
        given |= source
        ports.append(load(**given).prometheus.port)
    assert ports == [1, 2, 3, 4, 5, 6, 7]


def test_tables_are_merged_key_by_key_and_lists_replaced(load: Load) -> None:
    settings = load(
        toml='[mqtt]\nqos = 1\n[mqtt.reconnect]\nmin_delay = 3\n[messages.fields]\nbattery = ["a", "b"]\n',
        configs={"c.yaml": "mqtt: {reconnect: {max_delay: 9}}\nmessages: {fields: {battery: [c], vin: v}}"},
    )
    assert (settings.mqtt.qos, settings.mqtt.reconnect.min_delay, settings.mqtt.reconnect.max_delay) == (
        1,
        3,
        9,
    )
    spelled = settings.of(TickrMeterSettings).messages.fields
    assert spelled == {**DEFAULT_FIELDS, "battery": ("c",), "vin": ("v",)}


def test_older_spelling_works_as_it_is(load: Load) -> None:
    settings = load(
        configs={
            "old.yaml": """
mqtt:
  broker: "tcp://broker:1883"
monitoring:
  request_timeout: 30s
  device_timeout: 300
prometheus: {port: 8080, path: /metrics}
performance:
  buffer_size: 10000
  workers: 4
logging:
"""
        }
    )
    assert settings.mqtt.broker == "tcp://broker:1883"
    assert settings.of(TickrMeterSettings).monitoring.request_timeout == 30
    assert (settings.prometheus.port, settings.prometheus.path) == (8080, "/metrics")
    assert (settings.performance.buffer_size, settings.performance.workers) == (10_000, 4)


@pytest.mark.parametrize(
    ("below", "environ", "expected"),
    [
        ("", {"MQTT_BROKER_HOST": "h"}, "mqtt://h:1883"),
        ("", {"MQTT_BROKER_PORT": "99"}, "mqtt://localhost:99"),
        ("", {"MQTT_BROKER_HOST": "::1", "MQTT_BROKER_PORT": "99"}, "mqtt://[::1]:99"),
        ("wss://b/x", {"MQTT_BROKER_HOST": "h"}, "wss://h/x"),
        ("mqtts://b:1", {"MQTT_BROKER_HOST": "h", "MQTT_BROKER_PORT": ""}, "mqtts://h:1"),
        ("mqtts://b", {"MQTT_BROKER_HOST": "h", "TICKRMETER_MQTT__BROKER": "ws://o"}, "ws://o"),
        # Written by Kubernetes for a Service called mqtt-broker, not by a person.
        ("mqtts://b", {"MQTT_BROKER_PORT": "tcp://10.0.0.1:1883"}, "mqtts://b"),
    ],
)
def test_plain_host_and_port_change_the_url_below(
    below: str, environ: Mapping[str, str], expected: str, load: Load
) -> None:
    toml = f'[mqtt]\nbroker = "{below}"\n' if below else ""
    assert load(toml=toml, environ=environ).mqtt.broker == expected


def test_plain_names(load: Load) -> None:
    mqtt = load(
        environ={"MQTT_USERNAME": "1e5", "MQTT_PASSWORD": "@format {env[HOME]}", "MQTT_KEEPALIVE": "30"}
    ).mqtt
    assert (mqtt.username, mqtt.password, mqtt.keepalive) == ("1e5", "@format {env[HOME]}", 30)


def test_opentelemetry_names(load: Load) -> None:
    settings = load(
        environ={
            "OTEL_EXPORTER_PROMETHEUS_HOST": "localhost",
            "OTEL_EXPORTER_PROMETHEUS_PORT": "9999",
            "OTEL_METRICS_EXPORTER": "prometheus, OTLP",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
            "OTEL_METRIC_EXPORT_INTERVAL": "1500",
            "OTEL_METRIC_EXPORT_TIMEOUT": "700",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "500",
            "OTEL_EXPORTER_OTLP_HEADERS": "Api-Key=a%20b, other=c=d,",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
            "OTEL_EXPORTER_OTLP_INSECURE": "True",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "LowMemory",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere:4317",
        }
    )
    assert (settings.prometheus.host, settings.prometheus.port) == ("localhost", 9999)
    otlp = settings.otlp
    assert (otlp.enabled, otlp.protocol, otlp.interval, otlp.timeout) == (True, "http/protobuf", 1.5, 0.7)
    assert (otlp.request_timeout, otlp.compression, otlp.insecure) == (0.5, "gzip", True)
    assert (otlp.headers, otlp.temporality) == ({"api-key": "a b", "other": "c=d"}, "lowmemory")
    assert otlp.endpoint == "http://elsewhere:4317/v1/metrics"


def test_what_is_said_of_metrics_wins_over_what_is_said_of_all_signals(load: Load, tmp_path: Path) -> None:
    ca_file = Authority(tmp_path).ca_file
    general = {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=all",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "nowhere",
    }
    metrics = {
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "500",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "a=metrics",
        "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE": str(ca_file),
    }
    otlp = load(environ={**general, **metrics}).otlp
    assert (otlp.request_timeout, otlp.headers, otlp.compression) == (0.5, {"a": "metrics"}, "gzip")
    assert otlp.tls.ca_file == ca_file
    # One that cannot be used leaves the other standing; ours win over both.
    environ = {
        **general,
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "soon",
        "TICKRMETER_OTLP__COMPRESSION": "gzip",
    }
    otlp = load(environ=environ).otlp
    assert (otlp.request_timeout, otlp.compression) == (0.001, "gzip")


@pytest.mark.parametrize("exporter", ["none", "prometheus", ""])
def test_other_exporters_leave_otlp_alone(exporter: str, load: Load) -> None:
    environ = {"OTEL_METRICS_EXPORTER": exporter}
    assert not load(environ=environ).otlp.enabled
    assert load(toml="[otlp]\nenabled = true\n", environ=environ).otlp.enabled


def test_empty_variables_are_unset(load: Load) -> None:
    names = ["MQTT_BROKER_HOST", "MQTT_PASSWORD", "OTEL_METRIC_EXPORT_INTERVAL", "TICKRMETER_NO_SUCH"]
    assert load(environ=dict.fromkeys([*names, *map(variable, SCHEMA.keys)], "")) == load()


@pytest.mark.parametrize(
    "password",
    [
        "@int 5",
        "@format {env[HOME]}",
        "@jinja {{ 1 }}",
        "@none",
        "%(x)s",
        "{x}",
        "1e5",
        "true",
        "[1]",
        "{a=1}",
        "@del",
    ],
)
def test_passwords_are_plain_text_everywhere(password: str, load: Load) -> None:
    toml = f"[mqtt]\nusername = 'u'\npassword = '{password}'\n"
    assert load(toml=toml).mqtt.password == password
    assert load(
        configs={"c.yaml": yaml.safe_dump({"mqtt": {"username": "u", "password": password}})}
    ) == load(toml=toml)
    assert load(environ={"MQTT_USERNAME": "u", "TICKRMETER_MQTT__PASSWORD": password}) == load(toml=toml)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("pw\n", "pw"),
        ("pw", "pw"),
        ("pw\r\n", "pw"),
        ("pw\n\n", "pw\n"),
        ("\ufeffpw\n", "pw"),
        (" p w ", " p w "),
        ("@int 5\n", "@int 5"),
    ],
)
def test_password_files_lose_a_byte_order_mark_and_one_newline(
    content: str, expected: str, load: Load, tmp_path: Path
) -> None:
    file = tmp_path / "pw"
    file.write_bytes(content.encode())
    mqtt = load(environ={"MQTT_USERNAME": "u", "TICKRMETER_MQTT__PASSWORD_FILE": str(file)}).mqtt
    assert (mqtt.password, mqtt.password_file) == (expected, file)


def test_tables_and_lists_in_the_environment(load: Load) -> None:
    settings = load(
        environ={
            "TICKRMETER_MQTT": '{qos = 1, reconnect = {min_delay = "2s"}, client_id = "@int 5"}',
            "TICKRMETER_mqtt__QOS": "2",
            "TICKRMETER_MESSAGES__FIELDS__BATTERY": "bat",
            "TICKRMETER_OTLP__HEADERS": "Authorization=Bearer x, b=c=d",
        }
    )
    assert (settings.mqtt.qos, settings.mqtt.reconnect.min_delay, settings.mqtt.client_id) == (2, 2, "@int 5")
    assert settings.of(TickrMeterSettings).messages.fields["battery"] == ("bat",)
    assert settings.otlp.headers == {"authorization": "Bearer x", "b": "c=d"}


def test_variables_that_kubernetes_adds_are_left_alone(load: Load) -> None:
    links = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"]
    names = [f"TICKRMETER_{link}" for link in links] + ["TICKRMETER_WEB_SERVICE_HOST"]
    assert load(environ=dict.fromkeys(names, "tcp://10.0.0.1:80")) == load()


def test_dynaconf_does_nothing_by_itself(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stray = '[mqtt]\nclient_id = "stray"\n'
    for name in ("settings.local.toml", ".secrets.local.toml", "settings.yaml", "include.toml"):
        (tmp_path / name).write_text(stray if name.endswith("toml") else "mqtt: {client_id: stray}")
    (tmp_path / ".env").write_text("TICKRMETER_MQTT__CLIENT_ID=stray\n")
    (tmp_path / "dynaconf_hooks.py").write_text("raise SystemExit('a stray hook was run')\n")
    for name, value in {
        "TICKRMETER_MQTT__CLIENT_ID": "stray",
        "DYNACONF_MQTT__CLIENT_ID": "stray",
        "MQTT_USERNAME": "stray",
        "AUTO_CAST_FOR_DYNACONF": "true",
        "LOAD_DOTENV_FOR_DYNACONF": "true",
        "ENVIRONMENTS_FOR_DYNACONF": "true",
        "MERGE_ENABLED_FOR_DYNACONF": "false",
        "INCLUDES_FOR_DYNACONF": "['include.toml']",
        "SETTINGS_FILE_FOR_DYNACONF": str(tmp_path / "include.toml"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    settings = load(toml="[mqtt]\nqos = 1\n", secrets="[mqtt]\nkeepalive = 9\n")
    assert dict(os.environ) == before
    assert settings.mqtt.client_id.startswith("otel-tickrmeter-")
    assert (settings.mqtt.qos, settings.mqtt.keepalive, settings.mqtt.username) == (1, 9, None)


def test_a_byte_order_mark_and_capitals_do_no_harm(load: Load) -> None:
    assert load(toml="\ufeff[MQTT]\nQoS = 1\n").mqtt.qos == 1


def test_loads_do_not_share_state(load: Load) -> None:
    assert load(toml="[mqtt]\nqos = 1\n").mqtt.qos == 1
    assert load().mqtt.qos == 0


def test_an_endpoint_of_the_cluster_stops_nothing_that_does_not_push(load: Load) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    assert not load(environ=environ).otlp.enabled
