"""The plan of a run: every message with its time, from the options alone.

Nothing here reads a clock or the network; the same options give the same messages, byte for byte. The plan
keeps what makes the exporter's final state certain: a device's first message is its status; no two messages
of a topic have the same time and content but for the planned duplicates; never are two of one topic late in
a row, so that no clock seems to have been set back; who has sent a burst is quiet for a while.
"""

from collections.abc import Iterator
from random import Random

import orjson

from otel_tickrmeter.fleets.autocore.simulate import seed
from otel_tickrmeter.fleets.autocore.simulate.board import FIRMWARES, Board
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import Meaning, Planned, Reported
from otel_tickrmeter.fleets.autocore.simulate.said import Said

_ROOT = "autocore/"
_LATE_SECONDS = 30.0
_OFFLINE_SHARE = 0.1
_GHOST_SHARE = 0.1
_UPDATE_SHARE = 0.3
_AWAY_SECONDS = (60.0, 300.0)
_KEPT_SINCE_SECONDS = 3600.0
_BURST_MESSAGES = 250
_BURST_STEP_SECONDS = 0.001
_QUIET_SECONDS = 2.0


class Plan:
    """A run's messages. One `messages()` iteration for each Plan."""

    def __init__(self, options: SimulateOptions) -> None:
        self._options = options
        self._rng = Random(options.seed)  # noqa: S311  a reproducible plan, no secret
        self._boards = [Board(f"SIM_{number:04d}", options, self._rng) for number in range(options.devices)]
        self._sent = 0

    def kept(self) -> Iterator[Planned]:
        """Yield what the broker is to keep from before: also of some boards that never speak again."""
        options = self._options
        rng = Random(f"{options.seed} kept")  # noqa: S311
        boards = [board for board in self._boards if board.kept]
        ghosts = range(-(-len(boards) // round(1 / _GHOST_SHARE)))
        boards += (Board(f"GONE_{number:04d}", options, rng) for number in ghosts)
        for board in boards:
            for said in seed.kept(board, rng, options.relays):
                message = self._message(board, 0.0, said, -_KEPT_SINCE_SECONDS)
                yield message._replace(meaning=message.meaning._replace(odd="retained"))

    def messages(self) -> Iterator[Planned]:
        """Yield the messages in the order of their times, which are seconds since the start."""
        options = self._options
        known: list[Board] = []
        for slot in range(int(options.duration * options.rate)):
            at = slot / options.rate
            if slot % 2 == 0 and len(known) < len(self._boards):
                board = self._boards[len(known)]
                known.append(board)
                yield from self._send(board, at, seed.status(board, at, self._rng, first=True))
            else:
                yield from self._turn(self._rng.choice(known), at)
        for board in self._rng.sample(self._boards, int(len(self._boards) * _OFFLINE_SHARE)):
            yield from self._leave(board, options.duration)

    def _turn(self, board: Board, at: float) -> Iterator[Planned]:
        # In the turn of one that is away nobody speaks.
        if at < board.quiet_until:
            return
        if board.back_at is None:
            yield from self._begin(board, at)
        elif board.back_at <= at:
            board.back_at = None
            if self._rng.random() < _UPDATE_SHARE:
                board.firmware = min(board.firmware + 1, len(FIRMWARES) - 1)
            yield from self._send(board, at, seed.status(board, at, self._rng, first=True))

    def _begin(self, board: Board, at: float) -> Iterator[Planned]:
        options, rng = self._options, self._rng
        choice = rng.random()
        if choice < 0.7:  # noqa: PLR2004  most of what a fleet says
            if rng.random() < options.bursts:
                yield from self._burst(board, at)
                return
            said = seed.telemetry(board, rng, options.spikes)
        elif choice < 0.9:  # noqa: PLR2004
            said = seed.relay(board, rng, options.relays, options.repeats)
        elif choice < 0.95:  # noqa: PLR2004
            if rng.random() < options.leaves:
                yield from self._leave(board, at)
                return
            said = seed.status(board, at, rng)
        elif choice < 0.98:  # noqa: PLR2004
            said = seed.touch(board, rng)
        else:
            said = seed.system(board, rng)
        yield from self._send(board, at, said)

    def _burst(self, board: Board, at: float) -> Iterator[Planned]:
        options, rng = self._options, self._rng
        board.quiet_until = at + _QUIET_SECONDS
        for number in range(_BURST_MESSAGES):
            said = seed.telemetry(board, rng, options.spikes)
            yield self._now(board, at, said, at + number * _BURST_STEP_SECONDS)
        said = seed.relay(board, rng, options.relays, 0.0)
        yield self._now(board, at, said, at + _BURST_MESSAGES * _BURST_STEP_SECONDS)

    def _leave(self, board: Board, at: float) -> Iterator[Planned]:
        board.back_at = at + self._rng.uniform(*_AWAY_SECONDS)
        will = self._rng.random() < self._options.wills
        # A will was written when its board came.
        written = min(board.newest.values(), default=at) if will else at
        yield self._message(board, at, seed.gone(board, will=will), written)._replace(will=will)

    def _send(self, board: Board, at: float, said: Said) -> Iterator[Planned]:
        options, rng = self._options, self._rng
        odd_at_all = board.clock.trusted and not said.certain
        newest = board.newest.get(said.topic)
        late = newest is not None and said.topic not in board.just_late and rng.random() < options.late
        if odd_at_all and late and newest is not None:
            board.just_late.add(said.topic)
            message = self._message(board, at, said, newest - _LATE_SECONDS)
            yield message._replace(meaning=message.meaning._replace(odd="late"))
            return
        message = self._now(board, at, said, at)
        yield message
        if odd_at_all and rng.random() < options.duplicates:
            yield message._replace(meaning=message.meaning._replace(odd="duplicate"))

    def _now(self, board: Board, at: float, said: Said, taken: float) -> Planned:
        """What a board says in time, of the moment `taken`."""
        board.said(said, taken)
        return self._message(board, at, said, taken)

    def _message(self, board: Board, at: float, said: Said, taken: float) -> Planned:
        self._sent += 1
        written = board.timepiece.write(self._options.started + taken, board.uptime(taken))
        payload = {
            "device_id": board.id,
            "timestamp": written.text,
            "sequence_id": str(self._sent),
            **said.fields,
        }
        meaning = Meaning(board.id, said.message_type, said.subject, written.unix)
        # That a device is gone counts by its arrival, whatever its clock says.
        if isinstance(said.subject, Reported) and not said.subject.online:
            meaning = meaning._replace(stamp=None)
        elif not board.clock.trusted:
            meaning = meaning._replace(odd="clock")
        return Planned(at, f"{_ROOT}{said.topic}", orjson.dumps(payload), meaning, retain=said.retain)
