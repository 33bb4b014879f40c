"""The settings, validated: frozen records, one for each table of the settings file. Fleets keep their own.

Field names are the keys operators write. Durations are seconds; a default here is the built-in default.
"""

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar

FleetT = TypeVar("FleetT")

DEFAULT_PORT = 9464
"""Of the HTTP server; registered for OpenTelemetry's Prometheus exporters."""

Temporality = Literal["cumulative", "delta", "lowmemory"]
"""What a pushed counter counts from: the start, or the last push; "lowmemory" as OpenTelemetry has it."""


def default_client_id(port: int = DEFAULT_PORT, *, clean_session: bool = True, chance: str = "") -> str:
    """A client id that two exporters do not share, and that is the same after a restart.

    Two on one host listen on different ports. With port 0 nobody knows which it will be, so a random text
    stands for it, `chance` if that is given; unless the broker keeps a session under this name, which has to
    be found again.
    """
    name = f"otel-tickrmeter-{socket.gethostname()}"
    if port == DEFAULT_PORT or (port == 0 and not clean_session):
        return name
    return f"{name}-{port or chance or secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """`[mqtt.tls]`: absent files mean the system trust store and no client certificate."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password_file: Path | None = None
    server_name: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class ReconnectSettings:
    """`[mqtt.reconnect]`: bounds of the exponential backoff, seconds."""

    min_delay: float = 1.0
    max_delay: float = 60.0


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """`[mqtt]`. `password` holds the content of `password_file` when that is given."""

    broker: str = "mqtt://localhost:1883"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    client_id: str = field(default_factory=default_client_id)
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    qos: int = 0
    clean_session: bool = True
    keepalive: float = 60.0
    tls: TlsSettings = field(default_factory=TlsSettings)
    reconnect: ReconnectSettings = field(default_factory=ReconnectSettings)


@dataclass(frozen=True, slots=True)
class MessagesSettings:
    """`[messages]`: without a `dead_letter_file` what is set aside is not kept.

    `dead_letter_max_size` is bytes, `dead_letter_files` how many full ones are kept beside it.
    """

    dead_letter_file: Path | None = None
    dead_letter_max_size: int = 10_000_000
    dead_letter_files: int = 3


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """`[capture]`: without a `file` nothing is captured.

    `max_size` is bytes, compressed, `files` how many full ones are kept beside it.
    """

    file: Path | None = None
    max_size: int = 100_000_000
    files: int = 4


@dataclass(frozen=True, slots=True)
class StateSettings:
    """`[state]`: without a `file` nothing outlasts a restart. `interval` is seconds."""

    file: Path | None = None
    interval: float = 60.0
    counters_after_crash: Literal["saved", "zero"] = "zero"


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """`[database]`, of fleets that keep rows; `url` None: an SQLite file. `spool_max_size` is bytes."""

    url: str | None = field(default=None, repr=False)
    spool: Path = Path("autocore-spool")
    spool_max_size: int = 256 * 2**20
    journal: bool = True


@dataclass(frozen=True, slots=True)
class NotificationsSettings:
    """`[notifications]`: each channel is off until it is given. `min_interval` is seconds.

    `webhook_token` and `telegram_token` hold the content of their files when these are given.
    """

    log: bool = False
    webhook_url: str | None = None
    webhook_token: str | None = field(default=None, repr=False)
    webhook_token_file: Path | None = None
    telegram_chat_id: str | None = None
    telegram_token: str | None = field(default=None, repr=False)
    telegram_token_file: Path | None = None
    telegram_url: str = "https://api.telegram.org"
    min_interval: float = 300.0
    max_per_minute: int = 20


MOST_SHARDS = 4


@dataclass(frozen=True, slots=True)
class DagdaSettings:
    """`[dagda]`: the job controller. `max_duration` is seconds, `worker_memory` bytes.

    `shards` None: the processors but one, MOST_SHARDS at most. Without a `tokens_file` nobody can ask for
    anything.
    """

    enabled: bool = False
    shards: int | None = None
    directory: Path = Path("dagda")
    tokens_file: Path | None = None
    max_duration: float = 86_400.0
    worker_memory: int = 2**30
    allow_watched_broker: bool = False


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """`[prometheus]`: where `/metrics` and the page are served, and by which reader.

    `refresh_interval` is the age a served exposition may reach, seconds; None: 1 s in symbol detail,
    5 s in device detail. `reader` "stock" serves through OpenTelemetry's own PrometheusMetricReader.
    """

    host: str = "0.0.0.0"  # noqa: S104  a scrape target listens on every interface by convention
    port: int = DEFAULT_PORT
    systemd_socket: bool = False
    path: str = "/metrics"
    enable_reload: bool = False
    scope_labels: bool = False
    web_config_file: Path | None = None
    runbooks_url: str | None = None
    refresh_interval: float | None = None
    reader: Literal["compact", "stock"] = "compact"


