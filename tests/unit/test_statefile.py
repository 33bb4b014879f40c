"""The file of the state: whole or put aside, whatever happens to it; and a disk that takes nothing."""

import resource
import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from otel_tickrmeter.saved.form import Cell, Form, SavedError, Tables
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.statefile import keeper as module
from otel_tickrmeter.statefile.keeper import StateKeeper, present_moment
from otel_tickrmeter.statefile.layout import VERSION
from otel_tickrmeter.statefile.read import StateFileError, StateRead, read_state
from otel_tickrmeter.statefile.write import write_state

MANY = Form("many", {"name": Cell.TEXT, "value": Cell.NUMBER, "counts": Cell.FIGURES, "more": Cell.NESTED})
FEW = Form("few", {"count": Cell.WHOLE})
FORMS = (MANY, FEW)
TABLES: Tables = {
    "many": {
        "name": [f"'{number}\"; é" for number in range(300)],
        "value": [number / 7 for number in range(300)],
        "counts": [array("q", [number, -number]) for number in range(300)],
        "more": [[number, None] for number in range(300)],
    },
    "few": {"count": [2**62]},
}
MOMENT = Moment("boot", 5_000_000_000, 1_700_000_000_000_000_000)


def write(path: Path, tables: Tables = TABLES, *, stopped: bool = True) -> None:
    write_state(path, MOMENT, FORMS, tables, stopped=stopped)


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}")
    yield lines
    logger.remove(sink)


class Kept:
    """A state that is a number; implements `KeptState`."""

    def __init__(self, count: int = 0) -> None:
        self.forms = (FEW,)
        self.count = count
        self.read_with: list[tuple[int, int, bool]] = []

    def take(self) -> Callable[[], Tables]:
        count = self.count
        return lambda: {"few": {"count": [count]}}

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> Callable[[], None]:
        (count,) = tables["few"]["count"]
        if count < 0:
            raise SavedError("less than nothing")

        def put_in_place() -> None:
            self.count = count
            self.read_with.append((shift_ns, now_ns, counted))

        return put_in_place


def keeper_of(
    path: Path, now: Moment = MOMENT, *, interval_seconds: float = 0.01, counters_after_crash: bool = True
) -> StateKeeper:
    return StateKeeper(path, interval_seconds, lambda: now, counters_after_crash=counters_after_crash)


def save(keeper: StateKeeper, state: Kept) -> None:
    anyio.run(keeper.save, state)


class TestTheFile:
    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        write(tmp_path / "s.db")
        assert read_state(tmp_path / "s.db", FORMS) == StateRead(
            MOMENT, stopped=True, whose="", tables=TABLES
        )

    def test_it_is_nobody_elses_and_there_is_nothing_beside_it(self, tmp_path: Path) -> None:
        write(tmp_path / "s.db")
        write(tmp_path / "s.db", stopped=False)
        assert (tmp_path / "s.db").stat().st_mode & 0o777 == 0o600
        assert [path.name for path in tmp_path.iterdir()] == ["s.db"]

    def test_only_what_is_wanted_is_read(self, tmp_path: Path) -> None:
        write(tmp_path / "s.db")
        found = read_state(tmp_path / "s.db", (FEW, Form("none", {"x": Cell.TEXT})))
        assert found is not None
        assert found.tables == {"few": TABLES["few"]}

    def test_without_a_file_there_is_nothing(self, tmp_path: Path) -> None:
        assert read_state(tmp_path / "s.db", FORMS) is None

    def test_odd_names_are_names(self, tmp_path: Path) -> None:
        path = tmp_path / "a?mode=memory#b %41.db"
        write(path)
        assert read_state(path, FORMS) is not None


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE many SET value = 1 WHERE rowid = 7", "checksum of many"),
        ("DELETE FROM many WHERE rowid = 300", "checksum of many"),
        ("UPDATE saved SET unix_ns = 0", "checksum of saved"),
        ("UPDATE saved SET unix_ns = 'x'", "checksum of saved"),
        ("DELETE FROM saved", "checksum of saved"),
        ("UPDATE checksum SET checksum = 1 WHERE name = 'few'", "checksum of few"),
        ("UPDATE checksum SET checksum = 'x'", "checksum.checksum holds str"),
        ("DROP TABLE many", "no such table: many"),
        ("ALTER TABLE many RENAME COLUMN name TO other", "no such column: name"),
        ("PRAGMA application_id = 1", "not a state of ours"),
        ("PRAGMA user_version = 0", "version 0"),
        (f"PRAGMA user_version = {VERSION + 1}", f"version {VERSION + 1}"),
    ],
)
def test_what_is_not_as_it_was_written_is_not_read(tmp_path: Path, statement: str, why: str) -> None:
    write(tmp_path / "s.db")
    changed(tmp_path / "s.db", statement)
    with pytest.raises(StateFileError, match=why):
        read_state(tmp_path / "s.db", FORMS)


