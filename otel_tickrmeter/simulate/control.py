"""What may be wanted of a run while it goes on."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


def _never() -> bool:
    return False


def _nothing(_: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class RunControl:
    """Hands on a run.

    Attributes:
        stop: Ends it early, cleanly, when it is set.
        held: Whether to send nothing for now; the times of what is planned then move on.
        advance: Told how many messages were sent.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    held: Callable[[], bool] = _never
    advance: Callable[[int], None] = _nothing
