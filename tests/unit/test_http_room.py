"""Room for large responses: who gets a place, who waits, who gives way."""

from dataclasses import dataclass, field

import anyio
import pytest

from otel_tickrmeter.http.room import Room
from tests.support.waiting import until

FOR_EVER = 3600.0


@dataclass(eq=False)
class Sender:
    waited: float = 0.0
    gave_up: bool = False
    got: list[bool] = field(default_factory=list)

    def waited_seconds(self) -> float:
        return self.waited

    def give_up(self) -> None:
        self.gave_up = True

    def stop(self) -> None:
        """Nothing to end."""

    async def enter(self, room: Room) -> None:
        self.got.append(await room.enter(self))


def test_a_place_that_is_free_is_given_at_once() -> None:
    async def run() -> None:
        room = Room(2, FOR_EVER, 0)
        first, second, third = Sender(), Sender(), Sender()
        for sender in (first, second, third):
            await sender.enter(room)
        assert (first.got, second.got, third.got) == ([True], [True], [False])
        room.leave(third)  # it had none
        room.leave(first)
        await third.enter(room)
        assert third.got == [False, True]

    anyio.run(run)


def test_the_last_to_come_is_the_first_to_be_served() -> None:
    async def run() -> None:
        room = Room(1, FOR_EVER, FOR_EVER)
        holder, earlier, later = Sender(), Sender(), Sender()
        await holder.enter(room)
        async with anyio.create_task_group() as tasks:
            for sender in (earlier, later):
                tasks.start_soon(sender.enter, room)
                await anyio.wait_all_tasks_blocked()
            room.leave(holder)
            await until(lambda: later.got == [True])
            assert earlier.got == []
            room.leave(later)
        assert earlier.got == [True]

    anyio.run(run)


@pytest.mark.parametrize("late", [False, True])
def test_whose_reader_lets_it_wait_longest_gives_way(late: bool) -> None:  # noqa: FBT001  pytest's way
    async def run() -> None:
        room = Room(2, 1.0, FOR_EVER)
        slow, slower, newcomer, last = Sender(1.5), Sender(2.0), Sender(), Sender()
        if late:
            slow.waited = slower.waited = 0.9
        await slow.enter(room)
        await slower.enter(room)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(newcomer.enter, room)
            if late:
                await anyio.wait_all_tasks_blocked()
                assert newcomer.got == []
                slower.waited = 1.0
        assert newcomer.got == [True]
        assert (slow.gave_up, slower.gave_up) == (False, True)
        room.leave(slower)  # its place is not there to be given back
        room.refuse_one()
        with anyio.move_on_after(0):
            slow.waited = 0.0
            await last.enter(room)
        assert last.got == []

    anyio.run(run)


def test_who_has_waited_longest_is_refused_first() -> None:
    async def run() -> None:
        room = Room(1, FOR_EVER, FOR_EVER)
        earlier, later = Sender(), Sender()
        await Sender().enter(room)
        assert room.refuse_one() is None
        async with anyio.create_task_group() as tasks:
            for sender in (earlier, later):
                tasks.start_soon(sender.enter, room)
                await anyio.wait_all_tasks_blocked()
            assert room.refuse_one() is earlier
            await until(lambda: earlier.got == [False])
            assert later.got == []
            assert room.refuse_one() is later
        assert later.got == [False]

    anyio.run(run)


def test_who_leaves_while_waiting_is_forgotten() -> None:
    async def run() -> None:
        room = Room(1, FOR_EVER, FOR_EVER)
        holder, gone = Sender(), Sender()
        await holder.enter(room)
        with anyio.move_on_after(0):
            await gone.enter(room)
        room.leave(holder)
        assert room.refuse_one() is None
        await holder.enter(room)
        assert holder.got == [True, True]

    anyio.run(run)
