"""Instruments about the broker connection, the messages and the queue they wait in."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.exporter import names
from otel_tickrmeter.stream.reason import SUBSCRIBED, ErrorReason, LinkReason

# A message takes tens of microseconds; what takes a millisecond already deserves a look.
PROCESSING_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1e-2, 1e-1)


def connection() -> tuple[Instrument, ...]:
    """The rows about the broker connection and the receiving process."""
    return (
        gauge(
            names.MQTT_CONNECTED,
            "{connection}",
            "tickrmeter_mqtt_connected",
            "1 while connected to the broker and subscribed, and the link is not in doubt, else 0.",
            source="receiver",
        ),
        gauge(
            names.MQTT_PROTOCOL_INFO,
            "1",
            "tickrmeter_mqtt_protocol_info",
            "1, with the version of MQTT that the connection speaks.",
            {"protocol": ("5", "3.1.1")},
            source="receiver",
            absent="there is no connection",
        ),
        counter(
            names.CONNECTION_CHANGES,
            "{change}",
            "tickrmeter_mqtt_connection_changes_total",
            "Changes of the broker connection; connected means subscribed too.",
            {"event": ("connected", "refused", "lost"), "reason": (SUBSCRIBED, *LinkReason)},
            source="receiver",
        ),
        gauge(
            names.MQTT_LAST_MESSAGE_TIMESTAMP,
            "s",
            "tickrmeter_mqtt_last_message_timestamp_seconds",
            "Unix time of the arrival of the last message.",
            source="message handler",
            absent="no message has arrived",
        ),
        gauge(
            names.RECEIVER_SILENCE,
            "s",
            "tickrmeter_receiver_silence_seconds",
            "Time without a sign of life of the receiving process, in steps of half a second.",
            source="feed",
        ),
    )


def messages(
    fleet: str, message_types: tuple[str, ...], reasons: tuple[str, ...] = ()
) -> tuple[Instrument, ...]:
    """The rows about the messages of a fleet: of these types, set aside for these reasons besides all's."""
    named = names.message_names(fleet)
    return (
        counter(
            named.messages,
            "{message}",
            f"{fleet}_messages_total",
            "Messages by what their topic says they are.",
            {"message_type": message_types},
        ),
        counter(
            named.errors,
            "{error}",
            f"{fleet}_message_errors_total",
            "Messages, or single fields of a heartbeat, that were set aside.",
            {"message_type": message_types, "reason": (*ErrorReason, *reasons)},
        ),
        Instrument(
            named.processing,
            Kind.HISTOGRAM,
            "s",
            f"{fleet}_message_processing_duration_seconds",
            "Time to decode, apply and record one message.",
            {"message_type": message_types},
            buckets=PROCESSING_BUCKETS,
        ),
    )


def queue() -> tuple[Instrument, ...]:
    """The rows about the receive queue."""
    return (
        gauge(
            names.QUEUE_SIZE,
            "{message}",
            "tickrmeter_queue_size",
            "Messages waiting in a bounded queue.",
            {"queue": ("receive",)},
            source="receiver",
        ),
        counter(
            names.QUEUE_DROPPED,
            "{message}",
            "tickrmeter_queue_dropped_total",
            "Messages discarded because a bounded queue was full.",
            {"queue": ("receive",)},
            source="receiver",
        ),
    )


def partition() -> tuple[Instrument, ...]:
    """The rows about the part of the fleet that this exporter keeps."""
    return (
        gauge(
            names.PARTITION_INFO,
            "1",
            "tickrmeter_partition_info",
            "1, with the partition of the fleet that is kept, from 0, and how many there are.",
            {"partition": ANY, "partitions": ANY},
            source="settings",
        ),
        gauge(
            names.PARTITIONS,
            "{partition}",
            "tickrmeter_partitions",
            "Exporters that share the fleet, as this one is told; 1: it keeps all of it.",
            source="settings",
        ),
        counter(
            names.FOREIGN_MESSAGES,
            "{message}",
            "tickrmeter_foreign_messages_total",
            "Messages that were left to other partitions.",
            {},
            source="receiver",
        ),
    )
