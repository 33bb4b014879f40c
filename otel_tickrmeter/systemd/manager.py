"""What the service manager is told: ready, reloading, stopping, how it goes, and that the event loop runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import anyio

STATUS_SECONDS = 2.0
"""How often the status is looked at, and told if it is another one."""
_MOST_STATUS = 300


class Send(Protocol):
    """Sends a message."""

    def __call__(self, **message: str | int) -> None:
        """Send it; never raises."""


class ServiceManager:
    """Tells it, in the event loop.

    Args:
        send: Sends a message.
        watchdog_seconds: How long a sign of life may stay away; None: none is expected.
        clock_ns: The monotonic clock, the one that systemd goes by too.
    """

    def __init__(
        self,
        send: Send,
        watchdog_seconds: float | None = None,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._send = send
        self._watchdog_seconds = watchdog_seconds
        self._clock_ns = clock_ns
        self._stopping = False

    def ready(self) -> None:
        """The program is up."""
        self._send(READY=1)

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """The settings are read again inside; at the end all is as before, or better."""
        self._send(RELOADING=1, MONOTONIC_USEC=self._clock_ns() // 1000)
        try:
            yield
        finally:
            # Who stops in the middle of it is not ready any more.
            if not self._stopping:
                self._send(READY=1)

    def stopping(self) -> None:
        """The program stops."""
        self._stopping = True
        self._send(STOPPING=1)

    async def tell_status(self, status: Callable[[], str]) -> None:
        """Say how it goes, each time that this is something else; until cancelled."""
        told = ""
        while True:
            line = " ".join(status().split())[:_MOST_STATUS]
            if line != told:
                told = line
                self._send(STATUS=line)
            await anyio.sleep(STATUS_SECONDS)

    async def watch(self) -> None:
        """Give a sign of life twice in the time that it may stay away; until cancelled.

        From the event loop: one that hangs gives none, and the program is started anew.
        """
        while self._watchdog_seconds is not None:
            self._send(WATCHDOG=1)
            await anyio.sleep(self._watchdog_seconds / 2)
