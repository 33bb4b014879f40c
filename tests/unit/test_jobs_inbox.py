"""The inbox of the controller: its bound, its order, and what it merges."""

from otel_tickrmeter.jobs.inbox import FromShard, Inbox
from otel_tickrmeter.jobs.wire import Completed, Progress


def progress(worker: str, current: int) -> FromShard:
    return FromShard("0", Progress(worker, current, 10, 1))


def test_newer_progress_takes_the_place_of_what_waits_and_no_tick_is_lost() -> None:
    inbox: Inbox[FromShard] = Inbox()
    for message in (progress("a", 1), progress("b", 5), progress("a", 2), progress("a", 3)):
        assert inbox.put(message)
    assert (len(inbox), inbox.merged) == (2, 2)
    assert inbox.take() == FromShard("0", Progress("a", 3, 10, 3))
    assert inbox.take() == progress("b", 5)
    assert inbox.put(progress("a", 4))
    assert inbox.merged == 2


def test_a_full_inbox_takes_nothing_but_what_it_can_merge() -> None:
    inbox: Inbox[FromShard] = Inbox(2)
    done = FromShard("0", Completed("a", {}))
    assert inbox.put(done)
    assert inbox.put(progress("b", 1))
    assert not inbox.put(done)
    assert not inbox.put(progress("c", 1))
    assert inbox.put(progress("b", 2))
    assert [inbox.take(), inbox.take()] == [done, FromShard("0", Progress("b", 2, 10, 2))]
    assert inbox.put(done)


def test_two_ends_of_one_worker_are_two_messages() -> None:
    inbox: Inbox[FromShard] = Inbox()
    inbox.put(FromShard("0", Completed("a", {"n": 1})))
    inbox.put(FromShard("0", Completed("a", {"n": 2})))
    assert (len(inbox), inbox.merged) == (2, 0)
