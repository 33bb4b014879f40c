"""Counts what becomes of what is passed on in batches to an exporter of the SDK's."""

from collections.abc import Callable

from loguru import logger


class Passing:
    """So many were passed on; `begun` are those that no longer wait.

    Args:
        what: What they are called in the log.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self.begun = self.succeeded = self.failed = 0

    def count(self, size: int, export: Callable[[], bool]) -> bool:
        """Have a batch passed on; whether that succeeded. Raises nothing."""
        self.begun += size
        done = False
        try:
            done = export()
        except Exception as error:  # noqa: BLE001  an exporter's bug must not end the sending
            logger.debug("OTLP export of {} raised {!r}", self._what, error)
        if done:
            self.succeeded += size
        else:
            self.failed += size
        return done
