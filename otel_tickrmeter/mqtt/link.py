"""The MQTT connection: paho speaks the protocol, the tap takes the messages off the stream.

Over 300 lines, because here all parts of a connection meet; what can be decided apart from it is in files of
its own. Times are `time.monotonic_ns`.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from otel_tickrmeter.mqtt.backlog import BacklogWatch
from otel_tickrmeter.mqtt.client import TappedClient
from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.ending import ending, said
from otel_tickrmeter.mqtt.exchanges import Exchanges
from otel_tickrmeter.mqtt.handled import Handled
from otel_tickrmeter.mqtt.packets import PacketSplitter, Released, Unacknowledged
from otel_tickrmeter.mqtt.probe import Probe
from otel_tickrmeter.mqtt.reasons import connack_reason, suback_reason
from otel_tickrmeter.mqtt.tap import PINGRESP, Tap
from otel_tickrmeter.mqtt.transport import ConnectError, open_stream, read_password
from otel_tickrmeter.mqtt.version import AT_ONCE_SECONDS, VersionChoice
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Stalled,
    Subscribed,
)
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.stream.subscription import Subscription

HANDSHAKE_SECONDS = 10.0
"""For CONNACK, and of silence before SUBACK: a peer that accepts and then says nothing must not hold us."""

CHUNKS_PER_TURN = 4
"""Chunks read before the rest of the loop gets its turn: 256 KiB, some 5 ms of work."""

_ALIVE_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_CONNACK = 0x20
# Followed by a packet id. In MQTT 5 no reason code means success.
_PUBACK, _PUBREC, _PUBCOMP = b"\x40\x02", b"\x50\x02", b"\x70\x02"
_BROKEN_OFF = (LinkReason.CLOSED_BY_BROKER, LinkReason.CONNECTION_RESET)


def _nothing() -> None:
    pass


def alive_ns() -> int:
    """A clock that also counts the time that the machine was suspended, where there is one (Linux)."""
    return time.clock_gettime_ns(_ALIVE_CLOCK)


class Link:
    """One connection at a time, opened and read by the receiver's loop.

    `deliver` gets every message and `report` every event, in the order of the stream; `write_down` is called
    before the broker is told that it may forget messages. After `Refused` and
    after `Lost` the link is closed, and stays so until `open` is called again; `at_once` says whether that
    should be without a wait, with another version of MQTT.
    """

    def __init__(
        self,
        config: ReceiverConfig,
        watch: BacklogWatch,
        deliver: Callable[[Message], None],
        report: Callable[[LinkEvent], None],
        write_down: Callable[[], None] = _nothing,
    ) -> None:
        self._config = config
        self._watch = watch
        self._probe = Probe()
        self._handled = Handled()
        self._exchanges = Exchanges()
        self._deliver = deliver
        self._report = report
        self._write_down = write_down
        self._tap: Tap | None = None
        self._choice = VersionChoice(config.protocol)
        self._splitter = PacketSplitter(mqtt5=True)
        self._connected = False
        self._greeted = False
        self._subscribe_id: int | None = None
        self._deadline_ns: int | None = None
        self._ending: Refused | Lost | None = None
        self._stamp_ns = 0
        self._heard_ns = time.monotonic_ns()
        self._opened_ns = 0
        self._queued = 0  # messages at QoS 1 and 2 on this connection
        self._client = self._make_client()
        self.at_once = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, be it accepted or not."""
        return self._tap is not None

    @property
    def heard_ns(self) -> int:
        """The arrival of the broker's last bytes; the start, when there were none yet."""
        return self._heard_ns

    @property
    def queued(self) -> int:
        """Messages at QoS 1 and 2 that this connection has brought."""
        return self._queued

    def remember(self, deliveries: Iterable[Message]) -> None:
        """Know what another process had of this session, with its packet ids, before the first connection."""
        for message in deliveries:
            if message.qos == 1:
                self._handled.repeats(message.packet_id, message.topic, message.payload, dup=False)

    def fileno(self) -> int:
        """The descriptor to wait on. Only while open."""
        if self._tap is None:
            raise ValueError("the link is closed")
        return self._tap.fileno()

    def open(self) -> None:
        """Connect, which blocks for `CONNECT_SECONDS` at most; the answer comes by `read`."""
        self._ending = None
        self._connected = False
        self._greeted = False
        self._watch.disconnected()
        self._probe.stop()
        self._queued = 0
        self.at_once = False
        version = self._choice.begin(time.monotonic_ns())
        self._splitter = PacketSplitter(mqtt5=version == "5")
        try:
            if version != self._client.version:
                self._client = self._make_client()
            if self._config.password_file is not None:
                self._client.username_pw_set(self._config.username, read_password(self._config.password_file))
            self._client.reconnect()
            if self._tap is None:
                self._ending = Refused(time.monotonic_ns(), LinkReason.OTHER, "paho did not use our socket")
        except ConnectError as error:
            self._ending = Refused(time.monotonic_ns(), error.reason, str(error))
        except Exception as error:  # noqa: BLE001  whatever paho raises for a setting must not end the process
            self._ending = Refused(time.monotonic_ns(), LinkReason.OTHER, repr(error))
        self._opened_ns = time.monotonic_ns()
        self._deadline_ns = self._opened_ns + int(HANDSHAKE_SECONDS * SECOND_NS)
        self._settle()

    def read(self, slept_seconds: float) -> int | None:
        """Read what has arrived, `CHUNKS_PER_TURN` at most; the caller may have slept since the last call.

        Returns a time before which everything that reached the socket has been delivered; None when the
        socket was not empty in the end.
        """
        for _ in range(CHUNKS_PER_TURN):
            asked_ns = time.monotonic_ns()
            tap = self._tap
            chunk = None if tap is None else tap.receive()
            # Looked at between the socket and the stamp, so that no stop can put off a stamp unnoticed.
            self._stamp_ns = time.monotonic_ns()
            away_seconds = self._watch.beat(alive_ns(), self._stamp_ns, slept_seconds)
            slept_seconds = 0.0
            if away_seconds is not None:
                self._probe.excuse(self._stamp_ns)
                self._report(Stalled(self._stamp_ns, away_seconds))
            if tap is None:
                return asked_ns
            if chunk is None:
                self._watch.drained()
                return asked_ns
            if chunk:
                self._heard_ns = self._stamp_ns
                self._take(tap, chunk)
            else:
                self._run_paho(self._client.loop_read)
        return None

    def write(self) -> bool:
        """Send what waits; whether some is left for when the socket has room."""
        if self._tap is not None and self._client.want_write():
            self._run_paho(self._client.loop_write)
        return self._tap is not None and (self._tap.flush() or self._client.want_write())

    def tick(self, now_ns: int) -> None:
        """Keep the connection alive; doubt, then give up, one that is silent. Some times a second.

        Not right after a stall: the answer that is missed may be in the socket.
        """
        if self._tap is None:
            return
        if self._deadline_ns is not None and self._connected:  # the SUBACK may stand behind a backlog
            self._deadline_ns = max(self._deadline_ns, self._heard_ns + int(HANDSHAKE_SECONDS * SECOND_NS))
        if self._deadline_ns is not None and now_ns >= self._deadline_ns:
            filters = f" for the subscription to {_named(self._config.subscriptions)}"
            awaited = f"SUBACK{filters}" if self._connected else "CONNACK"
            self._end(Refused(now_ns, LinkReason.TIMEOUT, f"no {awaited} within {HANDSHAKE_SECONDS:g} s"))
            self._settle()
            return
        self._run_paho(self._client.loop_misc)
        self._ask(now_ns)

    def close(self) -> None:
        """Take leave of the broker, if there is one."""
        tap, self._tap = self._tap, None
        if tap is None:
            return
        if self._connected and not tap.ended:
            self._client.disconnect()
            self._client.loop_write()
        tap.close()

    def _make_client(self) -> TappedClient:
        client = TappedClient(self._config, self._choice.current, self._make_tap)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        return client

    def _make_tap(self) -> Tap:
        self._tap = Tap(open_stream(self._config))
        return self._tap

    def _take(self, tap: Tap, chunk: bytes) -> None:
        """Deliver and acknowledge the messages of a chunk, and let paho see the rest, in their order."""
        if not self._greeted and not self._greets(chunk):
            return
        backlog = self._watch.active
        stamp_ns = self._stamp_ns
        answers: list[bytes] = []
        for item in self._splitter.feed(chunk, stamp_ns):
            if isinstance(item, Message):
                self._deliver(item._replace(backlog=True) if backlog(stamp_ns) else item)
                continue
            if isinstance(item, Unacknowledged):
                self._queued += 1
                answers.append(self._deliver_once(item, backlog=backlog(stamp_ns)))
                continue
            if isinstance(item, Released):
                self._exchanges.released(item.packet_id)
                answers.append(_PUBCOMP + item.packet_id.to_bytes(2))
                continue
            tap.hand_over(item)
            if item == PINGRESP and tap.answered and self._probe.waiting:
                self._answered()
            while tap.pending() and self._tap is tap:
                self._run_paho(self._client.loop_read)
            if self._tap is not tap:
                return
        if answers:
            self._write_down()
            tap.acknowledge(answers)
        self._hold_to_bounds(tap)

    def _greets(self, chunk: bytes) -> bool:
        """Whether what the broker says first is what a broker says first; else the connection ends."""
        self._greeted = True
        if chunk[0] == _CONNACK:
            return True
        detail = "the first that the broker said is no CONNACK"
        self._end(Refused(self._stamp_ns, LinkReason.BAD_PROTOCOL, detail))
        self._settle()
        return False

    def _deliver_once(self, item: Unacknowledged, *, backlog: bool) -> bytes:
        """Deliver a message, but not twice at QoS 2; returns the packet that acknowledges it."""
        message, packet_id, dup = item
        topic, payload = message.topic, message.payload
        repeated = False
        if message.qos == 1:
            acknowledgement = _PUBACK + packet_id.to_bytes(2)
            repeated = self._handled.repeats(packet_id, topic, payload, dup=dup)
        else:
            acknowledgement = _PUBREC + packet_id.to_bytes(2)
            if not self._exchanges.begins(packet_id, topic, payload):
                return acknowledgement
        if repeated or dup or backlog:  # what is sent again has waited
            message = message._replace(duplicate=repeated, backlog=dup or backlog)
        self._deliver(message)
        return acknowledgement

    def _hold_to_bounds(self, tap: Tap) -> None:
        """End a connection whose broker makes us keep ever more for it."""
        if tap.unread:
            detail = "the broker does not read what it makes us answer"
            self._end(Lost(self._stamp_ns, LinkReason.PROTOCOL_ERROR, detail))
            self._settle()

    def _ask(self, now_ns: int) -> None:
        """Ask the broker for a sign of life when it is time, and judge its silence by the last reading."""
        tap = self._tap
        if tap is None:
            return
        if self._probe.due(now_ns):
            self._probe.asked(now_ns)
            self._watch.asked(self._queued)
            tap.ping()
        overdue_seconds = self._probe.overdue(self._stamp_ns)
        if overdue_seconds is not None:
            self._watch.doubted()
            self._report(Doubted(self._stamp_ns, overdue_seconds))
        if self._probe.given_up(self._stamp_ns, self._heard_ns, self._config.keepalive):
            detail = f"the broker has been silent for {self._config.keepalive} s"
            self._end(Lost(now_ns, LinkReason.KEEPALIVE_TIMEOUT, detail))
            self._settle()

    def _answered(self) -> None:
        """The broker is there."""
        self._watch.answered(self._queued)
        overdue_seconds = self._probe.answered(self._stamp_ns)
        if overdue_seconds is not None:
            self._watch.heard(self._stamp_ns)
            self._report(Heard(self._stamp_ns, overdue_seconds))

    def _run_paho(self, step: Callable[[], object]) -> None:
        """Let paho work, and end the connection when that is what came of it."""
        try:
            step()
        except Exception as error:  # noqa: BLE001  no packet, however odd, may end the process
            if self._connected:
                self._end(Lost(self._stamp_ns, LinkReason.PROTOCOL_ERROR, repr(error)))
            else:
                self._end(Refused(self._stamp_ns, LinkReason.BAD_PROTOCOL, repr(error)))
        self._settle()

    def _end(self, event: Refused | Lost) -> None:
        """Note the first reason to close; `_settle` closes, when paho is done with what it does."""
        if self._ending is None:
            self._ending = event

    def _settle(self) -> None:
        if self._ending is not None:
            ending = self._ending
            if isinstance(ending, Refused):
                ending = self._judge(ending)
            self.close()
            self._connected = False
            self._deadline_ns = None
            self._ending = None
            self._probe.stop()
            self._report(ending)

    def _judge(self, refused: Refused) -> Refused:
        """Decide whether it was for the version of MQTT, and say so."""
        now_ns = time.monotonic_ns()
        unanswered = not self._greeted and self._tap is not None
        broken_off = refused.reason in _BROKEN_OFF and now_ns - self._opened_ns < AT_ONCE_SECONDS * SECOND_NS
        if refused.reason != LinkReason.BAD_PROTOCOL and not (unanswered and broken_off):
            if self._greeted:
                self._choice.answered(now_ns)
            else:
                self._choice.failed()
            return refused
        version = self._choice.current
        self.at_once = self._choice.refused()
        then = "trying 3.1.1" if self.at_once else f"mqtt.protocol is {self._config.protocol!r}"
        return replace(refused, detail=f"{refused.detail} (to MQTT {version}; {then})")

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._connected:  # each would be a connection to tell of, and a subscription to ask for
            self._end(Lost(self._stamp_ns, LinkReason.PROTOCOL_ERROR, "the broker sent a second CONNACK"))
            return
        if code.is_failure:
            self._end(Refused(self._stamp_ns, connack_reason(code.value), said(code, properties)))
            return
        self._connected = True
        self._deadline_ns = time.monotonic_ns() + int(HANDSHAKE_SECONDS * SECOND_NS)
        if flags.session_present and not self._config.clean_session:
            self._watch.resumed(self._stamp_ns)
        else:
            self._handled.forget()
            self._exchanges.forget()
        self._choice.answered(self._stamp_ns)
        self._report(Connected(self._stamp_ns, flags.session_present, self._choice.current))
        self._subscribe_id = self._client.ask_for(self._config.subscriptions)

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        codes: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        if not self._connected or mid != self._subscribe_id:
            return  # not the answer to our question
        answers = zip(self._config.subscriptions, codes, strict=False)
        refused = [(asked, code) for asked, code in answers if code.is_failure]
        if refused:
            # One is as bad as all: a fleet that is watched and not heard would look silent.
            _, code = refused[0]
            reason = suback_reason(code.value)
            detail = f"subscription to {_named(asked for asked, _ in refused)}: {said(code, properties)}"
            self._end(Refused(self._stamp_ns, reason, detail))
        elif self._deadline_ns is not None:
            self._deadline_ns = None
            self._report(Subscribed(self._stamp_ns))
            self._probe.start(self._stamp_ns)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        tap = self._tap
        if tap is None:  # we closed it
            return
        now_ns = time.monotonic_ns()
        reason, detail = ending(tap, flags, code, properties, connected=self._connected)
        if self._connected and self._deadline_ns is not None:  # some brokers refuse a filter so
            detail += f"; it had not confirmed the subscription to {_named(self._config.subscriptions)}"
        self._end(Lost(now_ns, reason, detail) if self._connected else Refused(now_ns, reason, detail))


def _named(subscriptions: Iterable[Subscription]) -> str:
    """Topic filters for people: all that are asked for are few and short."""
    return ", ".join(repr(asked.topic_filter) for asked in subscriptions)
