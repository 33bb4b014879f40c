"""The receiving process: reads the broker, stamps, frames, hands over; nothing else runs in it.

It exists because whatever runs beside a receiver bends its stamps: rendering an exposition in the same
process delayed them by 130 to 250 ms, through the interpreter's lock. For the same reason it imports the
standard library, paho, and no more of this package than it needs: a fleet's `giving_way.py` where
it has one, its `owner.py` and orjson only where several exporters share the fleet, and the client of Kafka
only where messages go there.

Started by `feed.py` with a socket for its standard input: that brings the configuration (one JSON line), and
takes the frames. It never blocks on that socket while it receives. When the socket ends, it leaves the
broker, hands over what it still has, of which the broker may think that it is done with, and exits 0, so it
cannot outlive its parent.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from otel_tickrmeter.journal.read import deliveries
from otel_tickrmeter.journal.segments import segments
from otel_tickrmeter.journal.write import Journal
from otel_tickrmeter.mqtt.attempts import Attempts
from otel_tickrmeter.mqtt.backlog import STALL_GRACE_SECONDS, BacklogWatch
from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.giving_way import load_test
from otel_tickrmeter.mqtt.link import Link, alive_ns
from otel_tickrmeter.mqtt.outbox import Outbox
from otel_tickrmeter.mqtt.sieve import sieve
from otel_tickrmeter.stream.message import (
    Journaled,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Settled,
    Stalled,
    Subscribed,
)
from otel_tickrmeter.stream.outgoing import Outgoing

FLUSH_SECONDS = 0.05
"""Messages are handed over this often at most (or 64 KiB at a time), so that the main process wakes 20
times a second, not 1000. They carry their stamps, so waiting costs no accuracy."""

SHORT_PAUSE_SECONDS = 0.002
"""Between two looks at the socket, however much the fleets allow, when the first brought many messages."""

MANY_MESSAGES = 15
"""At QoS 1 and 2. Mosquitto has 20 of these under way at a time, and waits until they are acknowledged."""

IDLE_SECONDS = 0.1
"""A watermark goes out this often at least."""

LAST_SECONDS = 0.5
"""How long the main process may take for the last messages; it waits for twice as long."""

TICK_SECONDS = 0.1
"""Keepalive and time limits are looked at this often."""


class Receiver:
    """The loop between the link and the channel to the main process."""

    def __init__(self, config: ReceiverConfig, channel: socket.socket) -> None:
        self._channel = channel
        self._journal = None if config.journal is None else Journal(config.journal)
        self._journal_trouble = ""
        self._outbox = _make_outbox(config, self._journal)
        self._read_pause = config.read_pause
        self._attempts = Attempts(config.client_id, config.min_delay, config.max_delay)
        self._watch = BacklogWatch(alive_ns())
        deliver = _deliver_to(self._outbox, config)
        self._link = Link(config, self._watch, deliver, self._report, self._write_down)
        if config.journal is not None:
            with contextlib.suppress(OSError):
                self._link.remember(deliveries(segments(Path(config.journal.directory))[-2:]))
        self._retry_at = self._flushed_at = self._tick_at = time.monotonic()
        self._drained_ns: int | None = None
        self._more_to_read = False
        self._more_to_write = False

    def run(self) -> None:
        """Work until the main process closes the channel."""
        self._channel.setblocking(False)  # noqa: FBT003  the signature is the standard library's
        with contextlib.suppress(ConnectionError):  # it closed the channel with something unread
            wait_seconds = 0.0
            while self._sleep(wait_seconds):
                self._work(wait_seconds)
                wait_seconds = self._wait_seconds(time.monotonic())
        self._link.close()
        self._write_down()
        self._outbox.close(LAST_SECONDS)
        self._hand_over_the_rest()

    def _hand_over_the_rest(self) -> None:
        self._channel.settimeout(LAST_SECONDS)
        with contextlib.suppress(OSError):  # nobody takes it any more, or not in time
            self._outbox.send(self._channel.send)
            self._outbox.settle(time.monotonic_ns(), None, self._link.heard_ns)
            self._outbox.send(self._channel.send)

    def _work(self, slept_seconds: float) -> None:
        """One round: connect if it is time, read, keep alive, hand over."""
        if not self._link.is_open and time.monotonic() >= self._retry_at:
            self._link.open()
            self._watch.excuse(alive_ns())
        queued = self._link.queued
        drained_ns = self._link.read(slept_seconds)
        self._more_to_read = drained_ns is None
        self._drained_ns = drained_ns or self._drained_ns
        self._more_to_write = self._link.write()
        now = time.monotonic()
        if now >= self._tick_at:
            self._tick_at = now + TICK_SECONDS
            self._link.tick(time.monotonic_ns())
            if self._attempts.settles(time.monotonic_ns()):
                self._outbox.add_event(Settled(time.monotonic_ns()))
        if now >= self._flush_at() or self._outbox.ripe:
            self._flushed_at = now
            self._write_down()
            self._outbox.send(self._channel.send)
            self._outbox.settle(time.monotonic_ns(), self._drained_ns, self._link.heard_ns)
            self._write_down()
            self._outbox.send(self._channel.send)
        elif not self._more_to_read and not self._outbox.idle:
            time.sleep(pause_after(self._link.queued - queued, self._read_pause))

    def _sleep(self, seconds: float) -> bool:
        """Wait for the broker, for room in the channel, or for time to pass; False: the channel ended."""
        # select, not epoll: it holds no descriptor of a connection that is gone; ours are all small numbers.
        link: list[socket.socket | Link] = [self._link] if self._link.is_open else []
        writers: list[socket.socket | Link] = [
            *(link if self._more_to_write else ()),
            *([self._channel] if self._outbox.blocked else ()),
        ]
        readable, writable, _ = select.select([self._channel, *link], writers, [], seconds)
        if self._channel in writable:
            self._outbox.send(self._channel.send)
        return self._channel not in readable or bool(self._channel.recv(4096))

    def _write_down(self) -> None:
        """What the main process has, and the broker may forget, stands in the journal."""
        journal = self._journal
        if journal is None:
            return
        journal.commit()
        if journal.trouble != self._journal_trouble:
            self._journal_trouble = journal.trouble
            self._outbox.add_event(Journaled(time.monotonic_ns(), journal.trouble))

    def _report(self, event: LinkEvent) -> None:
        if isinstance(event, (Refused, Lost)):
            event = self._attempts.ended(event)
            self._retry_at = time.monotonic() + (0.0 if self._link.at_once else self._attempts.next_delay())
        self._outbox.add_event(event)
        if isinstance(event, Subscribed):
            self._attempts.subscribed(event.at_ns)
        elif isinstance(event, Stalled):  # what a time limit waits for may be in the socket: read it first
            self._tick_at = time.monotonic() + STALL_GRACE_SECONDS

    def _flush_at(self) -> float:
        return self._flushed_at + (IDLE_SECONDS if self._outbox.empty else FLUSH_SECONDS)

    def _wait_seconds(self, now: float) -> float:
        if self._more_to_read:
            return 0.0
        due = min(self._tick_at, self._flush_at())
        if not self._link.is_open:
            due = min(due, self._retry_at)
        return max(0.0, due - now)


def pause_after(messages: int, allowed_seconds: float) -> float:
    """How long the socket may wait, after a look that brought so many messages at QoS 1 and 2."""
    return min(allowed_seconds, SHORT_PAUSE_SECONDS) if messages > MANY_MESSAGES else allowed_seconds


def _make_outbox(config: ReceiverConfig, journal: Journal | None) -> Outgoing:
    """What takes messages on their way to the main process, or elsewhere, where that is told."""
    gives_way = load_test(config.giving_way_rules)
    if config.sink is None:
        return Outbox(config.buffer_size, gives_way=gives_way, journal=journal)
    sink: Outgoing = import_module(config.sink.module).make_sink(
        config.sink.options, config.owner_rules, Outbox(config.buffer_size), gives_way
    )
    return sink


def _deliver_to(outbox: Outgoing, config: ReceiverConfig) -> Callable[[Message], None]:
    """What takes messages: the outbox itself, where all are ours."""
    if config.partition.count == 1:
        return outbox.add_message
    return sieve(config.owner_rules, config.partition, outbox.add_message, outbox.count_foreign)


def main() -> int:
    """Read the configuration from the channel (standard input), and receive until that ends."""
    # A terminal and systemd signal the whole group. It is for the main process to decide what follows.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as channel:
        line = b""
        while not line.endswith(b"\n"):
            data = channel.recv(65_536)
            if not data:
                return 0
            line += data
        receiver = Receiver(ReceiverConfig.from_line(line), channel)
        gc.freeze()  # what is alive now stays so: no collection has to look at it again
        receiver.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
