"""A thread that fails is noticed by who runs the others."""

import sys
import threading
from collections.abc import Callable

import anyio
import pytest

from otel_tickrmeter.threads import ThreadFailedError, ThreadWatch


def fail() -> None:
    raise LookupError("made to fail")


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()


def test_a_failure_is_raised_with_its_cause_and_once_more_the_usual_hook_is_there() -> None:
    usual = threading.excepthook
    with ThreadWatch() as threads:
        in_a_thread(fail)
        with pytest.raises(ThreadFailedError, match="'worker' has failed") as raised:
            anyio.run(threads.watch)
    assert isinstance(raised.value.__cause__, LookupError)
    assert threading.excepthook is usual


def test_a_thread_that_leaves_has_not_failed() -> None:
    async def watch() -> None:
        with anyio.move_on_after(0.05) as scope:
            await threads.watch()
        assert scope.cancelled_caught

    with ThreadWatch() as threads:
        in_a_thread(lambda: sys.exit(3))
        in_a_thread(lambda: None)
        anyio.run(watch)
