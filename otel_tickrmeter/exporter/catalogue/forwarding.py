"""Instruments about Kafka, where receiving and handling are on different machines."""

from otel_tickrmeter.catalogue.instrument import Instrument, Kind, gauge
from otel_tickrmeter.exporter import names

_NO_HANDLER = "kafka.role is not handler"


def forwarding() -> tuple[Instrument, ...]:
    """The rows."""
    source = "Kafka"
    return (
        gauge(
            names.KAFKA_PARTITIONS,
            "{partition}",
            "tickrmeter_kafka_partitions",
            "Partitions of the topic, as this process is told.",
            source="settings",
            absent="there is no kafka.role",
        ),
        gauge(
            names.KAFKA_ASSIGNED,
            "{partition}",
            "tickrmeter_kafka_partitions_assigned",
            "Partitions of the topic that this handler keeps.",
            source=source,
            absent=_NO_HANDLER,
        ),
        gauge(
            names.KAFKA_LAG,
            "s",
            "tickrmeter_kafka_lag_seconds",
            "Age of what was handled last, by the clock of the receiver's machine.",
            source=source,
            absent=f"{_NO_HANDLER}, or it has no partition",
        ),
        gauge(
            names.KAFKA_LAG_RECORDS,
            "{record}",
            "tickrmeter_kafka_lag_records",
            "Records of this handler's partitions that it has not handled.",
            source=source,
            absent=f"{_NO_HANDLER}, or it has no partition",
        ),
        Instrument(
            names.KAFKA_REBALANCES,
            Kind.OBSERVABLE_COUNTER,
            "{rebalance}",
            "tickrmeter_kafka_rebalances_total",
            "How often partitions were dealt out to this handler.",
            source=source,
            absent=_NO_HANDLER,
        ),
        Instrument(
            names.KAFKA_UNDELIVERED,
            Kind.OBSERVABLE_COUNTER,
            "{message}",
            "tickrmeter_kafka_undelivered_messages_total",
            "Messages that Kafka has refused.",
            source="receiver",
            absent="kafka.role is not receiver",
        ),
    )
