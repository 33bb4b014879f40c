"""Publishes planned messages at their times, over one connection, in one thread.

Paho's own thread is not used: it would compete for the interpreter lock with the thread that paces.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar

from paho.mqtt.client import Client, MQTTv5, MQTTv311, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.simulate.control import RunControl
from otel_tickrmeter.simulate.planned import Planned
from otel_tickrmeter.simulate.will import connect_and_break

_ANSWER_SECONDS = 10.0
"""How long the broker may take for a CONNACK, or to take what is left at the end."""
_LONGEST_WAIT = 0.25
"""A signal is noticed after this many seconds at most."""
_HELD_WAIT = 0.02
"""And that a run is held no more, after this many."""
_RETRY_SECONDS = 0.2
_BACKLOG = 10_000
"""Messages handed to paho and not yet taken by the broker; beyond this, wait for it."""
_SERVE_EVERY = 16
_SUCCESS = MQTTErrorCode.MQTT_ERR_SUCCESS
_VERSIONS = {"auto": (MQTTv5, MQTTv311), "5": (MQTTv5,), "3.1.1": (MQTTv311,)}
"""What is tried, in this order."""
_UNSUPPORTED_VERSION = 0x84
_FENCE = "otel-tickrmeter/simulate/fence"


MeaningT = TypeVar("MeaningT")


class PublishOptions(Protocol):
    """Where to publish, how, and for how many seconds: what the options of every fleet have.

    `patience` is how long a broker that went away is waited for, in seconds.
    """

    @property
    def broker(self) -> str: ...  # noqa: D102  as the options of the command are called
    @property
    def protocol(self) -> Literal["auto", "5", "3.1.1"]: ...  # noqa: D102
    @property
    def qos(self) -> int: ...  # noqa: D102
    @property
    def username(self) -> str | None: ...  # noqa: D102
    @property
    def password(self) -> str | None: ...  # noqa: D102
    @property
    def ca_file(self) -> str | None: ...  # noqa: D102
    @property
    def topic_prefix(self) -> str: ...  # noqa: D102
    @property
    def duration(self) -> float: ...  # noqa: D102
    @property
    def patience(self) -> float: ...  # noqa: D102


class BrokerError(Exception):
    """The broker cannot be reached, refuses us, or went away."""


class _LostError(BrokerError):
    """The connection ended."""


class _VersionError(BrokerError):
    """Refused, perhaps for the version of MQTT."""


@dataclass(slots=True)
class Pace:
    """How the run went. `worst_lag` is the longest a message left after its time, seconds.

    `sent` counts every message, `sent_in_duration` those before the tail, which took `duration` seconds.
    """

    sent: int = 0
    seconds: float = 0.0
    sent_in_duration: int = 0
    duration: float = 0.0
    worst_lag: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second while the fleet was busy; without the tail."""
        return self.sent_in_duration / self.duration if self.duration else 0.0

    def as_text(self, failure: str | None) -> str:
        """One line for people."""
        line = (
            f"sent {self.sent:,} messages in {self.seconds:.1f} s, {self.rate:,.0f} a second "
            f"while busy, {self.worst_lag * 1000:.0f} ms late at worst"
        )
        return line if failure is None else f"{line}; ended early: {failure}"


