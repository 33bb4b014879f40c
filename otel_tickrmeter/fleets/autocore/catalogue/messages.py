"""Instruments about messages and the connection they come by."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.reason import Action, RunOutcome, SystemKind

CHANNELS = ("log", "webhook", "telegram", "none")
NOTICES = ("relay", "safety_shutoff", "offline", "online", "anomaly", "hardware_error", "rule", "digest")
FATES = ("sent", "failed", "suppressed", "digested")
"""Of notices; a test holds them to those who send them."""


def messages() -> tuple[Instrument, ...]:
    """The rows about messages and the connection."""
    return (
        counter(
            names.INTERACTIONS,
            "{interaction}",
            "autocore_interactions_total",
            "Times that a person touched the display of the device.",
            {"device_id": ANY, "action": tuple(Action)},
        ),
        counter(
            names.SYSTEM_MESSAGES,
            "{message}",
            "autocore_system_messages_total",
            "System messages by what they are about.",
            {"kind": tuple(SystemKind)},
        ),
        counter(
            names.NOTIFICATIONS,
            "{notice}",
            "autocore_notifications_total",
            "Notices by what became of them; suppressed and digested ones went to no channel.",
            {"channel": CHANNELS, "kind": NOTICES, "outcome": FATES},
            source="notices",
            absent="no notice was given",
        ),
        counter(
            names.AUTOMATION_RUNS,
            "{run}",
            "autocore_automation_runs_total",
            "Runs of operators' rules by how they ended.",
            {"rule": ANY, "outcome": tuple(RunOutcome)},
            source="rules",
            absent="there is no rule",
        ),
        gauge(
            names.MQTT_CONNECTED,
            "{connection}",
            "autocore_mqtt_connected",
            "1 while connected to the broker and subscribed, and the link is not in doubt, else 0.",
            source="receiver",
        ),
        Instrument(
            names.MQTT_CONNECTED_SECONDS,
            Kind.OBSERVABLE_COUNTER,
            "s",
            "autocore_mqtt_connected_seconds_total",
            "Time connected to the broker and subscribed.",
            source="receiver",
        ),
    )
