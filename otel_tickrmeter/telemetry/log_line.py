"""A line of the program's log as a record; nothing of the SDK."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class RecordOutcome(StrEnum):
    """What became of a log record (`tickrmeter_otlp_log_records_total`)."""

    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class LogLine:
    """Secrets are masked. `level` and `number` are loguru's; `exception` is empty without one."""

    unix_ns: int
    level: str
    number: int
    logger: str
    message: str
    function: str = ""
    line: int = 0
    exception: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)


class LineCounts(Protocol):
    """Counts what becomes of lines."""

    def counts(self) -> Mapping[RecordOutcome, int]:
        """What became of all but those that wait."""
