"""Keeps the receiving process running and hands over what it brings, in the main process' event loop."""

import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.lowlevel

from otel_tickrmeter.mqtt import child as receiving
from otel_tickrmeter.mqtt.backoff import Backoff
from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.silence import LOOK_SECONDS, Silence
from otel_tickrmeter.stream.frames import FrameDecoder, FrameError
from otel_tickrmeter.stream.message import Connected, LinkEvent, Lost, Message, Refused, Settled
from otel_tickrmeter.stream.reason import LinkReason

READ_BYTES = 262_144
"""Read from the channel at once; about what its buffer holds."""

SLICE_MESSAGES = 256
"""Delivered in one go before the event loop gets its turn: some 2 ms of work at 8 µs each."""

RESTART_DELAYS = (1.0, 30.0)
"""Bounds of the backoff between restarts, seconds."""


class Feed:
    """Runs the receiver while `run` runs.

    `deliver` gets messages, at most `SLICE_MESSAGES` at once, and `report` gets link events; both in the
    receiver's order, from the event loop's thread. `silent` is told for how many seconds nothing has come,
    when that grows and when it ends. `recover` takes what a receiver had written down and not handed over
    when it ended. What they raise ends `run`.
    """

    def __init__(
        self,
        config: ReceiverConfig,
        *,
        deliver: Callable[[list[Message]], None],
        report: Callable[[LinkEvent], None],
        silent: Callable[[float], None] = lambda _: None,
        recover: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._report = report
        self._silent = silent
        self._recover = recover
        self._pid: int | None = None
        self._connected = False
        self._backoff = Backoff(*RESTART_DELAYS)
        self._decoder = FrameDecoder()
        # Decoded, and not handed over yet.
        self._taken_in: deque[list[Message] | LinkEvent] = deque()

    @property
    def pid(self) -> int | None:
        """The receiver's process id; None while there is none."""
        return self._pid

    async def run(self) -> None:
        """Work until cancelled; a receiver that dies or falls silent is reported and replaced."""
        while True:
            self._connected = False
            reason, detail = await self._run_receiver()
            self._recover()
            ended = Lost if self._connected else Refused
            self._report(ended(time.monotonic_ns(), reason, detail))
            self._silent(0.0)
            await anyio.sleep(self._backoff.next_delay())

    async def _run_receiver(self) -> tuple[LinkReason, str]:
        """Start one receiver and hand over what it brings; return why and how it ended."""
        try:
            ours, child = _start()
        except OSError as error:  # no memory, no descriptors, no more processes: it may pass
            return LinkReason.RECEIVER_DIED, f"the receiving process cannot be started: {error}"
        with ours:
            self._pid = child.pid
            self._decoder = FrameDecoder()
            self._taken_in.clear()
            silence = Silence()
            damage = ""
            try:
                ours.sendall(self._config.to_line())
                ours.setblocking(False)  # noqa: FBT003  the signature is the standard library's
                await self._hand_over(ours, silence)
            except (ConnectionError, FrameError) as error:
                damage = f", {error}"
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True), suppress(ConnectionError, FrameError):
                    await self._hand_over_the_rest(ours)
                raise
            finally:
                ours.close()
                with anyio.CancelScope(shield=True):
                    await receiving.stop(child)
                self._pid = None
        if silence.too_long(connected=self._connected):
            detail = f"the receiving process said nothing for {silence.seconds:.0f} s and was replaced"
            return LinkReason.RECEIVER_SILENT, detail
        return LinkReason.RECEIVER_DIED, f"the receiving process ended with {child.returncode}{damage}"

    async def _hand_over(self, channel: socket.socket, silence: Silence) -> None:
        """Until the channel ends, or has been silent for too long.

        Raises:
            ConnectionError: the receiver went away.
            FrameError: what it sent is damaged.
        """
        while not silence.too_long(connected=self._connected):
            since = time.monotonic()
            with anyio.move_on_after(LOOK_SECONDS):
                await anyio.wait_readable(channel)
            try:
                data = channel.recv(READ_BYTES)
            except BlockingIOError:
                silence.waited(time.monotonic() - since)
                self._silent(silence.seconds)
                continue
            if not data:
                return
            if silence.seconds:
                silence.heard()
                self._silent(0.0)
            self._take_in(data)
            while self._taken_in:
                self._give_next()
                await anyio.lowlevel.checkpoint()

    async def _hand_over_the_rest(self, channel: socket.socket) -> None:
        """What was read before the end was asked for: the broker may think that it is done with it.

        Raises:
            ConnectionError: the receiver went away.
            FrameError: what it sent is damaged.
        """
        channel.shutdown(socket.SHUT_WR)
        data = b""
        with anyio.move_on_after(receiving.STOP_SECONDS):
            while True:
                self._take_in(data)
                while self._taken_in:
                    self._give_next()
                await anyio.wait_readable(channel)
                data = channel.recv(READ_BYTES)
                if not data:
                    return

    def _take_in(self, data: bytes) -> None:
        for item in self._decoder.feed(data):
            if isinstance(item, list):
                starts = range(0, len(item), SLICE_MESSAGES)
                self._taken_in.extend(item[start : start + SLICE_MESSAGES] for start in starts)
            else:
                self._taken_in.append(item)

    def _give_next(self) -> None:
        item = self._taken_in.popleft()
        if isinstance(item, list):
            self._deliver(item)
        else:
            self._note(item)
            self._report(item)

    def _note(self, event: LinkEvent) -> None:
        if isinstance(event, Connected):
            self._connected = True
        elif isinstance(event, (Refused, Lost)):
            self._connected = False
        elif isinstance(event, Settled):
            self._backoff.reset()


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a receiver; returns our end of the channel to it. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return ours, receiving.start(theirs)
        except OSError:
            ours.close()
            raise
