"""A connection that breaks, so that the broker publishes the last will of who had it."""

import time

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

_LONGEST_WAIT = 0.25


def connect_and_break(client: Client, host: str, port: int, seconds: float) -> None:
    """Connect a client that has a will, and break the connection without a word.

    Raises:
        PermissionError: The broker refuses it.
        OSError: The broker is not there, breaks off, or says nothing for so many seconds.
    """
    answers: list[ReasonCode] = []

    def note(_client: Client, _data: object, _flags: object, reason: ReasonCode, _props: object) -> None:
        answers.append(reason)

    client.on_connect = note
    client.connect(host, port)
    deadline = time.monotonic() + seconds
    while not answers:
        if client.loop(_LONGEST_WAIT) != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline:
            break
    if not answers:
        raise ConnectionError("no answer to a connection with a last will")
    if answers[0].is_failure:
        raise PermissionError(f"a connection with a last will is refused: {answers[0]}")
    connection = client.socket()
    if connection is not None:
        connection.close()
