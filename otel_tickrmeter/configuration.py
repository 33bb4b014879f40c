"""The settings of this program: its own keys and those of every fleet, put together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path

from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.settings import load, schema, show
from otel_tickrmeter.settings.database import DEFAULT_DATABASE_URL, DatabaseUrlError, parse_database_url
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.key import Rule, make_schema
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.rules import INPUT_RULES, NOTICE_RULES, OUTPUT_RULES
from otel_tickrmeter.store.extra import DatabaseExtraMissingError, require_database_extra
from otel_tickrmeter.stream.subscription import overlap

SCHEMA = make_schema(
    (
        *schema.BROKER_KEYS,
        *schema.LINK_KEYS,
        *schema.LETTER_KEYS,
        *(key for fleet in FLEETS for key in fleet.keys),
        *schema.DATABASE_KEYS,
        *schema.NOTICE_KEYS,
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
) -> Settings:
    """The settings from all sources, as `settings.load.load_settings` has it.

    Raises:
        SettingsError: with every fault of every source.
    """
    settings = load.load_settings(
        config_files, overrides, environ, directory, SCHEMA, defaults=default_settings()
    )
    faults = [Fault("settings", "", message) for message in _shared_topics(settings)]
    if keeps_rows(settings):
        faults += _database_faults(settings)
    if faults:
        raise SettingsError(faults)
    return settings


def keeps_rows(settings: Settings) -> bool:
    """Whether a fleet that is watched keeps rows in a database."""
    return any(fleet.enabled(settings) and fleet.keeps_rows(settings) for fleet in FLEETS)


def gives_notices(settings: Settings) -> bool:
    """Whether a fleet that is watched has something to tell people at once."""
    return any(fleet.enabled(settings) and fleet.gives_notices(settings) for fleet in FLEETS)


def _database_faults(settings: Settings) -> Iterator[Fault]:
    # Only where one is used: DATABASE_URL is set for whole machines, and may be another program's.
    try:
        parse_database_url(settings.database.url or DEFAULT_DATABASE_URL)
    except DatabaseUrlError as error:
        yield Fault("database.url or DATABASE_URL", "database.url", str(error))
    try:
        require_database_extra()
    except DatabaseExtraMissingError as error:
        yield Fault("settings", "", f"{error}, or keep no rows: autocore.database = false")


def _shared_topics(settings: Settings) -> Iterator[str]:
    """What is wrong with the topics of fleets that are watched together: a topic must be one fleet's."""
    watched = [fleet for fleet in FLEETS if fleet.enabled(settings)]
    for one, other in combinations(watched, 2):
        for ours, theirs in product(one.subscriptions(settings), other.subscriptions(settings)):
            if overlap(ours.topic_filter, theirs.topic_filter):
                yield (
                    f"a topic can be {one.name}'s ({ours.topic_filter}) and {other.name}'s "
                    f"({theirs.topic_filter}): change a topic prefix, or watch them with two exporters"
                )
                break


def effective_toml(settings: Settings) -> str:
    """`settings` as a TOML file: secrets are masked, keys without a value are comments."""
    return show.effective_toml(settings, SCHEMA)


def shipped_toml() -> str:
    """The settings file that is shipped: every key with its meaning and its default, commented out."""
    return show.shipped_toml(SCHEMA, default_settings())


def settings_table() -> str:
    """All keys as a Markdown table: key, default, meaning."""
    return show.settings_table(SCHEMA, default_settings())
