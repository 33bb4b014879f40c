"""From the settings to librdkafka's properties, for those who produce and those who consume."""

from typing import Any

from otel_tickrmeter.settings.model import KafkaSettings

Properties = dict[str, Any]
"""By their names, as librdkafka has them: texts, numbers, and what it is to call."""

QUEUE_KBYTES = 65_536
"""Of records that were given to librdkafka and are not acknowledged, or not taken yet."""

SESSION_MS = 10_000
"""A handler that is not heard of for so long is taken for dead: its partitions go to others."""

LONGEST_HANDLING_MS = 300_000
"""A handler that asks for nothing for so long has hung."""


def common_properties(settings: KafkaSettings, client_id: str) -> Properties:
    """Those of every client."""
    found: Properties = {
        "bootstrap.servers": ",".join(settings.brokers),
        "client.id": client_id,
        # Its lines would go to standard error past the log; what is wrong comes as errors too.
        "log_level": 0,
    }
    if settings.username is not None and settings.password is not None:
        found |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": settings.username,
            "sasl.password": settings.password,
        }
    return found | dict(settings.properties or {})


def producer_properties(settings: KafkaSettings, client_id: str) -> Properties:
    """Those of a receiver: nothing is given up, nothing comes twice or in another order."""
    return {
        "linger.ms": 20,
        "queue.buffering.max.kbytes": QUEUE_KBYTES,
        **common_properties(settings, client_id),
        "acks": "all",
        "enable.idempotence": True,
        # Whatever cannot be delivered stays, until there is no room; then the newest are dropped.
        "message.timeout.ms": 0,
    }


def consumer_properties(settings: KafkaSettings, client_id: str) -> Properties:
    """Those of a handler."""
    return {
        "session.timeout.ms": SESSION_MS,
        "max.poll.interval.ms": LONGEST_HANDLING_MS,
        "queued.max.messages.kbytes": QUEUE_KBYTES,
        **common_properties(settings, client_id),
        "group.id": settings.group,
        "partition.assignment.strategy": "range",
        "enable.auto.commit": False,
        # What was there before there were handlers is of no time that anybody looks at.
        "auto.offset.reset": "latest",
    }
