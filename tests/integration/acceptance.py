"""`python -m tests.integration.acceptance`: an AutoCore fleet at full size, held to its truth.

500 devices of both layouts send 1,000 messages a second for a minute, with all that is odd: into both
databases, with both versions of MQTT; then with the database away for 20 s in the middle, with the exporter
killed twice, and with the broker restarted. Some twelve minutes; the checks do the same with a smaller fleet.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.integration.expected import (
    HUMID_RANGES,
    compare_exposed,
    compare_repeated,
    compare_thoughts,
    compare_times,
)
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.test_program_database import (
    KEPT,
    STEADY,
    compare,
    environment,
    readings_in,
    simulation,
    truth,
    wait_settled,
    wait_stored,
)
from tools.postgresql import PostgreSql

AWAY_SECONDS = 20.0
WAITED_SECONDS = 5.0
"""For how long a message may wait for a broker or an exporter that comes back at once."""
KILLED_SECONDS = 13.0
"""From one kill to the next: longer than from one saved state to the next."""
ONE_IN_TWENTY = ("--late", "0.05", "--duplicates", "0.05", "--leaves", "0.05", "--layouts", "seed,devices")
SAVED = {"STATE__FILE": "state.db", "STATE__INTERVAL": "10s", "STATE__COUNTERS_AFTER_CRASH": "saved"}
BOTH = '["seed", "devices"]'
CHANGES = "autocore_relay_changes_total"


class Size(NamedTuple):
    """Of the fleet."""

    devices: int
    rate: int
    seconds: int


class Site(NamedTuple):
    """What may break."""

    server: PostgreSql | None
    broker: Mosquitto
    exporter: Exporter


def nothing(_: Site) -> None:
    pass


def database_away(site: Site) -> None:
    assert site.server is not None
    site.server.stop()
    time.sleep(AWAY_SECONDS)
    site.server.start()


def exporter_killed(site: Site) -> None:
    for _ in range(2):
        os.kill(site.exporter.pid, signal.SIGKILL)
        site.exporter.wait_end()
        site.exporter.start()
        time.sleep(KILLED_SECONDS)


def broker_restarted(site: Site) -> None:
    site.broker.stop()
    time.sleep(1)
    site.broker.start()


class Case(NamedTuple):
    """One run."""

    kind: str
    protocol: str
    breaks: Callable[[Site], None] = nothing


CASES = (
    *(Case(kind, protocol) for kind in ("sqlite", "postgresql") for protocol in ("5", "3.1.1")),
    Case("postgresql", "5", database_away),
    Case("sqlite", "3.1.1", exporter_killed),
    Case("postgresql", "5", exporter_killed),
    Case("postgresql", "5", broker_restarted),
)


def main() -> int:
    """Run all cases and say how each went; the exit code is 1 when one was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.acceptance", description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--breaks", help="only the cases in which this breaks: nothing, exporter_killed, ...")
    options = parser.parse_args()
    size = Size(options.devices, options.rate, options.seconds)
    wrong = 0
    for case in CASES:
        if options.breaks not in {None, case.breaks.__name__}:
            continue
        begun = time.monotonic()
        try:
            said = _run(case, size)
        except AssertionError as error:
            said, wrong = f"WRONG {error}", wrong + 1
        what = f"{case.kind}, MQTT {case.protocol}, {case.breaks.__name__}"
        sys.stdout.write(f"{what}: {said} ({time.monotonic() - begun:.0f} s)\n")
        sys.stdout.flush()
    return 1 if wrong else 0


def _run(case: Case, size: Size) -> str:
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        directory = Path(temporary)
        persistent = ("persistence true", f"persistence_location {directory}/", "log_dest none")
        broker = stack.enter_context(Mosquitto(directory, settings=persistent))
        url, server = stack.enter_context(_database(case.kind, directory))
        given = environment(
            broker,
            url,
            MQTT__PROTOCOL=case.protocol,
            MQTT__QOS="1",
            AUTOCORE__LAYOUTS=BOTH,
            AUTOCORE__RANGES=HUMID_RANGES,
            **KEPT,
            **(SAVED if case.breaks is exporter_killed else {}),
        )
        with Exporter(directory, given, "exporter") as exporter:
            exporter.wait_ready()
            # What had to wait comes all at once, as a burst does.
            steady = STEADY if case.breaks in {exporter_killed, broker_restarted} else ()
            fleet = ("--devices", str(size.devices), *ONE_IN_TWENTY, "--patience", "20s", *steady)
            with simulation(directory, broker.url, size.rate, size.seconds, *fleet) as summary:
                time.sleep(size.seconds / 3)
                case.breaks(Site(server, broker, exporter))
            run = truth(summary)
            wait_stored(exporter, url, run)
            changes = sum(each["value"] for each in run["expected"][CHANGES])
            exporter.wait(lambda: exporter.scrape().total(CHANGES) >= changes, "to count all switchings")
            wait_settled(exporter, run)
            shown = exporter.scrape()
            # What a broker has no word for, it sends once more.
            (compare_repeated if steady else compare_exposed)(shown, run)
            compare_times(shown, run, WAITED_SECONDS if steady else 0.0)
            compare_thoughts(shown, run)
            dropped = shown.total("autocore_queue_dropped_total")
            assert dropped == 0, f"{dropped:g} rows were dropped"
            assert exporter.stop() == 0
        compare(url, run, None if steady else shown)
        readings = readings_in(url)
        return f"{run['pace']['sent']:,} messages, {readings:,.0f} readings, all there once"


@contextmanager
def _database(kind: str, directory: Path) -> Iterator[tuple[str, PostgreSql | None]]:
    if kind == "sqlite":
        yield f"sqlite:///{directory}/autocore.db", None
        return
    with PostgreSql() as server:
        yield server.url(server.create()), server


if __name__ == "__main__":
    sys.exit(main())
