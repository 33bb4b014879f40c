"""Every key of the settings: its kind and its meaning. The defaults are those of the records in `model`.

What is said here once, the loader, `check-config`, `settings.toml` and docs/settings.md all read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from otel_tickrmeter.settings import kinds
from otel_tickrmeter.settings.kinds import Kind, choice, duration, integer
from otel_tickrmeter.settings.model import DEFAULT_FIELDS

_YEAR = 365 * 86400.0
_DURATION = duration(0.001, 10 * _YEAR)
_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `example` is TOML shown where there is no default to show; `default` tells what none means."""

    name: str
    kind: Kind
    meaning: str
    example: str = ""
    default: str = ""
    secret: bool = False


_KEYS = (
    Key("mqtt.broker", kinds.BROKER, "Broker: mqtt:// or tcp://, mqtts:// or ssl://, ws://, wss://."),
    Key("mqtt.username", kinds.NAME, "User name at the broker.", '"exporter"'),
    Key(
        "mqtt.password",
        kinds.TEXT,
        "Password at the broker; better in .secrets.toml or password_file.",
        '"secret"',
        secret=True,
    ),
    Key(
        "mqtt.password_file",
        kinds.PATH,
        "File that holds the password; read at each attempt to connect.",
        '"/run/secrets/mqtt"',
    ),
    Key(
        "mqtt.client_id",
        kinds.NAME,
        "Client id; must differ between exporters on one broker.",
        '"otel-tickrmeter-1"',
        "otel-tickrmeter- and the host's name, with -PORT unless prometheus.port is 9464",
    ),
    Key(
        "mqtt.protocol",
        choice("auto", "5", "3.1.1"),
        "MQTT version: 5, 3.1.1, or auto for 3.1.1 where the broker refuses 5.",
    ),
    Key("mqtt.qos", integer(0, 2), "Quality of service of the subscription: 0, 1 or 2."),
    Key(
        "mqtt.clean_session", kinds.BOOL, "Start clean; false lets the broker queue for us while we are away."
    ),
    # MQTT carries the interval as whole seconds in sixteen bits, and takes 0 for "never".
    Key(
        "mqtt.keepalive",
        duration(1, 65535, whole=True),
        "A broker that is silent for this long is given up; it is asked each second.",
    ),
    Key(
        "mqtt.topic_prefix",
        kinds.TOPIC_PREFIX,
        'Levels before every topic of the fleet. RabbitMQ delivers a "." as "/": write none there.',
    ),
    Key(
        "mqtt.device_id_form",
        choice("mac", "exact"),
        '"mac" makes one id of its spellings: upper case, no separators. "exact" takes ids as they are.',
    ),
    Key(
        "mqtt.device_id_pattern",
        kinds.PATTERN,
        "Regular expression that every device id matches, in the form above.",
    ),
    Key(
        "mqtt.tls.ca_file",
        kinds.PATH,
        "Certificates to trust.",
        '"/etc/ssl/broker-ca.pem"',
        "system trust store",
    ),
    Key(
        "mqtt.tls.cert_file",
        kinds.PATH,
        "Our certificate, for mutual TLS.",
        '"/etc/otel-tickrmeter/client.pem"',
    ),
    Key(
        "mqtt.tls.key_file",
        kinds.PATH,
        "Private key of our certificate.",
        '"/etc/otel-tickrmeter/client.key"',
    ),
    Key(
        "mqtt.tls.key_password_file",
        kinds.PATH,
        "File that holds the password of the private key.",
        '"/run/secrets/mqtt-key"',
    ),
    Key(
        "mqtt.tls.server_name",
        kinds.HOST,
        "Name the broker's certificate must carry.",
        '"broker.example.org"',
        "the broker's host",
    ),
    Key("mqtt.tls.insecure", kinds.BOOL, "Accept any certificate: for tests only."),
    Key("mqtt.reconnect.min_delay", _DURATION, "First wait before another attempt to connect."),
    Key("mqtt.reconnect.max_delay", _DURATION, "Longest wait before another attempt to connect."),
    Key(
        "messages.dead_letter_file",
        kinds.PATH,
        "File that keeps every message that was set aside, as JSON lines.",
        '"/var/log/otel-tickrmeter/dead-letters.jsonl"',
    ),
    Key("messages.dead_letter_max_size", kinds.SIZE, "Size at which a new dead-letter file is begun."),
    Key(
        "messages.dead_letter_files",
        integer(0, 1000),
        "Full dead-letter files that are kept, as FILE.1, FILE.2 and so on.",
    ),
    *(
        Key(
            f"messages.fields.{reading}",
            kinds.NAMES,
            f"Payload fields that carry {reading}, first found wins.",
        )
        for reading in DEFAULT_FIELDS
    ),
    Key("monitoring.request_timeout", _DURATION, "A request unanswered for this long has timed out."),
    Key("monitoring.device_timeout", _DURATION, "A device unseen for this long leaves every series."),
    Key("monitoring.cleanup_interval", _DURATION, "How often what has expired is removed."),
    Key("monitoring.max_latency_samples", integer(1, 100_000), "Outcomes kept for each symbol's window."),
    Key("monitoring.latency_window", _DURATION, "Age at which an outcome leaves the window."),
    Key("monitoring.symbol_retention", _DURATION, "A little-used symbol idle for this long is removed."),
    Key("monitoring.min_ranked_requests", integer(1, 1_000_000), "Outcomes a symbol needs to be ranked."),
    Key("monitoring.ranking_size", integer(1, 100), "Symbols in the ranking of the slowest."),
    Key("monitoring.max_devices", integer(1, 1_000_000), "Devices admitted at one time."),
    Key("monitoring.max_symbols", integer(1, 1_000_000), "Symbols admitted at one time."),
    Key("monitoring.max_pairs", integer(1, 10_000_000), "Pairs of device and symbol remembered at one time."),
    Key(
        "monitoring.max_device_symbols",
        integer(1, 10_000),
        "Symbols of one device remembered at one time; its longest unused one gives way.",
    ),
    Key(
        "metrics.detail", choice("device", "symbol"), '"device" has series for each device, "symbol" has not.'
    ),
    Key("prometheus.host", kinds.HOST, "Address to listen on."),
    Key("prometheus.port", integer(0, 65535), "Port to listen on; 0 takes any free one."),
    Key("prometheus.path", kinds.HTTP_PATH, "Path of the exposition."),
    Key("prometheus.scope_labels", kinds.BOOL, "Add the otel_scope_* labels to every series."),
    Key(
        "prometheus.web_config_file",
        kinds.PATH,
        "TLS and basic auth as in the exporter-toolkit; refused by this version.",
        '"web.yml"',
    ),
    Key(
        "prometheus.refresh_interval",
        duration(0.1, 3600),
        "Age an exposition may reach before a new one is made.",
        '"5s"',
        '5s, or 1s with metrics.detail "symbol"',
    ),
    Key("prometheus.reader", choice("compact", "stock"), '"stock" serves through the SDK\'s own reader.'),
    Key("otlp.enabled", kinds.BOOL, "Also push the metrics with OTLP."),
    Key(
        "otlp.endpoint", kinds.ENDPOINT, "Collector to push to.", '"http://localhost:4317"', "OpenTelemetry's"
    ),
    Key(
        "otlp.protocol",
        choice("grpc", "http/protobuf"),
        "OTLP over gRPC or HTTP.",
        '"grpc"',
        "OpenTelemetry's",
    ),
    Key(
        "otlp.headers",
        kinds.HEADERS,
        "Headers sent with every push.",
        '{authorization = "Bearer token"}',
        "OpenTelemetry's",
        secret=True,
    ),
    Key("otlp.interval", _DURATION, "Time between two pushes.", '"60s"', "OpenTelemetry's"),
    Key("otlp.timeout", _DURATION, "Time a push may take.", '"30s"', "OpenTelemetry's"),
    Key(
        "otlp.request_timeout",
        _DURATION,
        "Time one request of a push may take; a full fleet needs many.",
        '"10s"',
        "otlp.timeout, or OpenTelemetry's",
    ),
    Key(
        "otlp.temporality",
        choice("cumulative", "delta", "lowmemory"),
        'What pushed figures count from: the start, or the last push ("lowmemory": not what is observed).',
    ),
    Key("otlp.compression", choice("none", "gzip"), "Compression of pushes."),
    Key("otlp.insecure", kinds.BOOL, "No TLS where the endpoint has no scheme; gRPC only."),
    Key(
        "otlp.tls.ca_file",
        kinds.PATH,
        "Certificates to trust.",
        '"/etc/ssl/collector-ca.pem"',
        "the usual authorities",
    ),
    Key(
        "otlp.tls.cert_file",
        kinds.PATH,
        "Our certificate, for mutual TLS with the collector.",
        '"/etc/otel-tickrmeter/collector.pem"',
    ),
    Key(
        "otlp.tls.key_file",
        kinds.PATH,
        "Private key of that certificate.",
        '"/etc/otel-tickrmeter/collector.key"',
    ),
    Key("logging.level", choice(*_LEVELS, upper=True), "Least level that is logged."),
    Key("logging.format", choice("text", "json"), '"text" for people, "json" for machines.'),
    Key("logging.file", kinds.PATH, "File to log to.", '"/var/log/otel-tickrmeter.log"', "standard error"),
    Key("logging.rotation", kinds.SIZE, "Size at which a new log file is begun."),
    Key("logging.retention", _DURATION, "Age at which an old log file is deleted."),
    Key("performance.buffer_size", integer(1, 10_000_000), "Messages that may wait to be processed."),
    Key("performance.workers", integer(1, 1024), "Accepted from older files; has no effect.", "4"),
)

KEYS: Mapping[str, Key] = MappingProxyType({key.name: key for key in _KEYS})
"""Every key under its dotted name, in the order of the settings file."""

TABLES = frozenset(name.rsplit(".", depth)[0] for name in KEYS for depth in range(1, name.count(".") + 1))
"""The dotted names of all tables."""
