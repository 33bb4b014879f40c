"""Sends notices by every channel there is, again when that fails, and says what became of each."""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import anyio
from anyio import to_thread
from loguru import logger

from otel_tickrmeter.notify.channels import Channel, DeliveryError
from otel_tickrmeter.notify.notice import Delivery, Fate, Notice, NoticeOutcomes
from otel_tickrmeter.notify.policy import Policy

CAPACITY = 1_000
"""Notices that wait for a channel; beyond that the oldest gives way."""
ATTEMPTS = 6
_FIRST_WAIT_SECONDS = 1.0
_STOP_SECONDS = 3.0
_TICK_SECONDS = 1.0


@dataclass(slots=True)
class _Line:
    """What waits for a channel; with `over` nothing more will."""

    channel: Channel
    over: bool = False
    waiting: deque[Delivery] = field(default_factory=deque)
    more: anyio.Event = field(default_factory=anyio.Event)


class Dispatcher:
    """Implements `Notifier`.

    Args:
        channels: Where notices go; a slow one holds up no other. Without any, nobody is told.
        policy: Which of them go out.
        first_wait_seconds: Before the second attempt; it doubles with each.

    Attributes:
        dropped: Notices that gave way.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        policy: Policy,
        *,
        first_wait_seconds: float = _FIRST_WAIT_SECONDS,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._lines = [_Line(channel) for channel in channels]
        self._policy = policy
        self._first_wait_seconds = first_wait_seconds
        self._clock_ns = clock_ns
        self._outcomes = NoticeOutcomes()
        self._numbers = count(1)
        self._stopping = anyio.Event()
        # While it runs: starts the work of a channel.
        self._start: Callable[[_Line], None] | None = None
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many notices wait for a channel."""
        return sum(len(line.waiting) for line in self._lines)

    @property
    def capacity(self) -> int:
        """How many may."""
        return CAPACITY * len(self._lines)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return tuple(line.channel.name for line in self._lines)

    def tell(self, outcomes: NoticeOutcomes) -> None:
        """Whom to tell from now on."""
        self._outcomes = outcomes

    def use(self, channels: Sequence[Channel], min_interval_ns: int, max_per_minute: int) -> None:
        """Send by these channels from now on, and so many; in the event loop that `run` runs in.

        What waits for a channel goes by the new one of its name; without one it is still sent by the old one.
        """
        self._policy.use(min_interval_ns, max_per_minute)
        before = {line.channel.name: line for line in self._lines}
        self._lines = []
        for channel in channels:
            line = before.pop(channel.name, None)
            if line is None:
                line = _Line(channel)
                if self._start is not None:
                    self._start(line)
            line.channel = channel
            self._lines.append(line)
        for line in before.values():
            line.over = True
            line.more.set()

    def put(self, notice: Notice) -> None:
        """Have a notice sent."""
        if not self._lines:
            return
        now_ns = self._clock_ns()
        if self._policy.repeats(notice, now_ns):
            self._end(self._delivery(notice), Fate.SUPPRESSED)
        elif self._policy.floods(notice, now_ns):
            self._end(self._delivery(notice), Fate.DIGESTED)
        else:
            self._send(notice)

    async def run(self) -> None:
        """Send until cancelled; what waits then has a few seconds."""
        started: list[tuple[_Line, anyio.CancelScope]] = []
        async with anyio.create_task_group() as tasks:

            def start(line: _Line) -> None:
                # Not cancelled with the rest: what is on its way arrives, and is not sent a second time.
                scope = anyio.CancelScope(shield=True)
                started.append((line, scope))
                tasks.start_soon(work, line, scope)

            async def work(line: _Line, scope: anyio.CancelScope) -> None:
                await self._work(line, scope)
                started.remove((line, scope))

            for line in self._lines:
                start(line)
            self._start = start
            try:
                await self._tick()
            finally:
                self._start = None
                self._send_digest(self._policy.rest(datetime.now(UTC)))
                self._stopping.set()
                for line, scope in started:
                    line.more.set()
                    scope.deadline = anyio.current_time() + _STOP_SECONDS

    def _send(self, notice: Notice) -> None:
        for line in self._lines:
            if len(line.waiting) >= CAPACITY:
                self.dropped += 1
                self._end(line.waiting.popleft(), Fate.FAILED)
            delivery = self._delivery(notice, line.channel.name)
            line.waiting.append(delivery)
            self._outcomes.waits(delivery, 0)
            line.more.set()

    def _delivery(self, notice: Notice, channel: str = "") -> Delivery:
        return Delivery(next(self._numbers), notice, channel)

    def _end(self, delivery: Delivery, fate: Fate, attempts: int = 0) -> None:
        self._outcomes.ended(delivery, fate, attempts, datetime.now(UTC))

    async def _tick(self) -> None:
        while True:
            await anyio.sleep(_TICK_SECONDS)
            self._send_digest(self._policy.digest(self._clock_ns(), datetime.now(UTC)))

    def _send_digest(self, digest: Notice | None) -> None:
        if digest is not None:
            self._send(digest)

    async def _work(self, line: _Line, until_end: anyio.CancelScope) -> None:
        with until_end:
            while True:
                while line.waiting:
                    await self._deliver(line, line.waiting.popleft())
                if line.over or self._stopping.is_set():
                    break
                await line.more.wait()
                line.more = anyio.Event()
        if line.waiting:
            logger.warning("{} notices were not sent ({}): no time", len(line.waiting), line.channel.name)
        while line.waiting:
            self._end(line.waiting.popleft(), Fate.FAILED)

    async def _deliver(self, line: _Line, delivery: Delivery) -> None:
        notice = delivery.notice
        wait = self._first_wait_seconds
        fate, attempt = Fate.FAILED, 0
        try:
            for attempt in range(1, ATTEMPTS + 1):
                channel = line.channel
                error = await _attempt(channel, notice)
                if error is None:
                    fate = Fate.SENT
                    return
                if error.final or attempt == ATTEMPTS or self._stopping.is_set():
                    logger.warning("A notice was not sent ({}): {}; {}", channel.name, error, notice.text)
                    return
                self._outcomes.waits(delivery, attempt)
                pause = error.wait_seconds if error.wait_seconds is not None else wait
                # Not all at once when the other side comes back; at the end one more time without delay.
                with anyio.move_on_after(pause * random.uniform(1.0, 1.25)):  # noqa: S311  no secret
                    await self._stopping.wait()
                wait *= 2
        finally:
            self._end(delivery, fate, attempt)


async def _attempt(channel: Channel, notice: Notice) -> DeliveryError | None:
    """Send it; what is returned is what went wrong."""
    try:
        await to_thread.run_sync(channel.send, notice, abandon_on_cancel=True)
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001  one notice that cannot be sent must not end the rest
        return DeliveryError(type(error).__name__, final=True)
    return None
