"""Names of the instruments about the program that code outside their rows records or observes."""

from typing import NamedTuple

CONNECTION_CHANGES = "tickrmeter.mqtt.connection.changes"
QUEUE_DROPPED = "tickrmeter.queue.dropped"
OTLP_EXPORTS = "tickrmeter.otlp.exports"
DEAD_LETTERS = "tickrmeter.dead_letters"
LOG_LINES_DROPPED = "tickrmeter.log.lines.dropped"
EXPOSITION_AGE = "tickrmeter.exposition.age"
EXPOSITION_SERIES = "tickrmeter.exposition.series"
HTTP_REQUESTS = "http.requests"
HTTP_DURATION = "http.request.duration"


class MessageNames(NamedTuple):
    """Names of the instruments about the messages of a fleet."""

    messages: str
    errors: str
    processing: str


def message_names(fleet: str) -> MessageNames:
    """Return the names for the fleet that is called so."""
    return MessageNames(
        f"{fleet}.messages", f"{fleet}.message.errors", f"{fleet}.message.processing.duration"
    )
