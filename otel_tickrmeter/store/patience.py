"""PostgreSQL's connections with an end to all waiting.

The server ends a statement that takes too long, and the kernel a connection whose other side is gone. Neither
helps with a server that stands still (a paused container), since its kernel goes on answering for it.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection

ANSWER_SECONDS = 15.0
"""Longer than the server gives a statement, which then has the word."""

_T = TypeVar("_T")
_CHECK_SECONDS = 0.1


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server answers nothing for `answer_seconds`."""

    answer_seconds = ANSWER_SECONDS

    def wait(  # type: ignore[override]  # a timeout of the caller's is of newer versions, and for notifications
        self,
        gen: Generator[Any, Any, _T],
        interval: float = _CHECK_SECONDS,
        **more: Any,  # noqa: ANN401
    ) -> _T:
        """Wait for what the server has to say.

        Raises:
            psycopg.OperationalError: it says nothing, and the connection is closed.
        """
        return super().wait(self._bounded(gen), interval, **more)

    def _bounded(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        deadline = time.monotonic() + self.answer_seconds
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                # It is nothing ready when psycopg has waited for `interval`.
                if not ready and time.monotonic() > deadline:
                    gen.close()
                    self.close()
                    raise psycopg.OperationalError(f"no answer within {self.answer_seconds:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            value: _T = end.value
            return value


@contextmanager
def unhurried(connection: Connection, seconds: float) -> Iterator[None]:
    """Let the server have so many seconds for each answer on this connection of PostgreSQL."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, PatientConnection):
        raise TypeError("no connection of ours")
    driver.answer_seconds = seconds
    try:
        yield
    finally:
        driver.answer_seconds = ANSWER_SECONDS
