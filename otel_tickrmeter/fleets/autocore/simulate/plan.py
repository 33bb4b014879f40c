"""The plan of a run: every message with its time, from the options alone.

Nothing here reads a clock or the network; the same options give the same messages, byte for byte. The plan
keeps what makes the exporter's final state certain: a device's first message is its status; no two messages
of a topic have the same time and content but for the planned duplicates; never are two of one topic late in
a row, so that no clock seems to have been set back; who has sent a burst is quiet for a while.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from random import Random

import orjson

from otel_tickrmeter.fleets.autocore.simulate import field, seed
from otel_tickrmeter.fleets.autocore.simulate.board import FIRMWARES, Board
from otel_tickrmeter.fleets.autocore.simulate.options import DEVICES, SEED, SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import Addressed, Meaning, Planned, Reported
from otel_tickrmeter.fleets.autocore.simulate.said import Layout, Said

_ROOT = "autocore/"
_LATE_SECONDS = 30.0
_OFFLINE_SHARE = 0.1
_GHOST_SHARE = 0.1
_UPDATE_SHARE = 0.3
_AWAY_SECONDS = (60.0, 300.0)
_KEPT_SINCE_SECONDS = 3600.0
_BURST_MESSAGES = 250
_BURST_STEP_SECONDS = 0.001
_QUIET_SECONDS = 3.0


class Plan:
    """A run's messages. One `messages()` iteration for each Plan."""

    def __init__(self, options: SimulateOptions) -> None:
        self._options = options
        self._rng = Random(options.seed)  # noqa: S311  a reproducible plan, no secret
        self._boards = [
            Board(f"SIM_{number:04d}", _layout_name(number, options), options, self._rng)
            for number in range(options.devices)
        ]
        self._sent = 0
        # What boards are to say later: when, in which order, and what.
        self._due: list[tuple[float, int, Board, Said]] = []

    def kept(self) -> Iterator[Planned]:
        """Yield what the broker is to keep from before: also of some boards that never speak again."""
        options = self._options
        rng = Random(f"{options.seed} kept")  # noqa: S311
        boards = [board for board in self._boards if board.kept]
        ghosts = range(-(-len(boards) // round(1 / _GHOST_SHARE)))
        boards += (
            Board(f"GONE_{number:04d}", _layout_name(number, options), options, rng) for number in ghosts
        )
        for board in boards:
            for said in _layout_of(board).kept(board, rng, options):
                message = self._message(board, 0.0, said, -_KEPT_SINCE_SECONDS)
                yield message._replace(meaning=message.meaning._replace(odd="retained"))

    def messages(self) -> Iterator[Planned]:
        """Yield the messages in the order of their times, which are seconds since the start."""
        options = self._options
        known: list[Board] = []
        for slot in range(int(options.duration * options.rate)):
            at = slot / options.rate
            yield from self._overdue(at)
            if slot % 2 == 0 and len(known) < len(self._boards):
                board = self._boards[len(known)]
                known.append(board)
                yield from self._say(board, at, _layout_of(board).introduction(board, at, self._rng))
            else:
                yield from self._turn(self._rng.choice(known), at)
        yield from self._overdue(options.duration)
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
            said = _layout_of(board).status(board, at, self._rng, certain=True)
            yield from self._say(board, at, (said,))

    def _begin(self, board: Board, at: float) -> Iterator[Planned]:
        options, rng, layout = self._options, self._rng, _layout_of(board)
        choice = rng.random()
        said: Iterable[Said]
        if choice < 0.7:  # noqa: PLR2004  most of what a fleet says
            if rng.random() < options.bursts:
                yield from self._burst(board, at)
                return
            said = (layout.telemetry(board, rng, options),)
        elif choice < 0.9:  # noqa: PLR2004
            said = layout.switching(board, rng, options)
        elif choice < 0.95:  # noqa: PLR2004
            if rng.random() < options.leaves:
                yield from self._leave(board, at)
                return
            said = (layout.status(board, at, rng),)
        elif choice < 0.98:  # noqa: PLR2004
            said = (layout.touch(board, rng),)
        else:
            said = (layout.own(board, rng),)
        yield from self._say(board, at, said)

    def _burst(self, board: Board, at: float) -> Iterator[Planned]:
        options, rng, layout = self._options, self._rng, _layout_of(board)
        board.quiet_until = at + _QUIET_SECONDS
        for number in range(_BURST_MESSAGES):
            said = layout.telemetry(board, rng, options)
            yield self._now(board, at, said, at + number * _BURST_STEP_SECONDS)
        said = layout.relay(board, rng, options, 0.0)
        yield self._now(board, at, said, at + _BURST_MESSAGES * _BURST_STEP_SECONDS)

    def _leave(self, board: Board, at: float) -> Iterator[Planned]:
        board.back_at = at + self._rng.uniform(*_AWAY_SECONDS)
        will = self._rng.random() < self._options.wills
        said = _layout_of(board).gone(board, will=will)
        # A will was written when its board came.
        written = min(board.newest.values(), default=at) if will else at
        yield self._message(board, at, said, written)._replace(will=will)

    def _overdue(self, at: float) -> Iterator[Planned]:
        while self._due and self._due[0][0] <= at:
            due, _, board, said = heappop(self._due)
            yield from self._send(board, due, said)

    def _say(self, board: Board, at: float, told: Iterable[Said]) -> Iterator[Planned]:
        for said in told:
            if said.after and at + said.after <= self._options.duration:
                heappush(self._due, (at + said.after, self._sent, board, said))
                continue
            yield from self._send(board, at, said)
            if said.then_quiet:
                board.quiet_until = at + _QUIET_SECONDS
            # What it would have been followed by was long ago, too.
            if said.topic in board.just_late:
                break

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
        board.said(said.topic, said.subject, taken)
        return self._message(board, at, said, taken)

    def _message(self, board: Board, at: float, said: Said, taken: float) -> Planned:
        self._sent += 1
        written = board.timepiece.write(self._options.started + taken, board.uptime(taken))
        who = "device_id" if board.layout == SEED else "uuid"
        payload = orjson.dumps(
            {who: board.id, "timestamp": written.text, "sequence_id": str(self._sent), **said.fields}
        )
        if said.stamped_twice and isinstance(written.text, str):
            again = written.text.removesuffix("+00:00")
            payload = payload[:-1] + f',"timestamp":"{again}"}}'.encode()
        meaning = Meaning(board.id, said.message_type, said.subject, written.unix)
        # That a device is gone counts by its arrival, whatever its clock says.
        if isinstance(said.subject, Reported) and not said.subject.online:
            meaning = meaning._replace(stamp=None)
        elif not board.clock.trusted and not isinstance(said.subject, Addressed):
            meaning = meaning._replace(odd="clock")
        return Planned(at, f"{_ROOT}{said.topic}", payload, meaning, retain=said.retain)


def _layout_name(number: int, options: SimulateOptions) -> str:
    return options.layouts[number % len(options.layouts)]


def _layout_of(board: Board) -> Layout:
    return field if board.layout == DEVICES else seed
