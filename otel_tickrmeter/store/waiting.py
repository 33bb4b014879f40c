"""Rows that wait in memory to be written.

The present state of a device or a relay waits once, the newest. All else waits in its order, readings beside
the rest: readings are many, and the first to give way where there is no room.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from otel_tickrmeter.store.rows import DeviceState, Reading, RelayState, Row

StateKey = tuple[str, int]


class WaitingRows:
    """Holds rows up to a bound; states, of which there is one for each device and relay, do not count.

    Attributes:
        dropped: Rows that gave way.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._states: dict[StateKey, Row] = {}
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
        else:
            key = state_key(row)
            if key is not None:
                self._states[key] = row
            else:
                self._others.append(row)
        count = len(self._others) + len(self._readings)
        if count > self._capacity:
            self.dropped += 1
            (self._readings or self._others).popleft()
            return self._capacity
        return count

    def take(self, limit: int) -> list[Row]:
        """Take out what is next: at most `limit` rows, and all states besides."""
        rows = [*self._states.values(), *_from(self._others, limit)]
        rows += _from(self._readings, limit - len(rows) + len(self._states))
        self._states.clear()
        return rows

    def take_states(self) -> list[Row]:
        """Take out the states."""
        states = [*self._states.values()]
        self._states.clear()
        return states

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
