"""How boards of the specified layout speak."""

from random import Random

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.simulate.board import Board
from otel_tickrmeter.fleets.autocore.simulate.planned import Measured, Reported, Switched, Told, Touched
from otel_tickrmeter.fleets.autocore.simulate.said import Said

TRIGGERS = ("manual", "mqtt", "web", "button", "auto", "macro", "safety")
ACTIONS = ("press", "touch", "navigate")
KINDS = ("error", "ota", "alert", "ping")
WILL_REASON = "unexpected_disconnect"
OLD_FIRMWARE = "0.9.0"
_WORDS = (*("online",) * 40, "error", "maintenance")
_KEPT_RELAYS = 2


def status(board: Board, at: float, rng: Random, *, first: bool = False) -> Said:
    """Say how a board is that is there."""
    word = "online" if first else rng.choice(_WORDS)
    figures = {
        "uptime": int(board.uptime(at)),
        "memory_free": int(rng.gauss(board.memory_free, 400)),
        "wifi_signal": round(rng.gauss(board.wifi_signal, 1.5)),
    }
    described = {"firmware_version": board.firmware_version, "ip_address": "10.1.0.7"}
    fields = {"status": word, **described, **figures}
    subject = Reported(word, described, figures)
    return Said(f"{board.id}/status", MessageType.STATUS, fields, subject, certain=first)


def gone(board: Board, *, will: bool) -> Said:
    """Say that a board is gone: it says so itself, or leaves it to its broker."""
    fields = {"status": "offline", **({"reason": WILL_REASON} if will else {})}
    subject = Reported("offline", {}, {}, will)
    return Said(f"{board.id}/status", MessageType.STATUS, fields, subject, certain=True)


def telemetry(board: Board, rng: Random, spikes: float) -> Said:
    """Say what a board measures."""
    board.temperature += rng.gauss(0, 0.05)
    spike = 40.0 if rng.random() < spikes else 0.0
    readings = {
        "temperature": round(board.temperature + spike, 2),
        "humidity": round(rng.uniform(35, 60), 1),
        "voltage": round(board.voltage + rng.gauss(0, 0.02), 3),
        "current": round(rng.gauss(2.5, 0.2), 2),
    }
    return Said(f"{board.id}/telemetry", MessageType.TELEMETRY, readings, Measured(readings))


def relay(board: Board, rng: Random, relays: int, repeats: float) -> Said:
    """Say that a relay was switched, or how it is."""
    number = rng.randrange(relays)
    before = board.relays.get(number)
    again = before is not None and rng.random() < repeats
    state = bool(before) if again else not before
    trigger = rng.choice(TRIGGERS)
    fields = {"relay_index": number, "state": state, "triggered_by": trigger}
    subject = Switched(number, state, trigger)
    return Said(f"{board.id}/relay/{number}/status", MessageType.RELAY_STATUS, fields, subject)


def touch(board: Board, rng: Random) -> Said:
    """Say that somebody touched a display."""
    action = rng.choice(ACTIONS)
    fields = {"action": action, "screen": "main", "item_id": rng.randrange(9)}
    return Said(f"{board.id}/display/interaction", MessageType.INTERACTION, fields, Touched(action))


def system(board: Board, rng: Random) -> Said:
    """Say something of the board itself."""
    kind = rng.choice(KINDS)
    return Said(f"{board.id}/system/{kind}", MessageType.SYSTEM, {"text": "simulated"}, Told(kind))


def kept(board: Board, rng: Random, relays: int) -> tuple[Said, ...]:
    """What the broker keeps of a board from before: some is no longer so, some nobody says again."""
    described = {"firmware_version": OLD_FIRMWARE, "device_type": "relay_board"}
    figures = {"uptime": 1.0, "memory_free": 7_000.0, "wifi_signal": -70.0}
    fields = {"status": "online", **described, **figures}
    said = [Said(f"{board.id}/status", MessageType.STATUS, fields, Reported("online", described, figures))]
    for number in range(min(relays, _KEPT_RELAYS)):
        state = rng.random() < 0.5  # noqa: PLR2004  as likely on as off
        told = {"relay_index": number, "state": state, "triggered_by": "web"}
        subject = Switched(number, state, "web")
        said.append(Said(f"{board.id}/relay/{number}/status", MessageType.RELAY_STATUS, told, subject))
    return tuple(each._replace(certain=True, retain=True) for each in said)
