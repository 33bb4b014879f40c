"""The settings of this program: its own keys and those of every fleet, put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import combinations, product
from pathlib import Path

from otel_tickrmeter.fleets.roster import FLEETS, watched_fleets
from otel_tickrmeter.jobs.token_file import check_tokens_file
from otel_tickrmeter.settings import load, schema, show
from otel_tickrmeter.settings.database import (
    DEFAULT_DATABASE_URL,
    DatabaseUrlError,
    SqliteUrl,
    parse_database_url,
)
from otel_tickrmeter.settings.extras import ExtraMissingError, require_extra
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.key import Rule, make_schema
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import KafkaSettings, PartitionSettings, Settings
from otel_tickrmeter.settings.rules import INPUT_RULES, JOB_RULES, KAFKA_RULES, NOTICE_RULES, OUTPUT_RULES
from otel_tickrmeter.settings.validity import why_not_valid
from otel_tickrmeter.settings.whole_file import read_whole
from otel_tickrmeter.store.extra import require_database_extra
from otel_tickrmeter.stream.giving_way import GivingWayRule
from otel_tickrmeter.stream.subscription import overlap

SCHEMA = make_schema(
    (
        *schema.BROKER_KEYS,
        *schema.LINK_KEYS,
        *schema.LETTER_KEYS,
        *(key for fleet in FLEETS for key in fleet.keys),
        *schema.CAPTURE_KEYS,
        *schema.STATE_KEYS,
        *schema.DATABASE_KEYS,
        *schema.NOTICE_KEYS,
        *schema.JOB_KEYS,
        *schema.OUTPUT_KEYS,
    ),
    (
        *INPUT_RULES,
        *(rule for fleet in FLEETS for rule in fleet.rules),
        Rule(
            tuple(f"{fleet.name}.enabled" for fleet in FLEETS),
            lambda *enabled: any(enabled),
            "no fleet is enabled: there would be nothing to watch",
        ),
        *NOTICE_RULES,
        *JOB_RULES,
        *KAFKA_RULES,
        *OUTPUT_RULES,
    ),
)
"""Every key there is, in the order of the settings file, and every rule, in the order of the faults."""


def default_settings() -> Settings:
    """The built-in defaults."""
    return Settings(fleets=tuple(fleet.defaults() for fleet in FLEETS))


def load_settings(
    config_files: Sequence[Path],
    overrides: Mapping[str, Found],
    environ: Mapping[str, str],
    directory: Path,
    chance: str = "",
) -> Settings:
    """The settings from all sources, as `settings.load.load_settings` has it.

    Raises:
        SettingsError: with every fault of every source.
    """
    settings = load.load_settings(
        config_files, overrides, environ, directory, SCHEMA, defaults=default_settings(), chance=chance
    )
    faults = [Fault("settings", "", message) for message in _shared_topics(settings)]
    faults += _partition_faults(settings)
    if settings.kafka.role:
        faults += _kafka_faults(settings)
    if settings.prometheus.web_config_file is not None:
        faults += _web_faults(settings.prometheus.web_config_file)
    if settings.dagda.enabled and settings.dagda.tokens_file is not None:
        faults += check_tokens_file(settings.dagda.tokens_file)
    if keeps_rows(settings):
        faults += _database_faults(settings)
    protocols = {settings.otlp.protocol, *(otlp.protocol for otlp in settings.signals.values())}
    if settings.otlp.enabled and protocols != {"http/protobuf"}:
        faults += _grpc_faults()
    if faults:
        raise SettingsError(faults)
    return settings


def keeps_rows(settings: Settings) -> bool:
    """Whether a fleet that is watched keeps rows in a database; a receiver has none."""
    return settings.kafka.role != "receiver" and any(
        fleet.keeps_rows(settings) for fleet in watched_fleets(settings)
    )


def gives_notices(settings: Settings) -> bool:
    """Whether a fleet that is watched has something to tell people at once."""
    return any(fleet.gives_notices(settings) for fleet in watched_fleets(settings))


def publishes(settings: Settings) -> bool:
    """Whether a fleet that is watched is to publish anything."""
    return any(fleet.publishes(settings) for fleet in watched_fleets(settings))


def giving_way_rules(settings: Settings) -> tuple[GivingWayRule, ...]:
    """Which messages of the fleets that are watched are lost first when the receive queue is full."""
    rules = (fleet.giving_way_rule(settings) for fleet in watched_fleets(settings))
    return tuple(rule for rule in rules if rule is not None)


def _partition_faults(settings: Settings) -> Iterator[Fault]:
    # No rule of the schema: whether a fleet publishes may change while the program runs, its partition not.
    if settings.partition.count > 1 and publishes(replace(settings, partition=PartitionSettings())):
        yield Fault(
            "settings",
            "partition.count",
            "an exporter that shares a fleet cannot publish: its rules would know some of the devices only, "
            "and run in each of the exporters; autocore.automation.publish must be false",
        )


def _kafka_faults(settings: Settings) -> Iterator[Fault]:
    if publishes(replace(settings, kafka=KafkaSettings())):
        yield Fault(
            "settings",
            "kafka.role",
            "an exporter that shares a fleet cannot publish: autocore.automation.publish must be false",
        )
    if settings.kafka.role == "handler" and keeps_rows(settings) and _is_sqlite(settings):
        yield Fault(
            "settings",
            "kafka.role",
            "cannot be handler with an SQLite database, since handlers take devices over from one another: "
            "all share one PostgreSQL (database.url or DATABASE_URL), or autocore.database must be false",
        )
    try:
        require_extra("kafka.role", "kafka", ("confluent_kafka",))
    except ExtraMissingError as error:
        yield Fault("settings", "kafka.role", str(error))
        return
    # librdkafka: 15 MB that only this needs.
    from otel_tickrmeter.kafka.check import wrong_properties  # noqa: PLC0415

    yield from (Fault("settings", "kafka.properties", text) for text in wrong_properties(settings.kafka))


def _is_sqlite(settings: Settings) -> bool:
    try:
        return isinstance(parse_database_url(settings.database.url or DEFAULT_DATABASE_URL), SqliteUrl)
    except DatabaseUrlError:
        return False  # which is told as such


def _database_faults(settings: Settings) -> Iterator[Fault]:
    # Only where one is used: DATABASE_URL is set for whole machines, and may be another program's.
    try:
        parse_database_url(settings.database.url or DEFAULT_DATABASE_URL)
    except DatabaseUrlError as error:
        yield Fault("database.url or DATABASE_URL", "database.url", str(error))
    try:
        require_database_extra()
    except ExtraMissingError as error:
        yield Fault("settings", "", f"{error}, or keep no rows: autocore.database = false")


def _grpc_faults() -> Iterator[Fault]:
    try:
        require_extra("OTLP over gRPC", "grpc", ("grpc",))
    except ExtraMissingError as error:
        yield Fault("settings", "", f'{error}, or push over HTTP: otlp.protocol = "http/protobuf"')


def _web_faults(file: Path) -> Iterator[Fault]:
    try:
        require_extra("prometheus.web_config_file", "tls", ("OpenSSL", "cryptography", "bcrypt"))
    except ExtraMissingError as error:
        yield Fault("settings", "prometheus.web_config_file", str(error))
        return
    # OpenSSL and bcrypt: 12 MB that only this needs.
    from otel_tickrmeter.http.protect.source import check_web_config  # noqa: PLC0415

    yield from check_web_config(file)


def _shared_topics(settings: Settings) -> Iterator[str]:
    """What is wrong with the topics of fleets that are watched together: a topic must be one fleet's."""
    for one, other in combinations(watched_fleets(settings), 2):
        for ours, theirs in product(one.subscriptions(settings), other.subscriptions(settings)):
            if overlap(ours.topic_filter, theirs.topic_filter):
                yield (
                    f"a topic can be {one.name}'s ({ours.topic_filter}) and {other.name}'s "
                    f"({theirs.topic_filter}): change a topic prefix, or watch them with two exporters"
                )
                break