@pytest.mark.parametrize("content", [b"", b"{}", b"SQLite format 3\0", b"SQLite format 3\0" + bytes(4000)])
def test_what_is_none_of_ours_is_not_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.db").write_bytes(content)
    with pytest.raises(StateFileError):
        read_state(tmp_path / "s.db", FORMS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state") / "whole.db"
    write(path)
    return path


@given(places=st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), min_size=1, max_size=5))
def test_broken_bytes_are_noticed_or_do_not_matter(whole: Path, places: list[tuple[int, int]]) -> None:
    content = bytearray(whole.read_bytes())
    for place, difference in places:
        content[place % len(content)] ^= difference
    broken = whole.with_name("broken.db")
    broken.write_bytes(content)
    try:
        found = read_state(broken, FORMS)
    except StateFileError:
        return
    assert found == StateRead(MOMENT, stopped=True, whose="", tables=TABLES)


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_is_noticed(whole: Path, share: float) -> None:
    content = whole.read_bytes()
    cut = whole.with_name("cut.db")
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StateFileError):
        read_state(cut, FORMS)


class TestTakingBack:
    def test_a_state_outlasts_a_restart(self, tmp_path: Path, said: list[str]) -> None:
        save(keeper_of(tmp_path / "s.db"), Kept(7))
        new = Kept()
        keeper = keeper_of(tmp_path / "s.db", MOMENT._replace(monotonic_ns=8_000_000_000))
        keeper.restore(new)
        assert (new.count, new.read_with) == (7, [(0, 8_000_000_000, True)])
        assert keeper.saved_at == 1_700_000_000.0
        assert said == [f"INFO State: taken back from {tmp_path / 's.db'}, as it was 3.0 s ago\n"]

    @pytest.mark.parametrize("goes_on", [True, False])
    def test_what_no_stop_saved_may_be_behind_what_was_shown(
        self, tmp_path: Path, said: list[str], *, goes_on: bool
    ) -> None:
        write_state(tmp_path / "s.db", MOMENT, (FEW,), TABLES, stopped=False)
        new = Kept()
        keeper_of(tmp_path / "s.db", counters_after_crash=goes_on).restore(new)
        assert [counted for *_, counted in new.read_with] == [goes_on]
        assert said[1].startswith("WARNING State: no stop saved it")

    def test_the_first_start_finds_nothing(self, tmp_path: Path, said: list[str]) -> None:
        keeper = keeper_of(tmp_path / "s.db")
        keeper.restore(Kept())
        assert keeper.saved_at is None
        assert said == [f"INFO State: {tmp_path / 's.db'} is not there yet: beginning anew\n"]

    @pytest.mark.parametrize(
        ("content", "why"),
        [("none", "file is not a database"), ("newer", "is of version"), ("wrong", "less than nothing")],
    )
    def test_what_cannot_be_read_is_put_aside(
        self, tmp_path: Path, said: list[str], content: str, why: str
    ) -> None:
        path = tmp_path / "s.db"
        save(keeper_of(path), Kept(-1))
        if content == "none":
            path.write_text("no database, but long enough for one" * 30)
        elif content == "newer":
            changed(path, f"PRAGMA user_version = {VERSION + 1}")
        before = path.read_bytes()
        new = Kept()
        keeper = keeper_of(path)
        keeper.restore(new)
        assert (new.count, new.read_with) == (0, [])
        (line,) = said
        assert line.startswith("ERROR ")
        assert why in line
        assert line.endswith("; it is s.db.unreadable now: beginning anew\n")
        assert path.with_name("s.db.unreadable").read_bytes() == before
        # And from now on there is one again.
        save(keeper, Kept(3))
        keeper_of(path).restore(new)
        assert new.count == 3

    def test_a_state_of_another_partition_is_put_aside(self, tmp_path: Path, said: list[str]) -> None:
        save(StateKeeper(tmp_path / "s.db", 1.0, lambda: MOMENT, whose="partition 0 of 2"), Kept(7))
        new = Kept()
        StateKeeper(tmp_path / "s.db", 1.0, lambda: MOMENT, whose="partition 0 of 1").restore(new)
        assert new.count == 0
        assert "(it is of partition 0 of 2, and this is partition 0 of 1)" in said[0]

    def test_what_is_no_file_stays_where_it_is(self, tmp_path: Path, said: list[str]) -> None:
        (tmp_path / "s.db").mkdir()
        keeper_of(tmp_path / "s.db").restore(Kept())
        assert "cannot be read (it is no file), nor put aside" in said[0]
        assert (tmp_path / "s.db").is_dir()