class Publisher:
    """A connection to the broker; a context manager that disconnects.

    Raises:
        BrokerError: On entering: not reachable, or refused. Later: the connection is lost, and is not there
            again soon enough.
    """

    def __init__(self, options: PublishOptions) -> None:
        self._options = options
        self._address = parse_broker_url(options.broker)
        self._handed = 0
        self._taken = 0
        self._answered = self._greeted = False
        self._refusal: ReasonCode | None = None
        self._fenced = False
        self._client: Client
        self._version: MQTTProtocolVersion

    def __enter__(self) -> Self:
        *others, last = _VERSIONS[self._options.protocol]
        for version in others:
            try:
                self._connect(version)
            except _VersionError:
                continue
            return self
        self._connect(last)
        return self

    def _connect(self, version: MQTTProtocolVersion) -> None:
        """Connect with this version of MQTT.

        Raises:
            BrokerError: Not reachable, or refused; a _VersionError when that may be for the version.
        """
        address = self._address
        where = f"{address.host}:{address.port}"
        self._answered, self._refusal = False, None
        self._version = version
        self._client = client = self._make_client(version)
        try:
            client.connect(address.host, address.port)
        except (OSError, ValueError) as error:
            raise BrokerError(f"cannot connect to {where}: {error}") from error
        connection = client.socket()
        if isinstance(connection, socket):
            # Nagle's algorithm would hold a small message until the broker's delayed acknowledgement, 40 ms.
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        lost: _LostError | None = None
        try:
            self._serve_until(lambda: self._answered, "a CONNACK")
        except _LostError as error:
            lost = error
        except BrokerError as error:
            raise BrokerError(f"{where}: {error}") from error
        if self._refusal is not None:
            kind = _VersionError if self._refusal.value == _UNSUPPORTED_VERSION else BrokerError
            raise kind(f"{where} refuses the connection: {self._refusal}")
        if lost is not None:  # broken off unanswered, or answered with what this version does not know
            raise _VersionError(f"{where}: {lost}") from lost
        self._greeted = True

    def _make_client(self, version: MQTTProtocolVersion) -> Client:
        options = self._options
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"tickrmeter-simulate-{token_hex(4)}",
            protocol=version,
            transport=self._address.transport,
            reconnect_on_failure=False,
        )
        if self._address.transport == "websockets":
            client.ws_set_options(path=self._address.path)
        if self._address.tls:
            client.tls_set(options.ca_file)
        if options.username is not None:
            client.username_pw_set(options.username, options.password)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_unsubscribe = self._on_unsubscribe
        return client

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()

    def publish(self, message: Planned[Any], *, retain: bool = False) -> None:
        """Hand a message over; wait first while the broker is far behind."""
        while self._handed - self._taken > _BACKLOG:
            self.serve(_LONGEST_WAIT)
        if message.will:
            self._die(message)
            return
        info = self._client.publish(
            self._topic(message), message.payload, self._options.qos, retain or message.retain
        )
        self._handed += 1
        if info.rc != _SUCCESS:
            self._come_back(_LostError(f"connection lost: {error_string(info.rc)}"))

    def _topic(self, message: Planned[Any]) -> str:
        return self._options.topic_prefix + message.topic

    def _die(self, message: Planned[Any]) -> None:
        """Have the broker publish a message as the last will of a connection that breaks.

        Raises:
            BrokerError: The broker refuses it, or is not there, and not again soon enough.
        """
        # What was said before comes before, whichever connection the broker reads first.
        if self._options.qos:
            self._serve_until(lambda: self._taken == self._handed, "messages to be taken")
        else:
            self.flush()
        for again in (True, False):
            client = self._make_client(self._version)
            client.will_set(self._topic(message), message.payload, self._options.qos, message.retain)
            try:
                connect_and_break(client, self._address.host, self._address.port, _ANSWER_SECONDS)
            except PermissionError as error:
                raise BrokerError(str(error)) from error
            except OSError as error:
                lost = _LostError(f"connection lost: {error}")
                if not again:
                    raise lost from error
                self._come_back(lost)
            else:
                return

    def serve(self, seconds: float) -> None:
        """Read and write for this long at most; less, when there was something to do."""
        code = self._client.loop(seconds)
        if code != _SUCCESS:
            self._come_back(_LostError(f"connection lost: {error_string(code)}"))

    def _come_back(self, lost: _LostError) -> None:
        """Connect again; paho sends again what the broker had not acknowledged.

        Raises:
            BrokerError: As `lost` has it, when patience is over.
        """
        deadline = time.monotonic() + (self._options.patience if self._greeted else 0.0)
        while time.monotonic() < deadline:
            self._answered, self._refusal = False, None
            with suppress(OSError):
                self._client.reconnect()
                while not self._answered and self._client.loop(_RETRY_SECONDS) == _SUCCESS:
                    pass
                if self._answered and self._refusal is None:
                    return
            time.sleep(_RETRY_SECONDS)
        raise lost

    def flush(self) -> None:
        """Wait until the broker has taken everything: acknowledged it at QoS 1, read it at QoS 0."""
        self._serve_until(lambda: self._taken == self._handed, "the rest of the messages to be taken")
        # A broker answers in order, so this answer tells that all before it was read. No rights are needed.
        self._fenced = False
        self._client.unsubscribe(_FENCE)
        self._serve_until(lambda: self._fenced, "the end of the messages to be read")

    def _serve_until(self, done: Callable[[], bool], what: str) -> None:
        progress, deadline = self._taken, time.monotonic() + _ANSWER_SECONDS
        while not done():
            self.serve(0.05)
            if self._taken != progress:
                progress, deadline = self._taken, time.monotonic() + _ANSWER_SECONDS
            if time.monotonic() > deadline:
                raise BrokerError(f"no progress in {_ANSWER_SECONDS:g} s while waiting for {what}")

    # Paho's callbacks

    def _on_connect(
        self, _client: Client, _data: object, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        self._answered = True
        if reason.is_failure:
            self._refusal = reason

    def _on_publish(self, *_: object) -> None:
        self._taken += 1

    def _on_unsubscribe(self, *_: object) -> None:
        self._fenced = True


def publish(
    messages: Iterable[Planned[MeaningT]],
    options: PublishOptions,
    control: RunControl,
    *,
    sent: Callable[[Planned[MeaningT]], None],
    pace: Pace,
    retain: bool = False,
) -> None:
    """Send the messages at their times until they end or the run is stopped.

    `sent` is told each, with the time when it really left; `pace` is kept up to date, and knows nothing of
    the time for which the run was held. With `retain` the broker keeps the last of each topic.

    Raises:
        BrokerError: The broker cannot be reached, or was lost on the way.
    """
    stopped = control.stop.is_set
    with Publisher(options) as publisher:
        began = start = time.monotonic()
        for message in messages:
            while not stopped():
                now = time.monotonic()
                if control.held():
                    publisher.serve(_HELD_WAIT)
                    start += time.monotonic() - now
                elif (wait := start + message.at_seconds - now) > 0:
                    publisher.serve(min(wait, _LONGEST_WAIT))
                else:
                    break
            if stopped():
                break
            now = time.monotonic()
            publisher.publish(message, retain=retain)
            sent(message._replace(at_seconds=now - began))
            pace.sent += 1
            pace.seconds = now - start
            pace.worst_lag = max(pace.worst_lag, pace.seconds - message.at_seconds)
            if message.at_seconds < options.duration:
                pace.sent_in_duration, pace.duration = pace.sent, pace.seconds
            if pace.sent % _SERVE_EVERY == 0:
                publisher.serve(0)
        publisher.flush()
