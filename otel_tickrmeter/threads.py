"""A thread that fails ends the program: without one of its parts it would go on, and look well."""

import threading
from types import TracebackType
from typing import Self

import anyio

_LOOK_SECONDS = 1.0


class ThreadFailedError(Exception):
    """A thread has ended by an exception, which is the cause."""


class ThreadWatch:
    """Notices threads that fail while the context lasts."""

    def __init__(self) -> None:
        self._failure: threading.ExceptHookArgs | None = None
        self._usual = threading.excepthook

    def __enter__(self) -> Self:
        self._usual, threading.excepthook = threading.excepthook, self._notice
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        threading.excepthook = self._usual

    async def watch(self) -> None:
        """Wait for a thread to fail.

        Raises:
            ThreadFailedError: One has.
        """
        while self._failure is None:  # noqa: ASYNC110  a thread cannot set an event of the loop's
            await anyio.sleep(_LOOK_SECONDS)
        thread = self._failure.thread
        name = "a thread" if thread is None else f"the thread {thread.name!r}"
        raise ThreadFailedError(f"{name} has failed") from self._failure.exc_value

    def _notice(self, failure: threading.ExceptHookArgs) -> None:
        if not issubclass(failure.exc_type, SystemExit):
            self._failure = self._failure or failure
