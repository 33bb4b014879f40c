"""Series and their slots: which place in the columns of its instruments a series has.

Instruments with the same attribute keys share one table, so that a pair of device and symbol has one slot
and its label text once, however many instruments record it. Slots are reused, which the SDK never does.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from opentelemetry.util.types import Attributes

from otel_tickrmeter.catalogue.attributes import AttributeSet

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def label_text(attributes: Mapping[str, object]) -> str:
    """Render attributes as they stand between the braces of an exposition line.

    The attribute keys must be valid label names; the catalogue has no others.
    """
    return ",".join([f'{key}="{str(value).translate(_ESCAPES)}"' for key, value in attributes.items()])


def cached_label_text(attributes: Mapping[str, object]) -> str:
    """Render attributes once for each AttributeSet."""
    if not isinstance(attributes, AttributeSet):
        return label_text(attributes)
    try:
        return attributes.label_text
    except AttributeError:
        attributes.label_text = label_text(attributes)
        return attributes.label_text


class Column(Protocol):
    """What an instrument keeps for each slot."""

    def resize(self, slots: int) -> None:
        """Make room for this many slots."""

    def clear(self, slot: int) -> None:
        """Forget what was recorded in the slot."""


class SeriesTable:
    """The series of one set of attribute keys. A slot without a series has None in `labels`.

    Args:
        keys: The attributes that tell series apart; others are dropped, as an OpenTelemetry view does.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = tuple(keys)
        self.slots: dict[AttributeSet, int] = {}
        self.labels: list[str | None] = []
        self.attributes: list[AttributeSet | None] = []
        self._by_values: dict[tuple[object, ...], int] = {}
        self._free: list[int] = []
        self._columns: list[Column] = []
        self._room = 0

    def add_column(self, column: Column) -> None:
        """Let an instrument follow the table's size."""
        self._columns.append(column)
        column.resize(self._room)

    def slot(self, attributes: Attributes) -> int:
        """The slot of a series, admitting it if it is new. Keys that are missing are empty."""
        given: Mapping[str, object] = attributes or {}
        values = tuple([given.get(key, "") for key in self.keys])
        slot = self._by_values.get(values)
        if slot is None:
            slot = self._admit(values, given)
        if isinstance(attributes, AttributeSet):
            self.slots[attributes] = slot
        return slot

    def end(self, attributes: AttributeSet) -> None:
        """Forget the attribute set, and the series if it is the series' whole identity.

        A set that the keys reduce does not own its series. Such sets must be ended before the owner is.
        """
        self.slots.pop(attributes, None)
        if len(attributes) != len(self.keys):
            return
        # By value: reduced sets may have made the series, and its owner never have been recorded.
        slot = self._by_values.pop(tuple([attributes.get(key) for key in self.keys]), None)
        if slot is None:
            return
        self.labels[slot] = None
        self.attributes[slot] = None
        self._free.append(slot)
        for column in self._columns:
            column.clear(slot)

    def _admit(self, values: tuple[object, ...], given: Mapping[str, object]) -> int:
        if isinstance(given, AttributeSet) and len(given) == len(self.keys):
            own = given
        else:
            own = AttributeSet({key: str(v) for key, v in zip(self.keys, values, strict=True)})
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self.labels)
            self.labels.append(None)
            self.attributes.append(None)
            if slot >= self._room:
                self._room = max(16, self._room + self._room // 4)
                for column in self._columns:
                    column.resize(self._room)
        self.labels[slot] = label_text(own)
        self.attributes[slot] = own
        self._by_values[values] = slot
        return slot