@contextmanager
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestADiskThatTakesNothing:
    def test_what_was_saved_before_stays_and_it_is_said_once(self, tmp_path: Path, said: list[str]) -> None:
        keeper = keeper_of(tmp_path / "s.db")
        save(keeper, Kept(1))
        with full_disk():
            for _ in range(3):
                save(keeper, Kept(2))
        assert keeper.failures == 3
        assert keeper.saved_at == 1_700_000_000.0
        assert [path.name for path in tmp_path.iterdir()] == ["s.db"]
        new = Kept()
        keeper_of(tmp_path / "s.db").restore(new)
        assert new.count == 1
        save(keeper, Kept(4))
        assert keeper.failures == 3
        failed, _, again = said
        assert failed.startswith(f"ERROR State: {tmp_path / 's.db'} cannot be saved, and stays as it was: ")
        assert again == f"INFO State: {tmp_path / 's.db'} is saved again\n"

    def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        keeper = keeper_of(tmp_path / "none" / "s.db")
        keeper.restore(Kept())
        save(keeper, Kept(1))
        assert (keeper.failures, keeper.saved_at) == (1, None)

    def test_one_that_never_answers_does_not_hold_up_a_stop(
        self, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        over = threading.Event()
        monkeypatch.setattr(module, "_LAST_SECONDS", 0.05)
        monkeypatch.setattr(module, "write_state", lambda *_, **__: over.wait(60))
        save(keeper_of(tmp_path / "s.db"), Kept(1))
        over.set()
        assert said == [f"ERROR State: {tmp_path / 's.db'} could not be saved in time, and stays as it was\n"]

    def test_a_state_that_cannot_be_taken_is_no_end_either(self, tmp_path: Path, said: list[str]) -> None:
        class Broken(Kept):
            def take(self) -> Callable[[], Tables]:
                raise RuntimeError("a bug")

        keeper = keeper_of(tmp_path / "s.db")
        save(keeper, Broken())
        assert keeper.failures == 1
        assert "RuntimeError('a bug')" in said[0]

    def test_what_cannot_be_written_of_a_state_is_no_end_either(self, tmp_path: Path) -> None:
        keeper = keeper_of(tmp_path / "s.db")
        save(keeper, Kept(2**70))
        assert keeper.failures == 1


def test_it_is_saved_at_intervals(tmp_path: Path) -> None:
    state = Kept(5)
    keeper = keeper_of(tmp_path / "s.db")

    async def keep() -> None:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keeper.keep, state)
                for count in (5, 6):
                    state.count = count
                    new = Kept()
                    while new.count != count:
                        await anyio.sleep(0.01)
                        keeper_of(tmp_path / "s.db").restore(new)
                tasks.cancel_scope.cancel()

    anyio.run(keep)
    found = read_state(tmp_path / "s.db", (FEW,))
    assert found is not None
    assert not found.stopped


def begin(keeper: StateKeeper, until: Callable[[], bool]) -> None:
    """Let a keeper begin to keep, and end before its first interval is over."""

    async def keep() -> None:
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keeper.keep, Kept())
                while not until():  # noqa: ASYNC110  a file sets no event
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()

    anyio.run(keep)


def test_who_is_killed_before_the_first_interval_is_over_was_not_stopped(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    save(keeper_of(path), Kept(7))
    keeper = keeper_of(path, interval_seconds=1000.0)
    keeper.restore(Kept())
    before = read_state(path, (FEW,))
    assert before is not None
    assert before.stopped  # whoever does not come to serve leaves it as it was

    def marked() -> bool:
        found = read_state(path, (FEW,))
        return found is not None and not found.stopped

    begin(keeper, marked)
    assert read_state(path, (FEW,)) == before._replace(stopped=False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]
    save(keeper, Kept(8))
    assert not marked()


def test_a_disk_that_does_not_take_that_is_told_of(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(keeper_of(tmp_path / "s.db"), Kept(7))
    keeper = keeper_of(tmp_path / "s.db", interval_seconds=1000.0)
    keeper.restore(Kept())

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "mark_running", full)
    begin(keeper, lambda: keeper.failures > 0)
    assert said[-1].startswith(f"ERROR State: {tmp_path / 's.db'} cannot be saved")


def test_the_present_names_the_run_of_the_machine() -> None:
    first, second = present_moment(), present_moment()
    assert first.boot == second.boot != ""
    assert first.monotonic_ns <= second.monotonic_ns


def test_it_is_not_written_before_what_came_of_it_is_safe(tmp_path: Path) -> None:
    path, kept = tmp_path / "s.db", Kept(1)
    order: list[str] = []

    async def settled() -> None:
        order.append("settled")
        assert not path.exists()
        # What changes meanwhile is not in the copy.
        kept.count = 2
        await anyio.lowlevel.checkpoint()

    def written() -> None:
        assert read_state(path, kept.forms) is not None
        order.append("written")

    keeper = StateKeeper(path, 60.0, lambda: MOMENT, settled=settled, written=written)
    anyio.run(keeper.save, kept)
    assert order == ["settled", "written"]
    found = read_state(path, kept.forms)
    assert found is not None
    assert found.tables["few"]["count"] == [1]


def test_what_never_gets_safe_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.db"
    monkeypatch.setattr(module, "_LAST_SECONDS", 0.05)
    keeper = StateKeeper(path, 60.0, lambda: MOMENT, settled=anyio.sleep_forever)
    anyio.run(keeper.save, Kept(1))
    assert not path.exists()
