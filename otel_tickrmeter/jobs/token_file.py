"""The file of tokens as it is now: read again when it has changed.

It is looked at for each request, in a thread, one look at a time: a disk that stands still keeps those who
ask, and nobody else. A file that is at fault lets nobody in.
"""

from collections.abc import Sequence
from pathlib import Path

import anyio
from anyio import to_thread
from loguru import logger

from otel_tickrmeter.jobs.asked import Caller
from otel_tickrmeter.jobs.tokens import TokenEntry, caller_of, read_tokens
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.whole_file import FileState, read_whole, state_of


class TokensUnusableError(Exception):
    """The file is at fault; the log says how."""


class TokenFile:
    """Knows whose tokens are whose."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._look = anyio.CapacityLimiter(1)
        self._state: FileState = None
        self._entries: Sequence[TokenEntry] | None = None
        self._begun = False

    async def caller(self, token: str) -> Caller | None:
        """Whose token it is; None: nobody's.

        Raises:
            TokensUnusableError: Nobody can say.
        """
        entries = await to_thread.run_sync(self._current, limiter=self._look, abandon_on_cancel=True)
        if entries is None:
            raise TokensUnusableError
        return caller_of(entries, token)

    def _current(self) -> Sequence[TokenEntry] | None:
        state = state_of(self._path)
        if self._begun and state == self._state:
            return self._entries
        # Noted before it is read: what changes meanwhile is read once more.
        self._state = state
        try:
            self._entries = _read(self._path)
        except SettingsError as error:
            self._entries = None
            for fault in error.faults:
                logger.error("Jobs: nobody can use a token: {}", fault)
        else:
            if self._begun:
                logger.info("Jobs: {} has changed, and was read anew", self._path)
        self._begun = True
        return self._entries


def check_tokens_file(path: Path) -> tuple[Fault, ...]:
    """Everything that is wrong with a file."""
    try:
        _read(path)
    except SettingsError as error:
        return error.faults
    return ()


def _read(path: Path) -> Sequence[TokenEntry]:
    return read_tokens(read_whole(path), str(path))
