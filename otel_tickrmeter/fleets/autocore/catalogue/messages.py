"""Instruments about messages and the connection they come by."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.reason import Action, Reason, SystemKind
from otel_tickrmeter.stream.reason import ErrorReason

# A message takes tens of microseconds; what takes a millisecond already deserves a look.
PROCESSING_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1e-2, 1e-1)
_MESSAGE_TYPES = {"message_type": tuple(MessageType)}


def messages() -> tuple[Instrument, ...]:
    """Return the rows about messages and the connection."""
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
            names.MESSAGES,
            "{message}",
            "autocore_messages_total",
            "Messages of the fleet by what they are.",
            _MESSAGE_TYPES,
        ),
        counter(
            names.MESSAGE_ERRORS,
            "{error}",
            "autocore_message_errors_total",
            "Messages, or parts of them, that had not their whole effect.",
            {**_MESSAGE_TYPES, "reason": (*ErrorReason, *Reason)},
        ),
        Instrument(
            names.PROCESSING,
            Kind.HISTOGRAM,
            "s",
            "autocore_message_processing_duration_seconds",
            "Time to decode, apply and record one message.",
            _MESSAGE_TYPES,
            buckets=PROCESSING_BUCKETS,
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
