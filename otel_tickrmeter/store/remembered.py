"""What a connection remembers from one batch to the next, so that it asks for nothing it has seen.

To ask for the ids of a thousand readings' sensors took as long as to write the readings, and so did to mark
hours that are marked.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection

_HOUR = timedelta(hours=1)
_MOST_IDS = 20_000
"""Of sensors: some 4 MB. With more, all are asked for anew now and then."""
_NAME = "remembered"


class Remembered:
    """The ids of devices and sensors, and what is marked of hours that are not over.

    It lives as long as the connection to the server or file, and ends with each rollback. When another
    program has changed the database, SQLite says so. PostgreSQL never gives an id a second time; a row that
    refers to one that is gone is refused, and then written with what is asked for anew (`writer.py`).

    Attributes:
        relied: Whether anything of it was used in this transaction.
    """

    def __init__(self) -> None:
        self.devices: dict[str, int] = {}
        self.sensors: dict[tuple[str, str], int] = {}
        self.relied = False
        self._marked: dict[datetime, set[int]] = {}
        self._version: int | None = None

    def begin(self, connection: Connection) -> None:
        """A transaction begins, which nobody else's change can come into the middle of."""
        self.relied = False
        if connection.dialect.name == "sqlite":
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            if version != self._version:
                self.forget()
                self._version = version
        if len(self.sensors) > _MOST_IDS or len(self.devices) > _MOST_IDS:
            self.forget()

    def unmarked(self, hour: datetime, sensors: set[int], now: datetime | None) -> Iterable[int]:
        """Those of an hour's sensors that have to be marked; from now on they are, if the hour is not over.

        Marks of hours that are over are taken away by whoever rolls up, in this program or another.
        """
        if now is None or now >= hour + _HOUR:
            return sensors
        if hour not in self._marked:
            self._marked = {other: ids for other, ids in self._marked.items() if now < other + _HOUR}
        marked = self._marked.setdefault(hour, set())
        missing = sensors - marked
        marked |= missing
        return missing

    def forget(self) -> None:
        """Know nothing."""
        self.devices.clear()
        self.sensors.clear()
        self._marked.clear()


def remembered(connection: Connection) -> Remembered:
    """What this connection remembers."""
    memory: Remembered = connection.info.setdefault(_NAME, Remembered())
    return memory


def forget(connection: Connection) -> None:
    """Forget what may have been of a transaction that left nothing."""
    if not connection.invalidated:  # what was remembered is gone with such a one
        remembered(connection).forget()
