"""How boards of the layout `seed` speak: implements `Layout`."""

from collections.abc import Iterator
from random import Random

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.simulate.board import Board
from otel_tickrmeter.fleets.autocore.simulate.measuring import figures, measure
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import Measured, Reported, Switched, Told, Touched
from otel_tickrmeter.fleets.autocore.simulate.said import Said

TRIGGERS = ("manual", "mqtt", "web", "button", "auto", "macro", "safety")
ACTIONS = ("press", "touch", "navigate")
WORDS = (*("online",) * 40, "error", "maintenance")
WILL_REASON = "unexpected_disconnect"
OLD_FIRMWARE = "0.9.0"
OLD_FIGURES = {"uptime": 1.0, "memory_free": 7_000.0, "wifi_signal": -70.0}
_KINDS = ("error", "ota", "alert", "ping")
_KEPT_RELAYS = 2


def introduction(board: Board, at: float, rng: Random) -> Iterator[Said]:
    """What a board says first."""
    yield status(board, at, rng, certain=True)


def status(board: Board, at: float, rng: Random, *, certain: bool = False) -> Said:
    """How a board is that is there."""
    word = "online" if certain else rng.choice(WORDS)
    told = figures(board, at, rng)
    described = {"firmware_version": board.firmware_version, "ip_address": "10.1.0.7"}
    fields = {"status": word, **described, **told}
    subject = Reported(word, described, told)
    return Said(f"{board.id}/status", MessageType.STATUS, fields, subject, certain)


def gone(board: Board, *, will: bool) -> Said:
    """That a board is gone."""
    fields = {"status": "offline", **({"reason": WILL_REASON} if will else {})}
    subject = Reported("offline", {}, {}, will)
    return Said(f"{board.id}/status", MessageType.STATUS, fields, subject, certain=True)


def telemetry(board: Board, rng: Random, options: SimulateOptions) -> Said:
    """What a board measures."""
    readings = measure(board, rng, options)
    return Said(f"{board.id}/telemetry", MessageType.TELEMETRY, readings, Measured(readings))


def relay(board: Board, rng: Random, options: SimulateOptions, repeats: float) -> Said:
    """That a relay was switched, and why, or how it is."""
    number = rng.randrange(options.relays)
    before = board.relays.get(number)
    again = before is not None and rng.random() < repeats
    state = bool(before) if again else not before
    trigger = rng.choice(TRIGGERS)
    fields = {"relay_index": number, "state": state, "triggered_by": trigger}
    subject = Switched(number, state, trigger)
    return Said(f"{board.id}/relay/{number}/status", MessageType.RELAY_STATUS, fields, subject)


def switching(board: Board, rng: Random, options: SimulateOptions) -> Iterator[Said]:
    """All that a board says of a switching."""
    yield relay(board, rng, options, options.repeats)


def touch(board: Board, rng: Random) -> Said:
    """That somebody touched a display."""
    action = rng.choice(ACTIONS)
    fields = {"action": action, "screen": "main", "item_id": rng.randrange(9)}
    return Said(f"{board.id}/display/interaction", MessageType.INTERACTION, fields, Touched(action))


def own(board: Board, rng: Random) -> Said:
    """Something of the board itself."""
    kind = rng.choice(_KINDS)
    return Said(f"{board.id}/system/{kind}", MessageType.SYSTEM, {"text": "simulated"}, Told(kind))


def kept(board: Board, rng: Random, options: SimulateOptions) -> Iterator[Said]:
    """What the broker keeps of a board from before."""
    described = {"firmware_version": OLD_FIRMWARE, "device_type": "display"}
    fields = {"status": "online", **described, **OLD_FIGURES}
    subject = Reported("online", described, OLD_FIGURES)
    yield Said(f"{board.id}/status", MessageType.STATUS, fields, subject, certain=True, retain=True)
    for number in range(min(options.relays, _KEPT_RELAYS)):
        state = rng.random() < 0.5  # noqa: PLR2004  as likely on as off
        told = {"relay_index": number, "state": state, "triggered_by": "web"}
        switched = Switched(number, state, "web")
        topic = f"{board.id}/relay/{number}/status"
        yield Said(topic, MessageType.RELAY_STATUS, told, switched, certain=True, retain=True)
