"""One planned message of a simulated fleet, and what it means."""

from typing import Generic, NamedTuple, TypeVar

MeaningT = TypeVar("MeaningT", covariant=True)  # noqa: PLC0105  a fleet's own; read only


class Planned(NamedTuple, Generic[MeaningT]):
    """A message, due `at_seconds` after the start. `topic` is without the prefix."""

    at_seconds: float
    topic: str
    payload: bytes
    meaning: MeaningT
