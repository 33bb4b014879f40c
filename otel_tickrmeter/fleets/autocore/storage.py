"""What is wrong now with the database, with what waits for it, and with what it is to keep.

Each trouble is the state behind an alert, and has that one's runbook.
"""

from collections.abc import Callable
from dataclasses import dataclass

from otel_tickrmeter.insight.growth import Growth
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.views.glance import Trouble

_LATELY_NS = 600 * SECOND_NS
_HOUR_NS = 3_600 * SECOND_NS
_FULL = 0.5
_BAD = 0.05


@dataclass(frozen=True, slots=True)
class Storage:
    """How the database is, and what waits; counts are since the start.

    Attributes:
        up: Whether the database took what it was given last; None: not known, or there is none.
        waiting: Rows that wait in memory.
        spool_rows: Rows that wait in files.
        spool_share: How full these are, 0 to 1.
        dead_letters: Rows of that table; None while not known.
        messages: Messages of the fleet.
        faulty: Those with something that cannot be read.
        refused: Rows that the database refused.
        lost: What gave way or found no place, by where: rows in memory, rows in files, notices.
    """

    up: bool | None = None
    waiting: int = 0
    spool_rows: int = 0
    spool_share: float = 0.0
    dead_letters: int | None = None
    messages: int = 0
    faulty: int = 0
    refused: int = 0
    lost: tuple[int, int, int] = (0, 0, 0)


class StorageTroubles:
    """Says what is wrong.

    Args:
        look: Gives how it is now; quick.
    """

    def __init__(self, look: Callable[[], Storage]) -> None:
        self._look = look
        self._lately = Growth(_LATELY_NS)
        self._hour = Growth(_HOUR_NS)

    def passed(self, now_ns: int) -> None:
        """Let time pass: counts are looked at a few times a minute, whether somebody asks or not."""
        if self._lately.due(now_ns):
            storage = self._look()
            self._lately.note(now_ns, _counts(storage))
            if self._hour.due(now_ns):
                self._hour.note(now_ns, (storage.refused,))

    def now(self) -> tuple[Trouble, ...]:
        """What is wrong now."""
        storage = self._look()
        found = (self._down(storage), self._filling(storage), self._lost(storage))
        return tuple(
            each for each in (*found, self._refused(storage), self._bad(storage)) if each is not None
        )

    def _down(self, storage: Storage) -> Trouble | None:
        if storage.up is not False:
            return None
        text = (
            f"The database takes no rows: {storage.waiting:,} wait in memory,"
            f" {storage.spool_rows:,} in the spool"
        )
        return Trouble(text, "autocore.md#autocoredatabasedown")

    def _filling(self, storage: Storage) -> Trouble | None:
        if storage.spool_share <= _FULL:
            return None
        percent = round(100 * storage.spool_share)
        text = f"The spool is {percent} % full: when it is full, the oldest readings are lost"
        return Trouble(text, "autocore.md#autocorespoolfilling")

    def _lost(self, storage: Storage) -> Trouble | None:
        memory, files, notices = self._lately.grown(_counts(storage))[2:]
        places = (("rows in memory", memory), ("rows in the spool", files), ("notices", notices))
        lost = ", ".join(f"{count:,} {where}" for where, count in places if count > 0)
        if not lost:
            return None
        return Trouble(f"Lost for want of room within ten minutes: {lost}", "autocore.md#autocorerowslost")

    def _refused(self, storage: Storage) -> Trouble | None:
        (refused,) = self._hour.grown((storage.refused,))
        if not refused:
            return None
        text = f"The database refused {refused:,} rows within an hour, which are dead letters now"
        return Trouble(text, "autocore.md#autocorerowsrefused")

    def _bad(self, storage: Storage) -> Trouble | None:
        messages, faulty, *_ = self._lately.grown(_counts(storage))
        if faulty <= _BAD * messages:
            return None
        kept = "" if storage.dead_letters is None else f"; {storage.dead_letters:,} dead letters are kept"
        text = f"{faulty:,} of the {messages:,} messages of ten minutes have something that cannot be read"
        return Trouble(f"{text}{kept}", "autocore.md#autocoremessagesbad")


def _counts(storage: Storage) -> tuple[int, ...]:
    return (storage.messages, storage.faulty, *storage.lost)
