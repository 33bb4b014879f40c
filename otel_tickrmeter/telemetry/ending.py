"""The end of what sends in a thread of its own: within a bound, whatever the other side does."""

from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import anyio
from anyio import RunFinishedError, from_thread
from anyio.lowlevel import current_token
from loguru import logger

_END_SECONDS = 1.5


async def end_within_bound(
    end: Callable[[], None], missing: Callable[[], int], what: str, seconds: float = _END_SECONDS
) -> None:
    """Call it in a thread, and wait for it no longer than so many seconds, even when cancelled.

    The thread ends with the program: an export cannot be interrupted. How much is missing then is said.
    """
    done, token = anyio.Event(), current_token()

    def run() -> None:
        end()
        with suppress(RunFinishedError):
            from_thread.run_sync(done.set, token=token)

    with anyio.move_on_after(seconds, shield=True):
        Thread(target=run, name="end of sending", daemon=True).start()
        await done.wait()
    left = missing()
    if left:
        logger.warning("The end cut off the sending of {}: {} did not arrive", what, left)
