"""Instruments about the state that outlasts a restart."""

from otel_tickrmeter.catalogue.instrument import Instrument, Kind, gauge
from otel_tickrmeter.exporter import names


def saving() -> tuple[Instrument, ...]:
    """The rows."""
    source = "state file"
    return (
        gauge(
            names.STATE_SAVED_TIMESTAMP,
            "s",
            "tickrmeter_state_saved_timestamp_seconds",
            "Unix time of the state that is in the file, and would be taken back by a restart.",
            source=source,
            absent="there is no state.file, or nothing in it yet",
        ),
        Instrument(
            names.STATE_SAVE_FAILURES,
            Kind.OBSERVABLE_COUNTER,
            "{failure}",
            "tickrmeter_state_save_failures_total",
            "Attempts to save the state that failed; what was saved before is still there.",
            source=source,
            absent="there is no state.file",
        ),
    )
