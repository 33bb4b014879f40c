"""Names of the instruments about the program."""

from typing import NamedTuple

CONNECTION_CHANGES = "tickrmeter.mqtt.connection.changes"
FOREIGN_MESSAGES = "tickrmeter.foreign.messages"
PARTITION_INFO = "tickrmeter.partition.info"
PARTITIONS = "tickrmeter.partitions"
KAFKA_ASSIGNED = "tickrmeter.kafka.partitions.assigned"
KAFKA_LAG = "tickrmeter.kafka.lag"
KAFKA_LAG_RECORDS = "tickrmeter.kafka.lag.records"
KAFKA_PARTITIONS = "tickrmeter.kafka.partitions"
KAFKA_REBALANCES = "tickrmeter.kafka.rebalances"
KAFKA_UNDELIVERED = "tickrmeter.kafka.undelivered.messages"
QUEUE_DROPPED = "tickrmeter.queue.dropped"
OTLP_EXPORTS = "tickrmeter.otlp.exports"
OTLP_SPANS = "tickrmeter.otlp.spans"
OTLP_LOG_RECORDS = "tickrmeter.otlp.log_records"
DEAD_LETTERS = "tickrmeter.dead_letters"
LOG_LINES_DROPPED = "tickrmeter.log.lines.dropped"
EXPOSITION_AGE = "tickrmeter.exposition.age"
EXPOSITION_SERIES = "tickrmeter.exposition.series"
HTTP_REQUESTS = "http.requests"
HTTP_HANDSHAKE_FAILURES = "tickrmeter.http.tls.handshake.failures"
HTTP_DURATION = "http.request.duration"
MQTT_CONNECTED = "tickrmeter.mqtt.connected"
MQTT_PROTOCOL_INFO = "tickrmeter.mqtt.protocol.info"
MQTT_LAST_MESSAGE_TIMESTAMP = "tickrmeter.mqtt.last_message.timestamp"
RECEIVER_SILENCE = "tickrmeter.receiver.silence"
QUEUE_SIZE = "tickrmeter.queue.size"
BUILD_INFO = "tickrmeter.build.info"
CONFIG_RELOAD_SUCCESSFUL = "tickrmeter.config.last_reload.successful"
CONFIG_RELOAD_TIMESTAMP = "tickrmeter.config.last_reload.success.timestamp"
STATE_SAVED_TIMESTAMP = "tickrmeter.state.saved.timestamp"
STATE_SAVE_FAILURES = "tickrmeter.state.save.failures"
SYSTEM_CPU_USAGE = "system.cpu.usage"
SYSTEM_MEMORY_USAGE = "system.memory.usage"
SYSTEM_MEMORY_TOTAL = "system.memory.total"
PROCESS_CPU = "process.cpu"
PROCESS_RESIDENT_MEMORY = "process.resident_memory"
PROCESS_OPEN_FDS = "process.open_fds"
PROCESS_START_TIME = "process.start_time"


class MessageNames(NamedTuple):
    """Names of the instruments about the messages of a fleet."""

    messages: str
    errors: str
    processing: str


def message_names(fleet: str) -> MessageNames:
    """The names for the fleet that is called so."""
    return MessageNames(
        f"{fleet}.messages", f"{fleet}.message.errors", f"{fleet}.message.processing.duration"
    )
