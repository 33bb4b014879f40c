"""Obeys orders beside the work: for work that has a connection to tend while it is paused."""

import threading
from types import TracebackType
from typing import Self

from otel_tickrmeter.jobs.blueprint import Stopped, Work

_EVERY_SECONDS = 0.05


class Hold:
    """Waits at checkpoints in a thread of its own, while the context lasts.

    Attributes:
        stop: Set when the worker is to end.
    """

    def __init__(self, work: Work) -> None:
        self.stop = threading.Event()
        self._work = work
        self._over = threading.Event()
        self._held = False
        self._thread = threading.Thread(target=self._obey, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not waited for: it may be paused, and the work is over all the same.
        self._over.set()

    def held(self) -> bool:
        """Whether the worker is paused."""
        return self._held

    def _obey(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self._held = True
            try:
                self._work.checkpoint()
            except Stopped:
                self.stop.set()
                return
            finally:
                self._held = False
