"""Waiting for what another thread or process brings about."""

import time
from collections.abc import Callable

import anyio

DEADLINE_SECONDS = 30.0


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until the condition holds; past the deadline, a TimeoutError."""
    with anyio.fail_after(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110  what sets it knows of no event
            await anyio.sleep(0.005)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for the condition; past the deadline, a TimeoutError that says for what."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
