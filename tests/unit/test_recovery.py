"""What was received before a crash is taken again: by the fleet as history, and from where its state ends."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from loguru import logger

from otel_tickrmeter.journal.segments import segments
from otel_tickrmeter.recovery import ROOM_PATIENCE_SECONDS, RecoverableState, discard
from otel_tickrmeter.saved.form import SavedError
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.store.keeping import Known, RuleRow
from otel_tickrmeter.store.rows import AutomationRun, ConnectivityChange, Reading, RelayEvent, RelayState
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.stream.position import Position
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.exposition import Telemetry
from tests.support import autocore_assembly as boards
from tests.support.assembly import START_NS, UNIX_OFFSET_NS, compact_telemetry
from tests.support.autocore_assembly import AutoCoreAssembly, at, message, passing
from tests.support.journal import write_down
from tests.support.lasting import read, written

ONLINE = message(1, "A/status", {"status": "online"})
OFF = message(2, "A/relay/1/status", {"state": False})
UNEXPLAINED = message(3, "A/relay/1/status", {"state": True})
WARM = message(3.5, "A/telemetry", {"temperature": 20})
HOT = message(4, "A/telemetry", {"temperature": 21})
CAUSE = message(4.5, "A/relay/1/status", {"state": True, "triggered_by": "button"})
STORY: list[Message | LinkEvent] = [*boards.begun(), ONLINE, OFF, UNEXPLAINED, WARM, HOT, passing(4.2), CAUSE]


class Scene:
    """A program that saved its state somewhere in the story, and was killed later; and the next one."""

    def __init__(self, directory: Path, saved: int, killed: int = len(STORY)) -> None:
        self.directory = directory / "received"
        old, telemetry = assembly("1")
        old.play(STORY[:saved])
        state = written(old.lasting(telemetry))
        self.before = list(old.keeper.rows)
        old.play(STORY[saved:killed])
        self.lost = old.keeper.rows[len(self.before) :]
        self.now_ns = old.now_ns
        write(self.directory, STORY[:killed])
        self.new, self.telemetry = assembly("2")
        self.recoverer = self.new.recoverer(self.directory)
        self.lasting = self.new.lasting(self.telemetry)
        self.tables = read(self.lasting, state)

    def restore(self) -> None:
        self.lasting.read(self.tables, 0, self.now_ns, counted=True)()

    def take_again(self) -> list[Any]:
        moment = Moment("boot", self.now_ns, self.now_ns + UNIX_OFFSET_NS)
        anyio.run(self.recoverer.take_again, moment, self.new.deliver)
        rows, self.new.keeper.rows = self.new.keeper.rows, []
        return rows


def assembly(run: str) -> tuple[AutoCoreAssembly, Telemetry]:
    telemetry = compact_telemetry("device", rows=boards.rows())
    return AutoCoreAssembly(telemetry, run=run), telemetry


def write(directory: Path, steps: list[Message | LinkEvent]) -> None:
    """Write it down, each step in a file of its own."""
    write_down(directory, "1", steps, 1)


@pytest.mark.parametrize("saved", range(len(STORY) + 1))
def test_the_rows_are_those_that_were_lost(tmp_path: Path, saved: int) -> None:
    scene = Scene(tmp_path, saved)
    scene.restore()
    found = scene.take_again()
    states = [row for row in found if not hasattr(row, "message_key")]
    assert [row for row in found if row not in states] == [
        row for row in scene.lost if hasattr(row, "message_key")
    ]
    assert scene.recoverer.position == Position("1", at(4.5), 0)


def test_without_a_state_all_is_taken(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 4)
    assert scene.recoverer.position == Position("", -1, -1)
    found = scene.take_again()
    assert [type(row) for row in found if isinstance(row, ConnectivityChange | RelayEvent)] == [
        ConnectivityChange,
        RelayEvent,
        RelayEvent,
    ]
    assert len([row for row in found if isinstance(row, Reading)]) == 2


def test_after_it_the_fleet_listens_and_goes_by_its_own_name(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 5)
    scene.restore()
    scene.take_again()
    scene.new.play([message(6, "A/telemetry", {"temperature": 22})])
    (reading,) = (row for row in scene.new.keeper.rows if isinstance(row, Reading))
    assert reading.message_key == f"2-{at(6):x}-0"
    assert scene.recoverer.position == Position("2", at(6), 0)
    scene.recoverer.let_go(scene.recoverer.position)
    assert segments(scene.directory) == []


def test_what_a_receiver_left_behind_is_no_history(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}", level="INFO")
    # The same program, and another receiver of its run.
    alone, _ = assembly("1")
    alone.play(STORY[:2])
    recoverer = alone.recoverer(scene.directory)
    alone.keeper.rows.clear()
    lines.clear()
    delivered: list[Message] = []

    def deliver(messages: list[Message]) -> None:
        delivered.extend(messages)
        alone.deliver(messages)

    recoverer.take_rest(Moment("boot", scene.now_ns, scene.now_ns + UNIX_OFFSET_NS), deliver)
    logger.remove(sink)
    assert [type(row) for row in alone.keeper.rows if isinstance(row, Reading | RelayEvent)] == [
        RelayEvent,
        Reading,
        Reading,
        RelayEvent,
    ]
    assert lines == ["Device A status updated: online (reported)\n"]
    assert recoverer.position == Position("1", at(4.5), 0)
    assert [each.topic for each in delivered] == [step.topic for step in STORY if isinstance(step, Message)]


def test_history_is_told_to_nobody(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}", level="INFO")
    scene.take_again()
    logger.remove(sink)
    assert lines == [
        "Taking again what the last run may not have finished\n",
        "6 messages that the last run may not have finished were taken again\n",
    ]


def test_no_rule_of_a_time_of_the_day_goes_by_history(tmp_path: Path) -> None:
    scene = Scene(tmp_path, len(STORY))
    scene.restore()
    write(scene.directory, [*STORY, passing(10), passing(30)])
    scene.new.keeper.outcomes.known(Known(rules=(_rule_at(20), _rule_at(40))))
    found = scene.take_again()
    scene.new.play([passing(30.5), passing(31), passing(45), passing(46)])
    found += scene.new.keeper.rows
    assert [row.rule for row in found if isinstance(row, AutomationRun)] == ["at 40"]


@pytest.mark.parametrize("killed", [True, False])
def test_a_relay_has_its_state_since_no_earlier_time_than_before(tmp_path: Path, *, killed: bool) -> None:
    on, off = (
        message(
            arrived, "A/relay/2/status", {"state": state, "triggered_by": "web", "timestamp": unix(stamp)}
        )
        for arrived, state, stamp in ((2, True, 3), (2.5, False, 2))
    )
    old, before = assembly("1")
    old.play([*boards.begun(), ONLINE, on])
    new, after = assembly("2")
    lasting = new.lasting(after)
    lasting.read(read(lasting, written(old.lasting(before))), 0, old.now_ns, counted=True)()
    write(tmp_path, [on, off] if killed else [])
    moment = Moment("boot", old.now_ns, old.now_ns + UNIX_OFFSET_NS)
    anyio.run(new.recoverer(tmp_path).take_again, moment, new.deliver)
    if not killed:
        new.play([off])
    assert {(row.current_state, row.state_since) for row in relays(new)} == {
        (False, row.state_since) for row in relays(old)
    }


def relays(played: AutoCoreAssembly) -> list[RelayState]:
    return [row for row in played.keeper.rows if isinstance(row, RelayState)]


def unix(seconds: float) -> float:
    return (at(seconds) + UNIX_OFFSET_NS) / SECOND_NS


def _rule_at(seconds: int) -> RuleRow:
    when = datetime.fromtimestamp((at(seconds) + UNIX_OFFSET_NS) // SECOND_NS, UTC)
    trigger = json.dumps({"type": "time", "at": f"{when:%H:%M:%S}"})
    actions = json.dumps([{"type": "log", "text": "now"}])
    return RuleRow(f"at {seconds}", False, trigger, "[]", actions, 0)  # noqa: FBT003  as the table has it


def test_a_silence_of_before_is_told_by_the_name_of_then(tmp_path: Path) -> None:
    scene = Scene(tmp_path, len(STORY))
    scene.restore()
    write(scene.directory, [*STORY, passing(70), passing(71)])
    (gone,) = (row for row in scene.take_again() if isinstance(row, ConnectivityChange))
    assert (gone.cause, gone.message_key) == ("silence", f"1-{at(70):x}-t")
    assert scene.recoverer.position == Position("1", at(71), -1)
    scene.new.play([passing(80)])
    assert scene.recoverer.position == Position("2", at(80), -1)


def test_a_state_that_knows_no_position_is_followed_by_all(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 3)
    del scene.tables["autocore_position"]  # type: ignore[attr-defined]
    scene.restore()
    assert scene.recoverer.position == Position("", -1, -1)


def test_it_waits_for_room(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0)
    asked: list[bool] = []

    def has_room() -> bool:
        asked.append(len(asked) > 2)
        return asked[-1]

    scene.recoverer = scene.new.recoverer(scene.directory, has_room)
    rows = scene.take_again()
    assert asked[:3] == [False, False, False]
    assert len(rows) > 3


def test_it_does_not_wait_for_ever_where_nothing_takes_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, 0)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) > 2 * ROOM_PATIENCE_SECONDS:
            raise TimeoutError
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr("otel_tickrmeter.recovery.anyio.sleep", sleep)
    scene.recoverer = scene.new.recoverer(scene.directory, lambda: False)
    scene.take_again()
    assert sum(slept) == pytest.approx(ROOM_PATIENCE_SECONDS)
    assert scene.recoverer.position == Position("1", at(4.5), 0)


def test_what_cannot_be_read_or_deleted_is_said_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, 0)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}", level="WARNING")

    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert scene.take_again() == []
    scene.recoverer.take_rest(Moment("boot", scene.now_ns, 0), list[Message]().extend)
    monkeypatch.setattr(Path, "unlink", refuse)
    scene.recoverer.let_go(Position("1", at(100), 0))
    logger.remove(sink)
    assert [line.rsplit(": ", 1)[1] for line in lines] == ["Operation not permitted\n"] * 3


def test_a_directory_that_cannot_be_listed_is_said_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, 0)
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}", level="WARNING")

    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    scene.recoverer.let_go(Position("1", at(100), 0))
    logger.remove(sink)
    assert lines == [f"Nothing in {scene.directory} can be deleted: Permission denied\n"]


def test_a_state_says_what_may_be_let_go_when_it_is_written(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 0)
    scene.restore()
    scene.take_again()
    state = RecoverableState(scene.lasting, scene.recoverer)
    assert state.forms == scene.lasting.forms
    state.saved()
    assert len(segments(scene.directory)) == len(STORY)
    make = state.take()
    state.saved()
    assert len(segments(scene.directory)) == len(STORY)
    # What comes meanwhile is not in it.
    scene.new.play([message(9, "A/telemetry", {"temperature": 22})])
    tables = make()
    state.saved()
    assert 1 <= len(segments(scene.directory)) <= 2
    state.read(read(scene.lasting, written(scene.lasting)), 0, START_NS, counted=True)
    assert "autocore_position" in tables


def test_changes_that_are_due_and_not_there_are_no_state(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 5)
    tables = {name: dict(columns) for name, columns in scene.tables.items()}
    tables["autocore_position"]["due_ns"] = [[1, 2, 3]]
    with pytest.raises(SavedError, match="due"):
        scene.lasting.read(tables, 0, scene.now_ns, counted=True)


def test_a_fleet_that_takes_nothing_again_has_no_recoverer(tmp_path: Path) -> None:
    telemetry = compact_telemetry("device", rows=boards.rows())
    with pytest.raises(ValueError, match="nothing again"):
        AutoCoreAssembly(telemetry).recoverer(tmp_path)


def test_what_is_not_kept_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    directory, state, other = tmp_path / "received", tmp_path / "state", tmp_path / "received" / "other"
    write(directory, STORY[:2])
    for path in (state, other):
        path.touch()
    discard(None, None)
    assert len(segments(directory)) == 2
    assert state.exists()
    discard(directory, None)
    assert [*directory.iterdir()] == [other]
    assert state.exists()
    discard(None, state)
    discard(tmp_path / "nowhere", state)
    assert not state.exists()


def test_what_is_not_kept_and_cannot_be_deleted_is_said(tmp_path: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}", level="WARNING")
    discard(None, tmp_path)
    logger.remove(sink)
    assert lines == [f"{tmp_path} cannot be deleted: Is a directory\n"]
