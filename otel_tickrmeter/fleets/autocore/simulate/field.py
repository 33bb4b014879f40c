"""How boards of the layout `devices` speak, of which there are some in the field: implements `Layout`.

Each has 16 relays, which it numbers from 1, and tells of all of them at once.
"""

from collections.abc import Iterator, Mapping
from random import Random

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.simulate.board import RELAYS_OF_FIELD, Board
from otel_tickrmeter.fleets.autocore.simulate.measuring import figures, measure
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import (
    Addressed,
    Announced,
    Listed,
    Measured,
    Noted,
    Reported,
    ShutOff,
    Switched,
    Touched,
)
from otel_tickrmeter.fleets.autocore.simulate.said import Said
from otel_tickrmeter.fleets.autocore.simulate.seed import (
    ACTIONS,
    OLD_FIGURES,
    OLD_FIRMWARE,
    TRIGGERS,
    WILL_REASON,
    WORDS,
)

_NO_ADDRESS = "0.0.0.0"  # noqa: S104  what boards say that have none yet
_NO_SIGNAL = -50
"""And beside that of their network: both overwrite nothing (rule 7 of docs/autocore.md)."""
_EXPLAINED_AFTER = 0.5
_TYPE = "relay_board"
_CAPABILITIES = ("relays", "telemetry")


def introduction(board: Board, at: float, rng: Random) -> Iterator[Said]:
    """What a board says first: how it is, what it is, and how its relays are."""
    yield status(board, at, rng, certain=True)
    yield _announcement(board)._replace(certain=True)
    yield _states(board)._replace(certain=True, then_quiet=True)


def status(board: Board, at: float, rng: Random, *, certain: bool = False) -> Said:
    """How a board is that is there."""
    word = "online" if certain else rng.choice(WORDS)
    told = figures(board, at, rng)
    nothing_yet = not certain and rng.random() < 0.2  # noqa: PLR2004  now and then
    fields = {
        "status": word,
        "protocol_version": "1.1",
        "type": _TYPE,
        "board_id": 1,
        "channels": RELAYS_OF_FIELD,
        "firmware_version": board.firmware_version,
        "ip_address": _NO_ADDRESS,
        "uptime_seconds": told["uptime"],
        "free_memory": told["memory_free"],
        "wifi_rssi": _NO_SIGNAL if nothing_yet else told["wifi_signal"],
        "capabilities": _CAPABILITIES,
        "system": {"reset": 1},
    }
    if nothing_yet or told["wifi_signal"] == _NO_SIGNAL:
        told = {name: value for name, value in told.items() if name != "wifi_signal"}
    described = {"firmware_version": board.firmware_version, "device_type": _TYPE}
    return _status(board, fields, Reported(word, described, told), certain=certain)


def gone(board: Board, *, will: bool) -> Said:
    """That a board is gone."""
    fields = {"status": "offline", **({"reason": WILL_REASON} if will else {})}
    return _status(board, fields, Reported("offline", {}, {}, will), certain=True)


def telemetry(board: Board, rng: Random, options: SimulateOptions) -> Said:
    """What a board measures, and what it hears of its vehicle."""
    readings = measure(board, rng, options)
    rpm = round(rng.gauss(1800, 40))
    signals = {"RPM": {"value": rpm, "unit": "rpm", "can_id": "0x0CF00400"}}
    fields = {**readings, "can_data": {"signals": signals}}
    return _telemetry(board, MessageType.TELEMETRY, fields, Measured({**readings, "can.rpm": rpm}))


def relay(board: Board, rng: Random, options: SimulateOptions, repeats: float) -> Said:
    """That a relay was switched, and why, or how it is."""
    del options
    number = rng.randrange(RELAYS_OF_FIELD)
    state = board.relays[number] is (rng.random() < repeats)
    return _change(board, number, rng, state=state)