@dataclass(frozen=True, slots=True)
class OtlpTlsSettings:
    """`[otlp.tls]`: absent files mean the usual authorities and no client certificate."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """`[otlp]`: None stands for OpenTelemetry's default. Seconds.

    `timeout` bounds a whole push, `request_timeout` each of the requests that make it up. `insecure` counts
    for an endpoint without a scheme only.
    """

    enabled: bool = False
    endpoint: str | None = None
    protocol: Literal["grpc", "http/protobuf"] | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    interval: float | None = None
    timeout: float | None = None
    request_timeout: float | None = None
    temporality: Temporality = "cumulative"
    compression: Literal["none", "gzip"] = "none"
    insecure: bool = False
    traces: bool = False
    traces_slower_than: float = 2.0
    traces_per_second: int = 1
    traces_endpoint: str | None = None
    logs: bool = False
    logs_endpoint: str | None = None
    tls: OtlpTlsSettings = field(default_factory=OtlpTlsSettings)


OtherSignal = Literal["traces", "logs"]
"""What may be sent with OTLP besides metrics."""


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    """`[logging]`: without a `file`, standard error. `rotation` is bytes, `retention` seconds."""

    level: str = "INFO"
    format: Literal["text", "json"] = "text"
    file: Path | None = None
    rotation: int = 100_000_000
    retention: float = 604_800.0


@dataclass(frozen=True, slots=True)
class PartitionSettings:
    """`[partition]`: which part of the fleet this exporter keeps, of how many; from 0."""

    index: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`[kafka]`: receiving on one machine, pairing on others; an empty `role` means all of it here.

    `password` holds the content of `password_file` when that is given; `properties` are librdkafka's.
    """

    role: Literal["", "receiver", "handler"] = ""
    brokers: tuple[str, ...] = ("localhost:9092",)
    topic: str = "otel-tickrmeter"
    group: str = "otel-tickrmeter"
    partitions: int = 64
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    properties: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PerformanceSettings:
    """`[performance]`: `buffer_size` bounds the receive queue, messages. `workers` has no effect.

    Of `remembered_devices` it is remembered whose they are, where exporters share a fleet.
    """

    buffer_size: int = 100_000
    remembered_devices: int = 131_072
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the program can be told.

    `fleets` has a record of each fleet's own, which stands beside the fleet: a record of tables, like this
    one. A table may have keys of several: those of `[mqtt]` about topics are a fleet's. `signals` has what
    differs from `otlp` for traces or logs, which only OpenTelemetry's variables can say.
    """

    mqtt: MqttSettings = field(default_factory=MqttSettings)
    messages: MessagesSettings = field(default_factory=MessagesSettings)
    capture: CaptureSettings = field(default_factory=CaptureSettings)
    state: StateSettings = field(default_factory=StateSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    notifications: NotificationsSettings = field(default_factory=NotificationsSettings)
    dagda: DagdaSettings = field(default_factory=DagdaSettings)
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    otlp: OtlpSettings = field(default_factory=OtlpSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)
    performance: PerformanceSettings = field(default_factory=PerformanceSettings)
    partition: PartitionSettings = field(default_factory=PartitionSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    fleets: tuple[object, ...] = ()
    signals: Mapping[OtherSignal, OtlpSettings] = field(default_factory=lambda: MappingProxyType({}))

    def otlp_for(self, signal: OtherSignal) -> OtlpSettings:
        """How traces or logs are sent."""
        return self.signals.get(signal, self.otlp)

    def of(self, record: type[FleetT]) -> FleetT:
        """The settings of the fleet whose record is of this type.

        Raises:
            LookupError: They were not among those that were loaded.
        """
        for found in self.fleets:
            if isinstance(found, record):
                return found
        raise LookupError(f"no settings of the type {record.__name__}")
