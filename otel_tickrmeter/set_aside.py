"""What is done with a message that was set aside, as a whole or in part: told in the log, and kept.

Anybody may publish such messages, as many as the broker takes. So most cost a look into a table and no
more, and what a line shows of them is short, printable ASCII.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from loguru import logger

from otel_tickrmeter.letters.escape import escaped, payload_shown
from otel_tickrmeter.letters.letter import Letter
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.limiter import Limiter
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason

# A broker sends them by itself, at every reconnect.
_USUAL: frozenset[StrEnum] = frozenset({ErrorReason.RETAINED, ErrorReason.DUPLICATE})
# Those of a payload that is no JSON object at all. The words for them are those of AutoCore's document.
_UNPARSED: frozenset[StrEnum] = frozenset(
    {ErrorReason.EMPTY, ErrorReason.BAD_UTF8, ErrorReason.BAD_JSON, ErrorReason.NOT_OBJECT}
)
_NS_PER_MS = 1_000_000
MOST_TOLD = 20


class Told(NamedTuple):
    """One that the log told of, all texts in printable ASCII; `unix_ns` is its arrival.

    `times` is how many of its kind there were since the one before.
    """

    unix_ns: int
    message_type: str
    reason: str
    device: str
    topic: str
    sample: str
    times: int


class SetAside:
    """Takes messages that were set aside.

    Args:
        letters: Keeps them; None when nothing is to be kept.
        unix_offset_ns: Unix time less monotonic time.

    Attributes:
        told: The last MOST_TOLD that were worth a line, the oldest first.
    """

    def __init__(
        self,
        letters: LetterWriter | None,
        unix_offset_ns: Callable[[], int],
    ) -> None:
        self._letters = letters
        self._unix_offset_ns = unix_offset_ns
        self._limiter = Limiter()
        self.told: deque[Told] = deque(maxlen=MOST_TOLD)

    def take(
        self,
        message_type: StrEnum,
        message: Message,
        reasons: Iterable[StrEnum],
        sender: Callable[[Any, Message], bytes | None],
    ) -> None:
        """Tell of a message in the log, when a line is due for one of its reasons, and keep it.

        `sender` reads its device id, as it is spelled there; None when it cannot be read.
        """
        distinct = sorted(set(reasons))
        for reason in distinct:
            count = self._limiter.count_due((message_type, reason), message.arrived_ns)
            if count:
                level = "DEBUG" if reason in _USUAL else "WARNING"
                device = sender(message_type, message)
                others = [other for other in distinct if other != reason]
                begin = (
                    "Failed to parse message" if reason in _UNPARSED else "Set aside, as a whole or in part"
                )
                what = f"{begin}: {message_type} ({reason})"
                logger.log(level, _line(what, device, message, others, count))
                if reason not in _USUAL:
                    self._remember(message_type, message, reason, device, count)
        faults = [reason for reason in distinct if reason not in _USUAL]
        if faults and self._letters is not None:
            self._letters.post(
                Letter(
                    (message.arrived_ns + self._unix_offset_ns()) // _NS_PER_MS,
                    message.topic,
                    message.qos,
                    message.retain,
                    message.duplicate,
                    message_type.value,
                    ",".join(faults),
                    message.payload,
                )
            )

    def _remember(
        self, message_type: StrEnum, message: Message, reason: StrEnum, device: bytes | None, count: int
    ) -> None:
        self.told.append(
            Told(
                message.arrived_ns + self._unix_offset_ns(),
                message_type.value,
                reason.value,
                _device_shown(device),
                escaped(message.topic),
                payload_shown(message.payload),
                count,
            )
        )


def _device_shown(device: bytes | None) -> str:
    return "unknown" if device is None else escaped(device)


def _line(what: str, device: bytes | None, message: Message, others: Sequence[str], count: int) -> str:
    return "".join(
        (
            f"{what}, device ",
            _device_shown(device),
            f", topic {escaped(message.topic)}, payload {payload_shown(message.payload)}",
            f"; also {', '.join(others)}" if others else "",
            f"; {count} such since this was last said" if count > 1 else "",
        )
    )
