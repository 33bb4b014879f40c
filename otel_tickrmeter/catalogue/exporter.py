"""Instruments about the messages, the broker connection and the exporter itself."""

from enum import StrEnum

from otel_tickrmeter.catalogue import names
from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.core.event import MessageType
from otel_tickrmeter.core.reason import DisplacedKind, ExpiredKind, IdentityKind, RejectionReason
from otel_tickrmeter.stream.reason import SUBSCRIBED, ErrorReason, LinkReason, Repair

BOOT_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
# A message takes tens of microseconds; what takes a millisecond already deserves a look.
PROCESSING_BUCKETS = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 1e-2, 1e-1)
_FIRMWARE = {"firmware_version": ANY}
_MESSAGE_TYPES = tuple(MessageType)


class ExportOutcome(StrEnum):
    """How an OTLP export ended (`tickrmeter_otlp_exports_total`)."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"


class LetterOutcome(StrEnum):
    """What became of a message for the dead-letter file (`tickrmeter_dead_letters_total`)."""

    WRITTEN = "written"
    DROPPED = "dropped"


def exporter() -> tuple[Instrument, ...]:
    """Return the rows about the exporter."""
    return (
        counter(
            names.BOOTS,
            "{boot}",
            "tickrmeter_device_boots_total",
            "Boots seen.",
            _FIRMWARE,
        ),
        Instrument(
            names.BOOT_DURATION,
            Kind.HISTOGRAM,
            "s",
            "tickrmeter_device_boot_duration_seconds",
            "Time from a device's power-up message to its ready message.",
            _FIRMWARE,
            buckets=BOOT_BUCKETS,
        ),
        counter(
            names.HTTP_STREAMS,
            "{request}",
            "tickrmeter_http_stream_requests_total",
            "Requests for a price stream over HTTP.",
            _FIRMWARE,
        ),
        gauge(
            "tickrmeter.mqtt.connected",
            "{connection}",
            "tickrmeter_mqtt_connected",
            "1 while connected to the broker and subscribed, and the link is not in doubt, else 0.",
            source="receiver",
        ),
        gauge(
            "tickrmeter.mqtt.protocol.info",
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
            "tickrmeter.mqtt.last_message.timestamp",
            "s",
            "tickrmeter_mqtt_last_message_timestamp_seconds",
            "Unix time of the arrival of the last message.",
            source="message handler",
            absent="no message has arrived",
        ),
        gauge(
            "tickrmeter.receiver.silence",
            "s",
            "tickrmeter_receiver_silence_seconds",
            "Time without a sign of life of the receiving process, in steps of half a second.",
            source="feed",
        ),
        counter(
            names.MESSAGES,
            "{message}",
            "tickrmeter_messages_total",
            "Messages by what their topic says they are.",
            {"message_type": _MESSAGE_TYPES},
        ),
        counter(
            names.MESSAGE_ERRORS,
            "{error}",
            "tickrmeter_message_errors_total",
            "Messages, or single fields of a heartbeat, that were set aside.",
            {"message_type": _MESSAGE_TYPES, "reason": tuple(ErrorReason)},
        ),
        counter(
            names.MESSAGES_REPAIRED,
            "{message}",
            "tickrmeter_messages_repaired_total",
            "Messages that were read although their payload is no JSON, by what was left out.",
            {"message_type": _MESSAGE_TYPES, "kind": tuple(Repair)},
        ),
        Instrument(
            names.PROCESSING,
            Kind.HISTOGRAM,
            "s",
            "tickrmeter_message_processing_duration_seconds",
            "Time to decode, apply and record one message.",
            {"message_type": _MESSAGE_TYPES},
            buckets=PROCESSING_BUCKETS,
        ),
        gauge(
            "tickrmeter.queue.size",
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
        counter(
            names.IDENTITIES_REJECTED,
            "{message}",
            "tickrmeter_identities_rejected_total",
            "Messages whose device or symbol was not admitted.",
            {"kind": tuple(IdentityKind), "reason": tuple(RejectionReason)},
        ),
        Instrument(
            names.DEAD_LETTERS,
            Kind.OBSERVABLE_COUNTER,
            "{message}",
            "tickrmeter_dead_letters_total",
            "Messages for the dead-letter file; those that it could not take are dropped.",
            {"outcome": tuple(LetterOutcome)},
            source="dead-letter file",
            absent="there is no dead-letter file",
        ),
        counter(
            names.IDENTITIES_DISPLACED,
            "{identity}",
            "tickrmeter_identities_displaced_total",
            "Pairs and symbols long unused that gave way to new ones at a bound.",
            {"kind": tuple(DisplacedKind)},
        ),
        counter(
            names.SERIES_EXPIRED,
            "{identity}",
            "tickrmeter_series_expired_total",
            "Identities that left with all their series.",
            {"kind": tuple(ExpiredKind)},
        ),
        counter(
            names.OTLP_EXPORTS,
            "{export}",
            "tickrmeter_otlp_exports_total",
            "Exports of all metrics over OTLP; one that could not be collected has failed too.",
            {"outcome": tuple(ExportOutcome)},
            source="OTLP push",
            absent="OTLP is off",
        ),
        Instrument(
            names.LOG_LINES_DROPPED,
            Kind.OBSERVABLE_COUNTER,
            "{line}",
            "tickrmeter_log_lines_dropped_total",
            "Lines missing from the log because it could not be written, or not in time.",
            source="log",
        ),
        gauge(
            names.EXPOSITION_AGE,
            "s",
            "tickrmeter_exposition_age_seconds",
            "Age of what this scrape shows.",
            source="exposition",
        ),
        gauge(
            names.EXPOSITION_SERIES,
            "{series}",
            "tickrmeter_exposition_series",
            "Samples in the exposition.",
            source="exposition",
        ),
        gauge(
            "tickrmeter.build.info",
            "{build}",
            "tickrmeter_build_info",
            "Always 1; the labels describe the running program.",
            {"version": ANY, "revision": ANY, "python_version": ANY, "otel_sdk_version": ANY},
            source="process",
        ),
    )
