"""The plan of a run: every message with its time, from the options alone.

Nothing here reads a clock or the network; the same options give the same messages, byte for byte. The plan
keeps what makes the exporter's final state certain: a device's first message is its status; no two messages
of a topic have the same time and content but for the planned duplicates; never are two of one device late in
a row, so that no clock seems to have been set back.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random

import orjson

from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import (
    Meaning,
    Measured,
    Planned,
    Reported,
    Subject,
    Switched,
    Told,
    Touched,
)

TRIGGERS = ("manual", "mqtt", "web", "button", "auto", "macro", "safety")
ACTIONS = ("press", "touch", "navigate")
KINDS = ("error", "ota", "alert", "ping")
_LATE_SECONDS = 30.0
_OFFLINE_SHARE = 0.1
# Longer than what is late is late: nothing that comes after its return is from before it left.
_AWAY_SECONDS = (60.0, 300.0)
_LONGEST_UPTIME_SECONDS = 10 * 86_400.0


class Board:
    """A simulated device."""

    def __init__(self, number: int, options: SimulateOptions, rng: Random) -> None:
        self.id = f"SIM_{number:04d}"
        self.bad_clock = rng.random() < options.bad_clocks
        self.firmware_version = rng.choice(("1.4.2", "1.5.0", "2.0.1"))
        self.relays: dict[int, bool] = {}
        # Its first readings, and the first after it was away, are late to nothing.
        self.may_be_late = False
        self.temperature = rng.uniform(15, 30)
        self.voltage = rng.uniform(11.8, 14.2)
        self.back_at: float | None = None
        self.started = -rng.uniform(0, _LONGEST_UPTIME_SECONDS)
        self.memory_free = rng.uniform(12_000, 90_000)
        self.wifi_signal = rng.uniform(-84, -45)


class Plan:
    """A run's messages. One `messages()` iteration for each Plan."""

    def __init__(self, options: SimulateOptions) -> None:
        self._options = options
        self._rng = Random(options.seed)  # noqa: S311  a reproducible plan, no secret
        self._boards = [Board(number, options, self._rng) for number in range(options.devices)]
        self._sent = 0

    def messages(self) -> Iterator[Planned]:
        """Yield the messages in the order of their times, which are seconds since the start."""
        options = self._options
        known: list[Board] = []
        for slot in range(int(options.duration * options.rate)):
            at = slot / options.rate
            if slot % 2 == 0 and len(known) < len(self._boards):
                board = self._boards[len(known)]
                known.append(board)
                yield self._status(board, at, online=True)
            else:
                yield from self._turn(self._rng.choice(known), at)
        for board in self._rng.sample(self._boards, int(len(self._boards) * _OFFLINE_SHARE)):
            yield self._status(board, options.duration, online=False)

    def _turn(self, board: Board, at: float) -> Iterator[Planned]:
        # In the turn of one that is away nobody speaks.
        if board.back_at is None:
            yield from self._begin(board, at)
        elif board.back_at <= at:
            board.back_at = None
            yield self._status(board, at, online=True)

    def _begin(self, board: Board, at: float) -> Iterator[Planned]:
        choice = self._rng.random()
        if choice < 0.7:  # noqa: PLR2004  most of what a fleet says
            yield from self._telemetry(board, at)
        elif choice < 0.9:  # noqa: PLR2004
            yield self._relay(board, at)
        elif choice < 0.95:  # noqa: PLR2004
            leaves = self._rng.random() < self._options.leaves
            if leaves:
                board.back_at = at + self._rng.uniform(*_AWAY_SECONDS)
                board.may_be_late = False
            yield self._status(board, at, online=not leaves)
        elif choice < 0.98:  # noqa: PLR2004
            action = self._rng.choice(ACTIONS)
            fields = {"action": action, "screen": "main", "item_id": self._rng.randrange(9)}
            yield self._message(board, at, "display/interaction", fields, Touched(action))
        else:
            kind = self._rng.choice(KINDS)
            yield self._message(board, at, f"system/{kind}", {"text": "simulated"}, Told(kind))

    def _status(self, board: Board, at: float, *, online: bool) -> Planned:
        version = board.firmware_version
        figures: dict[str, float] = {}
        if online:
            figures = {
                "uptime": int(at - board.started),
                "memory_free": int(self._rng.gauss(board.memory_free, 400)),
                "wifi_signal": round(self._rng.gauss(board.wifi_signal, 1.5)),
            }
        fields = {
            "status": "online" if online else "offline",
            "firmware_version": version,
            "ip_address": "10.1.0.7",
            **figures,
        }
        return self._message(board, at, "status", fields, Reported(online, version, figures))

    def _telemetry(self, board: Board, at: float) -> Iterator[Planned]:
        options, rng = self._options, self._rng
        board.temperature += rng.gauss(0, 0.05)
        spike = 40.0 if rng.random() < options.spikes else 0.0
        readings = {
            "temperature": round(board.temperature + spike, 2),
            "humidity": round(rng.uniform(35, 60), 1),
            "voltage": round(board.voltage + rng.gauss(0, 0.02), 3),
            "current": round(rng.gauss(2.5, 0.2), 2),
        }
        late = not board.bad_clock and board.may_be_late and rng.random() < options.late
        board.may_be_late = not late
        taken = at - _LATE_SECONDS if late else at
        message = self._message(board, at, "telemetry", readings, Measured(readings), taken=taken)
        if late:
            yield message._replace(meaning=message.meaning._replace(odd="late"))
            return
        yield message
        if not board.bad_clock and rng.random() < options.duplicates:
            yield message._replace(meaning=message.meaning._replace(odd="duplicate"))

    def _relay(self, board: Board, at: float) -> Planned:
        relay = self._rng.randrange(self._options.relays)
        before = board.relays.get(relay)
        again = before is not None and self._rng.random() < self._options.repeats
        state = bool(before) if again else not before
        board.relays[relay] = state
        trigger = self._rng.choice(TRIGGERS)
        fields = {"relay_index": relay, "state": state, "triggered_by": trigger}
        return self._message(board, at, f"relay/{relay}/status", fields, Switched(relay, state, trigger))

    def _message(
        self,
        board: Board,
        at: float,
        topic: str,
        fields: Mapping[str, object],
        subject: Subject,
        *,
        taken: float | None = None,
    ) -> Planned:
        self._sent += 1
        moment = datetime.fromtimestamp(self._options.started + (at if taken is None else taken), UTC)
        # Without a zone nobody knows what time a bad clock means.
        stamp = "1970-01-01T00:00:09" if board.bad_clock else moment.isoformat(timespec="microseconds")
        payload = {"device_id": board.id, "timestamp": stamp, "sequence_id": str(self._sent), **fields}
        # That a device is gone counts by its arrival, whatever its clock says.
        gone = isinstance(subject, Reported) and not subject.online
        meaning = Meaning(board.id, subject, "clock" if board.bad_clock and not gone else None)
        return Planned(at, f"autocore/{board.id}/{topic}", orjson.dumps(payload), meaning)
