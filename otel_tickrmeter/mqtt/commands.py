"""A connection of its own to publish by, in a thread of its own: what is received is not held up by it.

What cannot be sent at once is not sent later: a command that arrives an hour late is worse than none.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from paho.mqtt.client import Client, error_string
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from otel_tickrmeter.mqtt.backoff import Backoff
from otel_tickrmeter.mqtt.client import TappedClient
from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.stream_socket import StreamSocket
from otel_tickrmeter.mqtt.transport import ConnectError, open_stream, read_password
from otel_tickrmeter.mqtt.version import Version
from otel_tickrmeter.stream.ticket import Ticket

SUFFIX = "-commands"
"""Of the client id: a broker ends the older of two connections with the same one."""
_CONNACK_SECONDS = 10.0
_LOOK_SECONDS = 0.25
_JOIN_SECONDS = 2.0
_NOT_CONNECTED = "no connection to publish by"


class CommandPublisher:
    """Publishes while it is started; a context manager.

    Args:
        config: The broker, and how to speak to it.
        say: Told, in the thread's own time, when the connection is there and when it is lost.
    """

    def __init__(self, config: ReceiverConfig, say: Callable[[str], None]) -> None:
        self._config = replace(
            config,
            client_id=f"{config.client_id}{SUFFIX}" if config.client_id else "",
            clean_session=True,
            subscriptions=(),
        )
        self._say = say
        self._versions: tuple[Version, ...] = (
            ("5", "3.1.1") if config.protocol == "auto" else (config.protocol,)
        )
        self._lock = threading.Lock()
        # The client while it is connected, and what it has not been answered, by its number.
        self._client: Client | None = None
        self._tickets: dict[int, Ticket] = {}
        self._answers: deque[tuple[int, str | None]] = deque()
        self._wake = threading.Event()
        self._stopped = False
        self._told = ""
        self._thread = threading.Thread(target=self._work, name="commands", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self._thread.join(_JOIN_SECONDS)

    def leave(self) -> None:
        """Publish no more, and close the connection in the thread's own time."""
        self._stopped = True
        self._wake.set()

    def publish(self, topic: str, payload: bytes) -> Ticket:
        """Publish at QoS 1, not retained; never blocks for long, never raises."""
        ticket = Ticket()
        with self._lock:
            if self._client is None:
                ticket.end(_NOT_CONNECTED)
                return ticket
            try:
                info = self._client.publish(topic, payload, qos=1)
            except ValueError as error:  # of a topic that cannot be one
                ticket.end(str(error))
                return ticket
            if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._tickets[info.mid] = ticket
            else:
                ticket.end(error_string(info.rc))
        return ticket

    def _work(self) -> None:
        backoff = Backoff(self._config.min_delay, self._config.max_delay)
        turn = 0
        while not self._stopped:
            try:
                why = self._serve(self._versions[turn % len(self._versions)], backoff)
            except ConnectError as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001  whatever paho raises must not end the thread
                why = repr(error)
            self._tell(f"Commands: no connection: {why}")
            turn += 1
            self._wake.clear()
            self._wake.wait(0.0 if self._stopped else backoff.next_delay())

    def _serve(self, version: Version, backoff: Backoff) -> str:
        """Connect, and serve until that ends; returns why.

        Raises:
            ConnectError: There is no connection.
        """
        ended: list[str] = []
        client = TappedClient(self._config, version, lambda: StreamSocket(open_stream(self._config)))
        if self._config.password_file is not None:
            client.username_pw_set(self._config.username, read_password(self._config.password_file))

        def on_connect(_c: Client, _d: object, _f: object, code: ReasonCode, _p: object) -> None:
            if code.is_failure:
                ended.append(f"the broker refuses: {code}")
            else:
                greeted.set()
            self._wake.set()

        def on_disconnect(_c: Client, _d: object, _f: object, code: ReasonCode, _p: object) -> None:
            ended.append(str(code))
            self._wake.set()

        greeted = threading.Event()
        client.on_connect = on_connect
        client.on_disconnect = on_disconnect
        client.on_publish = self._on_publish
        client.reconnect()
        client.loop_start()
        try:
            waited = 0.0
            while not ended and not greeted.is_set() and not self._stopped and waited < _CONNACK_SECONDS:
                waited += 0.0 if self._wait() else _LOOK_SECONDS
            if ended or not greeted.is_set():
                return ended[0] if ended else f"no CONNACK within {_CONNACK_SECONDS:g} s"
            with self._lock:
                self._client = client
            backoff.reset()
            self._tell("Commands: connected")
            while not ended and not self._stopped:
                self._wait()
                self._settle()
            return ended[0] if ended else "stopped"
        finally:
            with self._lock:
                self._client = None
            self._settle()
            for ticket in self._tickets.values():
                ticket.end("the connection was lost before the broker answered")
            self._tickets.clear()
            client.disconnect()
            client.loop_stop()

    def _wait(self) -> bool:
        woken = self._wake.wait(_LOOK_SECONDS)
        self._wake.clear()
        return woken

    def _settle(self) -> None:
        # Not where paho tells of it: it holds a lock there that `publish` needs.
        with self._lock:
            while self._answers:
                packet_id, failure = self._answers.popleft()
                ticket = self._tickets.pop(packet_id, None)
                if ticket is not None:
                    ticket.end(failure)

    def _on_publish(self, _c: Client, _d: object, packet_id: int, code: ReasonCode, _p: object) -> None:
        self._answers.append((packet_id, f"the broker refuses: {code}" if code.is_failure else None))
        self._wake.set()

    def _tell(self, text: str) -> None:
        if text != self._told and not self._stopped:
            self._told = text
            self._say(text)
