"""The real pipeline with an AutoCore fleet, alone or beside the other, on a chosen path."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutoCoreTable
from otel_tickrmeter.fleets.tickrmeter.settings import FleetTable, TickrMeterSettings
from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.pipeline import Clock, make_pipeline
from otel_tickrmeter.recovery import Recoverer
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.store.failures import DatabaseErrorKind
from otel_tickrmeter.store.keeping import KeeperOutcomes
from otel_tickrmeter.store.rows import DeadLetter
from otel_tickrmeter.stream.message import Connected, LinkEvent, Message, Subscribed, Watermark
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.wall_clock import SteadyOffset
from tests.support.assembly import BUILD, PROCESSING_NS, RELOADS, SAMPLE, SECOND_NS, START_NS, UNIX_OFFSET_NS
from tests.support.kept_rows import RowList
from tests.support.settings import settings_of

TABLE = AutoCoreTable(
    enabled=True, layouts=("seed", "devices"), device_timeout=60.0, ranges={"voltage": (10, 15)}
)


TICKERS_OFF = TickrMeterSettings(tickrmeter=FleetTable(enabled=False))


def settings(table: AutoCoreTable = TABLE, *, both: bool = False) -> Settings:
    """Settings with the fleet alone, or with both."""
    return settings_of(AutoCoreSettings(table), TickrMeterSettings(tickrmeter=FleetTable(enabled=both)))


def rows(*, both: bool = False) -> tuple[Instrument, ...]:
    return rows_of(settings(both=both))


class Told(RowList):
    """A keeper that writes nothing, and lets a test say what it does."""

    def tell(self, outcomes: KeeperOutcomes) -> None:
        self.outcomes = outcomes


class AutoCoreAssembly:
    """Everything between the receiver and the meter. With a `run` it takes again what a journal has."""

    def __init__(
        self, telemetry: Telemetry, table: AutoCoreTable = TABLE, *, both: bool = False, run: str = ""
    ) -> None:
        process = ProcessObserver(BUILD)
        process.publish(SAMPLE)
        self.keeper = Told(run or "run")
        self.offset = SteadyOffset(lambda: UNIX_OFFSET_NS)
        self.now_ns = START_NS
        self.table = table
        self.settings = settings(table, both=both)
        self._pipeline = make_pipeline(
            self.settings,
            telemetry.meter(),
            telemetry.end_series,
            as_callbacks(process.callbacks() | ReloadObserver(RELOADS).callbacks())
            | exposition_callbacks(telemetry),
            Clock(START_NS, self.offset.now, count(0, PROCESSING_NS).__next__),
            keeper=self.keeper,
            recovers=bool(run),
        )

    def lasting(self, telemetry: Telemetry) -> Lasting:
        """What of it outlasts a restart, recorded on this telemetry."""
        return Lasting(self.settings, self._pipeline.fleets, telemetry)

    def recoverer(self, directory: Path, has_room: Callable[[], bool] = lambda: True) -> Recoverer:
        """What reads a journal there, for this one."""
        (fleet,) = self._pipeline.fleets
        return Recoverer(directory, fleet, has_room, self.offset)

    def deliver(self, messages: list[Message]) -> None:
        """Handle these."""
        self._pipeline.handler.deliver(messages)

    def play(self, steps: Iterable[Message | LinkEvent]) -> None:
        """Give it what the receiver would."""
        for step in steps:
            self.now_ns = max(self.now_ns, step.arrived_ns if isinstance(step, Message) else step.at_ns)
            if isinstance(step, Message):
                self._pipeline.handler.deliver([step])
            else:
                self._pipeline.handler.report(step)


def at(seconds: float) -> int:
    """Monotonic nanoseconds, so long after the start."""
    return START_NS + round(seconds * 1000) * SECOND_NS // 1000


def message(seconds: float, topic: str, payload: object, **flags: Any) -> Message:  # noqa: ANN401  flags, which mypy would take for every field
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(f"autocore/{topic}".encode(), body, at(seconds), **flags)


def passing(seconds: float) -> Watermark:
    return Watermark(at(seconds), 0, at(seconds))


def begun() -> Iterator[LinkEvent]:
    yield Connected(at(0), session_present=False, protocol="5")
    yield Subscribed(at(0))


def scripted() -> Iterator[Message | LinkEvent]:
    """Yield a short day of a small fleet, in which every row has at least one series."""
    yield from begun()
    told: Mapping[str, object] = {
        "device_type": "esp32",
        "firmware_version": "1.5.0",
        "ip_address": "10.0.0.7",
    }
    figures = {"uptime": 3600, "memory_free": 45_120, "wifi_signal": -61}
    unix = (START_NS + UNIX_OFFSET_NS) / SECOND_NS
    yield message(1, "E1/status", {"status": "online", "timestamp": unix + 0.5, **told, **figures})
    yield message(2, "B/status", {"status": "error"})
    yield message(3, "C/telemetry", {"voltage": 9})
    yield message(4, "devices/D/announce", {"device_type": "display", "firmware_version": 'a"\\b'})
    for second in range(5, 45):
        reading = {"temperature": 20 + second % 3 / 10, "humidity": 45, "voltage": 12.5, "can.rpm": 800}
        yield message(second, "E1/telemetry", {**reading, "timestamp": unix + second})
    yield message(45, "E1/telemetry", {"temperature": 90, "pressure": {"value": 1.5, "unit": "bar"}})
    yield message(46, "E1/relay/3/status", {"state": False, "triggered_by": "manual"})
    yield message(47, "E1/relay/3/status", {"state": True, "triggered_by": "web"})
    yield message(47, "E1/relay/3/status", {"state": True, "triggered_by": "web"})
    yield message(48, "devices/D/relays/state", {"channels": {"1": True, "2": False}})
    yield message(49, "devices/D/telemetry", {"event": "safety_shutoff", "channel": 1, "reason": "heartbeat"})
    yield message(50, "E1/display/interaction", {"action": "press"})
    yield message(51, "E1/system/boot", {"reason": "power"})
    yield message(52, "E1/telemetry", b"{")
    yield message(53, "E1/telemetry", {"voltage": 12, "timestamp": "1970-01-01T00:00:00"})
    yield message(54, "B/status", {"status": "offline", "reason": "unexpected_disconnect"})
    yield message(55, "KEPT/status", {"status": "online"}, retain=True)
    yield message(56, "modes/night", {"active": True})
    yield message(57, "devices/E1/relays/set", {"channel": 1})
    yield message(58, "E1/what/is/this", {})
    yield message(64, "E1/telemetry", {"voltage": 12.5, "uptime": 13})
    yield passing(80)


def database_day(keeper: Told) -> None:
    """What became of the rows of that day."""
    state = keeper.state
    state.up, state.size_bytes, state.dead_letters = True, 409_600, 1
    state.connections = {"used": 1, "idle": 4}
    state.waiting, state.spool_bytes, state.spool_oldest = 3, 512, 1_700_001_000.5
    state.write_dropped, state.spool_dropped = 1, 2
    keeper.outcomes.written({"telemetry": 170, "devices": 4}, 0.02)
    keeper.outcomes.failed(DatabaseErrorKind.LOCKED)
    keeper.outcomes.set_aside(next(row for row in keeper.rows if isinstance(row, DeadLetter)))