def switching(board: Board, rng: Random, options: SimulateOptions) -> Iterator[Said]:
    """All that a board says of a switching: its cause, and the states of all, in either order; or one."""
    choice = rng.random()
    on = [number for number, state in board.relays.items() if state]
    if choice < 0.25 and on:  # noqa: PLR2004  shares of what boards say
        yield _shut_off(board, rng.choice(on))
        yield _states(board)
    elif choice < 0.4:  # noqa: PLR2004
        yield _states(board)
    elif choice < 0.6:  # noqa: PLR2004
        number = rng.randrange(RELAYS_OF_FIELD)
        state = not board.relays[number]
        yield _states(board, {number: state})._replace(certain=True, then_quiet=True)
        if choice < 0.5:  # noqa: PLR2004
            yield _change(board, number, rng, state=state)._replace(certain=True, after=_EXPLAINED_AFTER)
    else:
        yield relay(board, rng, options, options.repeats)
        yield _states(board)


def touch(board: Board, rng: Random) -> Said:
    """That somebody touched a display."""
    action = rng.choice(ACTIONS)
    fields = {"event": action, "screen_id": "main", "button_id": rng.randrange(9)}
    topic = f"devices/{board.id}/telemetry/touch"
    return Said(topic, MessageType.INTERACTION, fields, Touched(action))


def own(board: Board, rng: Random) -> Said:
    """Something of the board itself, or to it."""
    choice = rng.random()
    if choice < 0.3:  # noqa: PLR2004  shares of what is said
        return _announcement(board)
    if choice < 0.6:  # noqa: PLR2004
        # What a display says to it while somebody holds a button.
        topic = f"devices/{board.id}/relays/heartbeat"
        return Said(topic, MessageType.COMMAND, {"channel": 1}, Addressed(), certain=True)
    code = f"ERR_00{rng.randrange(1, 9)}"
    fields = {"error_code": code, "text": "simulated"}
    return Said(f"errors/{board.id}/{code}", MessageType.ERROR, fields, Noted("error", code))


def kept(board: Board, rng: Random, options: SimulateOptions) -> Iterator[Said]:
    """What the broker keeps of a board from before."""
    del options
    described = {"firmware_version": OLD_FIRMWARE, "device_type": "old_board"}
    fields = {"status": "online", "type": "old_board", "firmware_version": OLD_FIRMWARE, **OLD_FIGURES}
    yield _status(board, fields, Reported("online", described, OLD_FIGURES), certain=True)
    states = {number: rng.random() < 0.2 for number in range(RELAYS_OF_FIELD)}  # noqa: PLR2004  few are on
    yield _states(board, states)._replace(certain=True, retain=True)


def _status(board: Board, fields: Mapping[str, object], subject: Reported, *, certain: bool) -> Said:
    topic = f"devices/{board.id}/status"
    return Said(topic, MessageType.STATUS, fields, subject, certain, retain=True)


def _telemetry(
    board: Board, message_type: MessageType, fields: dict[str, object], subject: Measured | Switched | ShutOff
) -> Said:
    twice = message_type is not MessageType.TELEMETRY
    topic = f"devices/{board.id}/telemetry"
    return Said(topic, message_type, fields, subject, stamped_twice=twice)


def _announcement(board: Board) -> Said:
    described = {"device_type": _TYPE, "firmware_version": board.firmware_version}
    mac = f"24:6F:28:00:00:{len(board.id):02X}"
    fields = {**described, "capabilities": _CAPABILITIES, "mac_address": mac, "relay_count": RELAYS_OF_FIELD}
    return Said(f"devices/{board.id}/announce", MessageType.ANNOUNCE, fields, Announced(described))


def _states(board: Board, other: dict[int, bool] | None = None) -> Said:
    """The states of all relays; some are `other` than they were told last."""
    states = {**board.relays, **(other or {})}
    fields = {"board_id": 1, "channels": {str(number + 1): state for number, state in states.items()}}
    return Said(f"devices/{board.id}/relays/state", MessageType.RELAY_STATES, fields, Listed(states))


def _change(board: Board, number: int, rng: Random, *, state: bool) -> Said:
    trigger = rng.choice(TRIGGERS)
    fields = {
        "event": "relay_change",
        "channel": number + 1,
        "state": state,
        "trigger": trigger,
        "source": "sim",
    }
    return _telemetry(board, MessageType.RELAY_CHANGE, fields, Switched(number, state, trigger))


def _shut_off(board: Board, number: int) -> Said:
    reason = "heartbeat_timeout"
    fields = {"event": "safety_shutoff", "channel": number + 1, "reason": reason, "timeout_ms": 1000}
    return _telemetry(board, MessageType.SAFETY_SHUTOFF, fields, ShutOff(number, reason))