def certificate_notices(settings: Settings, now: datetime) -> Iterator[str]:
    """A sentence for each certificate of ours that those who are shown it refuse at that time.

    No fault: it may be renewed before anybody is shown it.
    """
    files = {"mqtt.tls.cert_file": settings.mqtt.tls.cert_file}
    if settings.otlp.enabled:
        files["otlp.tls.cert_file"] = settings.otlp.tls.cert_file
    ours = {f"{key}: {file}": read_whole(file) for key, file in files.items() if file is not None}
    web = settings.prometheus.web_config_file
    if web is not None:
        # YAML, which only this needs.
        from otel_tickrmeter.http.protect.read import read_web_config  # noqa: PLC0415

        tls = read_web_config(read_whole(web), web).tls
        if tls is not None and tls.cert_file is not None:
            ours[f"{web}: tls_server_config.cert_file: {tls.cert_file}"] = read_whole(tls.cert_file)
        elif tls is not None:
            ours[f"{web}: tls_server_config.cert"] = tls.cert.encode()
    for place, pem in ours.items():
        if why := why_not_valid(pem, now):
            yield f"{place} {why}: whoever looks at it refuses the connection"


def effective_toml(settings: Settings) -> str:
    """`settings` as a TOML file: secrets are masked, keys without a value are comments."""
    return show.effective_toml(settings, SCHEMA)


def shipped_toml() -> str:
    """The settings file that is shipped: every key with its meaning and its default, commented out."""
    return show.shipped_toml(SCHEMA, default_settings())


def settings_table() -> str:
    """All keys as a Markdown table: key, default, meaning."""
    return show.settings_table(SCHEMA, default_settings())
