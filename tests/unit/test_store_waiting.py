"""Rows that wait in memory: states once, readings the first to give way, and nothing lost uncounted."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.store.rows import DeviceState, Event, Reading, RelayState, Row
from otel_tickrmeter.store.waiting import WaitingRows, state_key

AT = datetime(2026, 1, 28, tzinfo=UTC)


def reading(number: int) -> Reading:
    return Reading(f"k-{number}", "a", "voltage", float(number), AT, AT)


def event(number: int) -> Event:
    return Event(f"k-{number}", "a", "system", AT)


def device(status: str, name: str = "a") -> DeviceState:
    return DeviceState(name, AT, status, is_online=status == "online")


def relay(number: int, *, state: bool) -> RelayState:
    return RelayState("a", number, state, AT)


def waiting(*rows: Row, capacity: int = 100) -> WaitingRows:
    made = WaitingRows(capacity)
    for row in rows:
        made.put(row)
    return made


def test_a_state_waits_once_for_each_device_and_relay() -> None:
    queue = waiting(
        device("online"),
        relay(0, state=True),
        device("online", "b"),
        relay(1, state=True),
        device("offline"),
        relay(0, state=False),
    )
    assert len(queue) == 0
    assert queue.any
    assert queue.take(1) == [
        device("offline"),
        relay(0, state=False),
        device("online", "b"),
        relay(1, state=True),
    ]
    assert not queue.any


def test_rows_are_taken_in_their_order_readings_last() -> None:
    queue = waiting(reading(1), event(1), reading(2), event(2), device("online"))
    assert queue.take(3) == [device("online"), event(1), event(2), reading(1)]
    assert queue.take(3) == [reading(2)]


def test_the_limit_holds_whatever_waits() -> None:
    queue = waiting(event(1), event(2), event(3), reading(1))
    assert queue.take(2) == [event(1), event(2)]
    assert queue.take(2) == [event(3), reading(1)]
    assert queue.take(2) == []


def test_the_oldest_reading_gives_way_first_and_then_the_oldest_of_the_rest() -> None:
    queue = waiting(reading(1), event(1), reading(2), capacity=3)
    queue.put(event(2))
    assert (queue.dropped, len(queue)) == (1, 3)
    queue.put(event(3))
    queue.put(event(4))
    assert queue.dropped == 3
    assert queue.take(10) == [event(2), event(3), event(4)]


def test_what_is_given_back_comes_first_and_a_newer_state_stays() -> None:
    queue = waiting(device("online"), relay(0, state=True), event(1), reading(1), reading(2))
    taken = queue.take(2)
    queue.put(device("offline"))
    queue.put(event(2))
    queue.give_back(taken)
    assert queue.take(10) == [
        device("offline"),
        relay(0, state=True),
        event(1),
        event(2),
        reading(1),
        reading(2),
    ]


def test_what_is_given_back_may_find_no_room() -> None:
    queue = waiting(event(1), event(2), reading(1), capacity=3)
    taken = queue.take(3)
    queue.put(event(3))
    queue.put(event(4))
    queue.give_back(taken)
    assert queue.dropped == 2
    assert queue.take(10) == [event(2), event(3), event(4)]


def test_rows_and_states_can_be_taken_apart() -> None:
    queue = waiting(device("online"), event(1), reading(1))
    assert queue.take_rows() == [event(1), reading(1)]
    assert queue.take_states() == [device("online")]
    assert not queue.any


@pytest.mark.parametrize(
    ("row", "key"),
    [(device("online"), ("a", -1)), (relay(3, state=True), ("a", 3)), (event(1), None), (reading(1), None)],
)
def test_what_a_row_is_the_state_of(row: Row, key: tuple[str, int] | None) -> None:
    assert state_key(row) == key


@given(
    st.lists(
        st.one_of(
            st.integers(0, 3).map(lambda number: ("state", number)),
            st.integers().map(lambda number: ("event", number)),
            st.integers().map(lambda number: ("reading", number)),
            st.integers(1, 4).map(lambda limit: ("take", limit)),
            st.just(("fail", 0)),
        )
    )
)
def test_every_row_is_taken_waits_or_was_dropped(steps: list[tuple[str, int]]) -> None:
    queue = WaitingRows(5)
    put = taken = 0
    batch: list[Row] = []
    newest: dict[int, bool] = {}
    written: dict[int, bool] = {}
    for number, (step, value) in enumerate(steps):
        if step == "state":
            newest[value] = bool(number % 2)
            queue.put(relay(value, state=newest[value]))
        elif step == "fail":
            queue.give_back(batch)
            taken -= sum(state_key(row) is None for row in batch)
            for row in batch:
                if isinstance(row, RelayState):
                    written.pop(row.relay_index, None)
            batch = []
        elif step == "take":
            batch = queue.take(value)
            taken += sum(state_key(row) is None for row in batch)
            assert sum(state_key(row) is None for row in batch) <= value
            written |= {row.relay_index: row.current_state for row in batch if isinstance(row, RelayState)}
        else:
            put += 1
            queue.put(event(value) if step == "event" else reading(value))
        assert len(queue) <= 5
        assert put == taken + len(queue) + queue.dropped
    written |= {row.relay_index: row.current_state for row in queue.take(0) if isinstance(row, RelayState)}
    assert written == newest


def test_what_was_put_before_a_mark_is_past_when_all_of_it_has_left() -> None:
    queue = waiting(reading(1), event(1), device("online"))
    mark = queue.mark()
    queue.put(reading(2))
    queue.put(relay(1, state=True))
    assert not queue.past(mark)
    taken = queue.take(2)
    assert taken == [device("online"), relay(1, state=True), event(1), reading(1)]
    assert queue.past(mark)
    # What comes later is none of its affair.
    queue.put(device("offline"))
    queue.put(event(2))
    assert queue.past(mark)
    queue.give_back(taken)
    assert not queue.past(mark)
    queue.take_rows()
    assert not queue.past(mark)
    queue.take_states()
    assert queue.past(mark)


def test_a_state_that_is_replaced_is_as_old_as_the_first_of_them() -> None:
    queue = waiting(device("online"))
    mark = queue.mark()
    queue.put(device("offline"))
    assert not queue.past(mark)
    queue.take_states()
    assert queue.past(mark)


def test_nobody_waits_for_a_state_that_is_in_a_file() -> None:
    queue = waiting(device("online"), device("online", "b"))
    mark = copied = queue.mark()
    states = queue.states()
    # As always in a busy fleet, one is replaced while the file is written.
    queue.put(device("offline", "b"))
    newer = queue.mark()
    assert not queue.past(mark)
    queue.are_safe(states, copied)
    assert queue.past(mark)
    assert not queue.past(newer)
    queue.are_safe(queue.states(), newer)
    queue.are_safe(states, copied)
    assert queue.past(newer)
    assert queue.take_states() == [device("online"), device("offline", "b")]


def test_states_that_are_being_written_are_copied_too() -> None:
    queue = waiting(device("online"), device("online", "b"))
    taken = queue.take(10)
    queue.put(device("offline", "b"))
    assert queue.states() == [device("online"), device("offline", "b")]
    queue.give_back(taken)
    assert queue.states() == [device("online"), device("offline", "b")]
    assert [*queue.take_states()] == [device("offline", "b"), device("online")]


def test_what_gave_way_is_past() -> None:
    queue = waiting(reading(1), reading(2), capacity=2)
    mark = queue.mark()
    queue.put(reading(3))
    queue.put(reading(4))
    assert queue.past(mark)
    assert queue.dropped == 2
