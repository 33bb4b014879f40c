"""Rows that wait in memory to be written.

The present state of a device or a relay waits once, the newest. All else waits in its order, readings beside
the rest: readings are many, and the first to give way where there is no room.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from otel_tickrmeter.store.rows import DeviceState, Reading, RelayState, Row

StateKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """What had been put when it was made."""

    readings: int
    others: int
    states: int


class WaitingRows:
    """Holds rows up to a bound; states, of which there is one for each device and relay, do not count.

    Attributes:
        dropped: Rows that gave way.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._states: dict[StateKey, Row] = {}
        # Those that were taken out last, and may come back.
        self._states_out: dict[StateKey, Row] = {}
        # The states that were put first of those that wait: how many were put before each.
        self._since: dict[StateKey, int] = {}
        self._states_put = 0
        # Those that have come, less those that are here: what has left.
        self._readings_put = 0
        self._others_put = 0
        self._readings: deque[Row] = deque()
        self._others: deque[Row] = deque()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._others) + len(self._readings)

    @property
    def any(self) -> bool:
        """Whether anything waits, states among it."""
        return bool(self._states or self._others or self._readings)

    def put(self, row: Row) -> int:
        """Take a row that comes after all others; returns how many wait, states aside."""
        if type(row) is Reading:
            self._readings.append(row)
            self._readings_put += 1
        else:
            key = state_key(row)
            if key is not None:
                self._states[key] = row
                self._states_put += 1
                self._since.setdefault(key, self._states_put)
            else:
                self._others.append(row)
                self._others_put += 1
        count = len(self._others) + len(self._readings)
        if count > self._capacity:
            self.dropped += 1
            (self._readings or self._others).popleft()
            return self._capacity
        return count

    def mark(self) -> Mark:
        """What has been put so far."""
        return Mark(self._readings_put, self._others_put, self._states_put)

    def past(self, mark: Mark) -> bool:
        """Whether nothing of that is here any more."""
        return (
            self._readings_put - len(self._readings) >= mark.readings
            and self._others_put - len(self._others) >= mark.others
            and all(since > mark.states for since in self._since.values())
        )

    def take(self, limit: int) -> list[Row]:
        """Take out what is next: at most `limit` rows, and all states besides."""
        states = self.take_states()
        rows = [*states, *_from(self._others, limit)]
        rows += _from(self._readings, limit - len(rows) + len(states))
        return rows

    def take_states(self) -> list[Row]:
        """Take out the states."""
        self._states_out, self._states = self._states, {}
        self._since.clear()
        return [*self._states_out.values()]

    def states(self) -> list[Row]:
        """The states that wait, and those that were taken out last: of these nobody knows yet."""
        return [*(self._states_out | self._states).values()]

    def are_safe(self, states: Iterable[Row], copied: Mark) -> None:
        """These states stand in a file, as they were when that mark was made: nobody has to wait for them.

        Whoever has been replaced meanwhile waits since then only: in a busy fleet there always is one.
        """
        for state in states:
            key = state_key(state)
            if key is None or key not in self._since:
                continue
            if self._states[key] is state:
                del self._since[key]
            else:
                self._since[key] = max(self._since[key], copied.states + 1)

    def take_rows(self) -> list[Row]:
        """Take out all but the states."""
        rows = [*self._others, *self._readings]
        self._others.clear()
        self._readings.clear()
        return rows

    def give_back(self, rows: Iterable[Row]) -> None:
        """Put rows back that were taken out and not written, before all others; a newer state stays."""
        readings, others = [], []
        for row in rows:
            key = state_key(row)
            if key is not None:
                self._states.setdefault(key, row)
                self._since[key] = 0
            elif type(row) is Reading:
                readings.append(row)
            else:
                others.append(row)
        self._readings.extendleft(reversed(readings))
        self._others.extendleft(reversed(others))
        while len(self) > self._capacity:
            self.dropped += 1
            (self._readings or self._others).popleft()


def state_key(row: Row) -> StateKey | None:
    """What a state is the state of; None for a row that is none."""
    if type(row) is DeviceState:
        return row.device_id, -1
    return (row.device_id, row.relay_index) if type(row) is RelayState else None


def _from(rows: deque[Row], limit: int) -> Iterable[Row]:
    return [rows.popleft() for _ in islice(range(len(rows)), max(0, limit))]
