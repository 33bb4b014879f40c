"""The settings of this program: its own keys and those of the fleet, put together."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from otel_tickrmeter.fleets.tickrmeter import settings as fleet
from otel_tickrmeter.settings import load, schema, show
from otel_tickrmeter.settings.key import make_schema
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.rules import INPUT_RULES, OUTPUT_RULES

SCHEMA = make_schema(
    (
        *schema.BROKER_KEYS,
        *fleet.DEVICE_ID_KEYS,
        *schema.LINK_KEYS,
        *schema.LETTER_KEYS,
        *fleet.FIELD_KEYS,
        *fleet.MONITORING_KEYS,
        *schema.OUTPUT_KEYS,
    ),
    (*INPUT_RULES, *fleet.RULES, *OUTPUT_RULES),
)
"""Every key there is, in the order of the settings file, and every rule, in the order of the faults."""


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
    return load.load_settings(config_files, overrides, environ, directory, SCHEMA)


def effective_toml(settings: Settings) -> str:
    """`settings` as a TOML file: secrets are masked, keys without a value are comments."""
    return show.effective_toml(settings, SCHEMA)


def shipped_toml() -> str:
    """The settings file that is shipped: every key with its meaning and its default, commented out."""
    return show.shipped_toml(SCHEMA)


def settings_table() -> str:
    """All keys as a Markdown table: key, default, meaning."""
    return show.settings_table(SCHEMA)
