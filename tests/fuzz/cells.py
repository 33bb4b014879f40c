"""A state that was saved, with cells that nobody has saved and checksums that are right all the same."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import anyio

from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.statefile.keeper import StateKeeper
from otel_tickrmeter.statefile.layout import CHECKSUMS, VERSION, add_to_checksum
from otel_tickrmeter.stream.message import Subscribed, Watermark
from tests.support.assembly import SECOND_NS, START_NS, assemble, compact_telemetry, expose
from tests.support.saved_state import SAVED, path_of
from tests.support.wire import answer, request

_LATER = Moment("another run", START_NS, SAVED.unix_ns + 40 * SECOND_NS)
_CHANGE_BYTES = 8
_VALUES: Sequence[Callable[[bytes], object]] = (
    lambda value: int.from_bytes(value, signed=True),
    lambda value: int.from_bytes(value, signed=True) << 31,
    lambda value: value[0],
    lambda value: value.decode("latin-1"),
    lambda value: value,
    lambda value: value * 2,
    lambda value: int.from_bytes(value) / 7,
    lambda _: None,
    lambda _: float("inf"),
    lambda value: f"[{value[0]},{value[1]}]",
    lambda value: json.dumps([[value[0], None], "x", 1e308]),
)


def state_cells(data: bytes) -> bool:
    """Whatever cells it has, it is taken back or put aside, and the program goes on."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "state.db")
        shutil.copy(path_of(VERSION), path)
        _change(path, data)
        telemetry = compact_telemetry("device")
        assembly = assemble(telemetry, "device")
        keeper = StateKeeper(path, 60.0, lambda: _LATER)
        keeper.restore(assembly.lasting(telemetry))
        taken_back = path.exists()
        later_ns = START_NS + 1000 * SECOND_NS
        assembly.play([Subscribed(START_NS), request(START_NS), answer(START_NS + 1)])
        assembly.play([Watermark(later_ns, 0, later_ns)])
        expose(telemetry)
        anyio.run(keeper.save, assembly.lasting(telemetry))
        assert keeper.failures == 0
    return taken_back


def _change(path: Path, data: bytes) -> None:
    """Eight bytes for each: which table, column and row, what kind of value, and four bytes of it."""
    with closing(sqlite3.connect(path)) as database, database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [name for (name,) in tables if name != CHECKSUMS.name]
        for start in range(0, len(data) - _CHANGE_BYTES + 1, _CHANGE_BYTES):
            table, column, row, kind, *value = data[start : start + _CHANGE_BYTES]
            name = names[table % len(names)]
            columns = [found[1] for found in database.execute(f"PRAGMA table_info([{name}])")]
            made = _VALUES[kind % len(_VALUES)](bytes(value))
            change = f"UPDATE [{name}] SET [{columns[column % len(columns)]}] = ? WHERE rowid = ?"  # noqa: S608  ours
            database.execute(change, (made, row % 8 + 1))
        for name in names:
            checksum = 0
            for cells in database.execute(f"SELECT * FROM [{name}] ORDER BY rowid"):  # noqa: S608  ours
                checksum = add_to_checksum(checksum, cells)
            told = f"UPDATE [{CHECKSUMS.name}] SET checksum = ? WHERE name = ?"  # noqa: S608  ours
            database.execute(told, (checksum, name))
