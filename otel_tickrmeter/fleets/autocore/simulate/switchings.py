"""What is true of relays: rule 9 of docs/autocore.md, and of 10 what is about them."""

from collections import Counter
from typing import NamedTuple

RelayKey = tuple[str, int]
"""A device id, and the number of the relay, from 0."""

_EXPLAINED_SECONDS = 2.0
_NOBODY = "other"
_NO_ROW = "None"


class Heard(NamedTuple):
    """How a message came that tells of relays.

    Attributes:
        left: When it left, Unix seconds.
        stamp: When it was, as its device says; None: nobody can trust that.
        burst: It was too much.
        switching: It came because something was switched.
    """

    left: float
    stamp: float | None
    burst: bool
    switching: bool


class Switchings:
    """Takes what is told of relays, in its order.

    Attributes:
        states: How they are.
        told: Those of which their boards themselves told.
        changed: When they were switched last, as their boards say, Unix seconds.
        changed_about: The same of boards whose clocks say nothing: when the message left.
        repeats: How often a state was told again.
        came: How many switchings there were, late ones among them, by device.
    """

    def __init__(self) -> None:
        self.states: dict[RelayKey, bool] = {}
        self.told: set[RelayKey] = set()
        self.changed: dict[RelayKey, float] = {}
        self.changed_about: dict[RelayKey, float] = {}
        self.repeats: Counter[str] = Counter()
        self.came: Counter[str] = Counter()
        self._changes: Counter[tuple[str, int, str]] = Counter()
        self._events: Counter[tuple[str, int, str]] = Counter()
        # Those that nobody has explained yet: when they were told.
        self._waiting: dict[RelayKey, float] = {}

    @property
    def changes(self) -> Counter[tuple[str, int, str]]:
        """All switchings by device, relay and cause."""
        return self._changes + Counter((*key, _NOBODY) for key in self._waiting)

    @property
    def events(self) -> Counter[tuple[str, int, str]]:
        """Those that are to be stored, late ones among them."""
        return self._events + Counter((*key, _NO_ROW) for key in self._waiting)

    def fill(self, key: RelayKey, *, state: bool) -> None:
        """It was so when the broker was told last."""
        self.states[key] = state

    def late(self, key: RelayKey, trigger: str, *, burst: bool) -> None:
        """It was switched before, and somebody tells that now."""
        self.came[key[0]] += 1
        if not burst:
            self._events[*key, trigger] += 1

    def tell(self, key: RelayKey, trigger: str | None, heard: Heard, *, state: bool) -> None:
        """It is so, and `trigger` is why; None: that is not said."""
        self.told.add(key)
        before = self.states.get(key)
        since = self._waiting.get(key)
        if since is not None and (before is not state or heard.left - since > _EXPLAINED_SECONDS):
            self._give_up(key)
            since = None
        if before is state:
            if since is not None and trigger is not None:
                del self._waiting[key]
                self._count(key, trigger, trigger, burst=False)
            else:
                self.repeats[key[0]] += 1
            return
        self.states[key] = state
        if before is None and not heard.switching:
            return
        self.came[key[0]] += 1
        self.changed.pop(key, None)
        self.changed_about.pop(key, None)
        if heard.stamp is not None:
            self.changed[key] = heard.stamp
        else:
            self.changed_about[key] = heard.left
        if trigger is None:
            self._waiting[key] = heard.left
        else:
            self._count(key, trigger, trigger, burst=heard.burst)

    def _give_up(self, key: RelayKey) -> None:
        del self._waiting[key]
        self._count(key, _NOBODY, _NO_ROW, burst=False)

    def _count(self, key: RelayKey, cause: str, stored: str, *, burst: bool) -> None:
        self._changes[*key, cause] += 1
        if not burst:
            self._events[*key, stored] += 1
