"""One planned message of a simulated fleet, and what it means."""

from typing import Generic, NamedTuple, TypeVar

MeaningT = TypeVar("MeaningT", covariant=True)  # noqa: PLC0105  a fleet's own; read only


class Planned(NamedTuple, Generic[MeaningT]):
    """A message, due `at_seconds` after the start. `topic` is without the prefix.

    With `retain` the broker is to keep it. With `will` the broker publishes it itself: it is the last will of
    a connection that breaks then.
    """

    at_seconds: float
    topic: str
    payload: bytes
    meaning: MeaningT
    retain: bool = False
    will: bool = False
