"""A state that an earlier version saved, taken back by this one: the files are in tests/data."""

from pathlib import Path

import pytest

from otel_tickrmeter.fleets.autocore.reason import Word
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.statefile.keeper import StateKeeper
from otel_tickrmeter.statefile.layout import VERSION
from otel_tickrmeter.statefile.read import read_state
from otel_tickrmeter.stream.message import Subscribed
from tests.support import autocore_assembly as boards
from tests.support.assembly import SECOND_NS, START_NS, Assembly, assemble, compact_telemetry, expose
from tests.support.exposition_text import exposition
from tests.support.saved_state import DIRECTORY, SAVED, boards_path_of, path_of, write, write_boards
from tests.support.wire import A, B, C, answer, request

LATER = Moment("another run", START_NS, SAVED.unix_ns + 40 * SECOND_NS)
VERSIONS = range(1, VERSION + 1)


def test_every_version_left_its_file() -> None:
    left = {of(version).name for version in VERSIONS for of in (path_of, boards_path_of)}
    assert {path.name for path in DIRECTORY.glob("*.db")} == left


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_taken_back(version: int) -> None:
    before = path_of(version).read_bytes()
    telemetry = compact_telemetry("device")
    assembly = assemble(telemetry, "device")
    keeper = StateKeeper(path_of(version), 60.0, lambda: LATER)
    keeper.restore(assembly.lasting(telemetry))
    assert keeper.saved_at == SAVED.unix_ns / SECOND_NS
    assert path_of(version).read_bytes() == before

    found = exposition(expose(telemetry), "text").samples

    def shown(name: str, **labels: str) -> float:
        return found[f"tickrmeter_{name}", frozenset(labels.items())]

    assert set(assembly.fleet.devices) == {A, B, C}
    assert online(assembly) == {A, C}
    assert shown("device_battery_level", device_id=A, firmware_version="62p") == 78
    assert shown("device_charging_status", device_id=A) == 1
    assert shown("device_uptime_seconds", device_id=A) == 60
    assert shown("device_boot_count", device_id=C) == 1
    assert shown("devices_by_flash_id_total", flash_id="F1") == 1
    assert shown("stock_update_requests_total", device_id=A, symbol="BRK.B") == 2
    assert shown("stock_update_superseded_total", symbol="BRK.B") == 1
    assert shown("stock_update_timeout_total", symbol="AAPL") == 1
    assert shown("stock_update_unmatched_total", reason="duplicate") == 1
    assert shown("stock_update_latency_seconds_count", device_id=B, symbol="Nestlé") == 1
    assert shown("stock_update_latency_seconds_sum", device_id=B, symbol="Nestlé") == 2.0
    assert shown("stock_update_latency_seconds_bucket", device_id=A, symbol="AAPL", le="0.5") == 1
    assert shown("stock_update_avg_latency_seconds", symbol="BRK.B") == 1.0
    assert shown("symbol_response_rate", symbol="AAPL") == 0.5
    # The last one was open, and is abandoned.
    assert shown("stock_update_abandoned_total", symbol="AAPL") == 1
    counts = {"requested": 6, "answered": 3, "timeout": 1, "superseded": 1, "abandoned": 1}
    assert {event: shown("stock_update_events_total", event=event) for event in counts} == counts

    # It was down for 40 s, and goes on.
    assembly.play([Subscribed(START_NS), request(START_NS, B), answer(START_NS + SECOND_NS, B)])
    assert online(assembly) == {A, B, C}
    assert assembly.fleet.account.answered == 4


def online(assembly: Assembly) -> set[str]:
    fleet = assembly.fleet
    return {device.id for device in fleet.devices.values() if fleet.online(device)}


@pytest.mark.parametrize("version", VERSIONS)
def test_that_of_boards_is_taken_back(version: int) -> None:
    telemetry = compact_telemetry("device", rows=boards.rows())
    assembly = boards.AutoCoreAssembly(telemetry)
    keeper = StateKeeper(boards_path_of(version), 60.0, lambda: LATER)
    keeper.restore(assembly.lasting(telemetry))
    assert keeper.saved_at == SAVED.unix_ns / SECOND_NS

    def shown(name: str, **labels: str) -> float:
        found = exposition(expose(telemetry), "text").samples
        return found[f"autocore_{name}", frozenset(labels.items())]

    assert {word: shown("devices", status=word) for word in Word} == {
        **dict.fromkeys(Word, 0),
        Word.ONLINE: 2,
        Word.OFFLINE: 2,
    }
    assert shown("device_info", device_id="E1", device_type="esp32", firmware_version="1.5.0") == 1
    assert shown("relay_state", device_id="E1", relay="3") == 1
    assert shown("relay_changes_total", device_id="E1", relay="3", triggered_by="web") == 1
    assert shown("interactions_total", device_id="E1", action="press") == 2
    assert shown("telemetry_temperature_celsius", device_id="E1") == 20.25
    assert shown("telemetry_average", device_id="E1", sensor="temperature", window="5m") > 20.25
    assert shown("telemetry_anomaly", device_id="C", sensor="voltage") == 1
    assert shown("messages_total", message_type="telemetry") == 48

    # It was down for 40 s, and goes on: the very message that came last is known, and the cause comes now.
    again = {"temperature": 20.25, "timestamp": SAVED.unix_ns / SECOND_NS - 1}
    cause = {"event": "relay_change", "channel": 2, "state": True, "trigger": "button"}
    assembly.play([*boards.begun(), boards.message(1, "devices/D/telemetry", cause)])
    assert shown("relay_changes_total", device_id="D", relay="1", triggered_by="button") == 1
    assembly.play([boards.message(1, "E1/telemetry", again)])
    assert shown("message_errors_total", message_type="telemetry", reason="duplicate") == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_saved_without_boards_is_taken_back_beside_them(version: int) -> None:
    telemetry = compact_telemetry("device", rows=boards.rows(both=True))
    assembly = boards.AutoCoreAssembly(telemetry, both=True)
    keeper = StateKeeper(path_of(version), 60.0, lambda: LATER)
    keeper.restore(assembly.lasting(telemetry))
    assert keeper.saved_at == SAVED.unix_ns / SECOND_NS
    found = exposition(expose(telemetry), "text").samples
    assert found["tickrmeter_stock_update_events_total", frozenset({("event", "answered")})] == 3
    assert found["autocore_devices", frozenset({("status", "online")})] == 0


def test_this_version_writes_what_its_file_of_boards_has(tmp_path: Path) -> None:
    telemetry = compact_telemetry("device", rows=boards.rows())
    forms = boards.AutoCoreAssembly(telemetry).lasting(telemetry).forms
    write_boards(tmp_path / "s.db")
    assert read_state(tmp_path / "s.db", forms) == read_state(boards_path_of(VERSION), forms)


def test_this_version_writes_what_its_file_has(tmp_path: Path) -> None:
    telemetry = compact_telemetry("device")
    forms = assemble(telemetry, "device").lasting(telemetry).forms
    write(tmp_path / "s.db")
    # Another way of writing it is another VERSION: tests/support/saved_state.py.
    assert read_state(tmp_path / "s.db", forms) == read_state(path_of(VERSION), forms)
