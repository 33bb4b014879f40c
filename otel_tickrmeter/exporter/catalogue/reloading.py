"""Instruments about the settings that are read again; named as Prometheus names its own."""

from otel_tickrmeter.catalogue.instrument import Instrument, gauge
from otel_tickrmeter.exporter import names


def reloading() -> tuple[Instrument, ...]:
    """The rows."""
    source = "settings"
    return (
        gauge(
            names.CONFIG_RELOAD_SUCCESSFUL,
            "{success}",
            "tickrmeter_config_last_reload_successful",
            "1 if the settings were taken over when they were last read, 0 if they were at fault.",
            source=source,
        ),
        gauge(
            names.CONFIG_RELOAD_TIMESTAMP,
            "s",
            "tickrmeter_config_last_reload_success_timestamp_seconds",
            "Unix time at which the settings were last taken over; at first that of the start.",
            source=source,
        ),
    )
