"""The topic between receiver and handlers: made if it is missing, and of the size that was agreed."""

from collections.abc import Callable

import anyio
from anyio import to_thread
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from loguru import logger

from otel_tickrmeter.kafka.client import common_properties
from otel_tickrmeter.settings.model import KafkaSettings

_ANSWER_SECONDS = 5.0
_RETRY_SECONDS = 2.0


class TopicError(Exception):
    """The topic cannot be used, in words."""


def look(settings: KafkaSettings, client_id: str) -> None:
    """Make sure of the topic; takes seconds where nobody answers.

    Raises:
        TopicError: It is not there, cannot be made, or has another number of partitions.
    """
    client = AdminClient(common_properties(settings, client_id))
    try:
        topics = client.list_topics(timeout=_ANSWER_SECONDS).topics
        if settings.topic not in topics:
            # As many copies as the brokers are told to keep of a topic.
            wanted = NewTopic(settings.topic, num_partitions=settings.partitions, replication_factor=-1)
            client.create_topics([wanted])[settings.topic].result(_ANSWER_SECONDS)
            return
        found = len(topics[settings.topic].partitions)
    except (KafkaException, TimeoutError) as error:
        said = error.args[0].str() if isinstance(error, KafkaException) else "no answer in time"
        raise TopicError(f"Kafka: topic {settings.topic!r}: {said}") from error
    if found != settings.partitions:
        raise TopicError(
            f"Kafka: topic {settings.topic!r} has {found} partitions, and kafka.partitions is"
            f" {settings.partitions}: they must be the same"
        )


async def wait_for_topic(settings: KafkaSettings, client_id: str, tell: Callable[[str], None]) -> None:
    """Wait until the topic can be used; `tell` is told why it cannot, each time, and "" in the end."""
    said = ""
    while True:
        try:
            await to_thread.run_sync(look, settings, client_id)
        except TopicError as error:
            if str(error) != said:
                said = str(error)
                logger.warning("{}", said)
            tell(said)
            await anyio.sleep(_RETRY_SECONDS)
        else:
            tell("")
            return
