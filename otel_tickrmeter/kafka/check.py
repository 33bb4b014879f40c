"""Whether librdkafka takes its properties, before anything starts."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, Producer

from otel_tickrmeter.kafka.client import consumer_properties, producer_properties
from otel_tickrmeter.settings.model import KafkaSettings


def wrong_properties(settings: KafkaSettings) -> Iterator[str]:
    """What is wrong with them, as librdkafka says it: the first that it finds."""
    try:
        if settings.role == "receiver":
            Producer(producer_properties(settings, "check"))
        else:
            Consumer(consumer_properties(settings, "check")).close()
    except KafkaException as error:
        yield f"librdkafka says: {error.args[0].str()}"
