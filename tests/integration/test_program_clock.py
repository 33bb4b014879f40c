"""The calendar's clock is set by hours, forth and back: no duration of the program's goes by it."""

import sys
from pathlib import Path

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ABANDONED,
    LATENCY_BUCKET,
    LATENCY_COUNT,
    RESPONSES,
    TIMEOUTS,
    Pairs,
    changes,
    device_ids,
    handled,
    settings,
    unaccounted,
)
from tests.support.wire import A

PROGRAM = """
import pathlib, sys, time

seconds, nanoseconds = time.time, time.time_ns

def offset():
    told = pathlib.Path("step")
    return int(told.read_text()) if told.exists() else 0

time.time = lambda: seconds() + offset()
time.time_ns = lambda: nanoseconds() + offset() * 10**9
from otel_tickrmeter.__main__ import main
sys.exit(main())
"""
LAST_SEEN = "tickrmeter_device_last_seen_timestamp"
HOURS = 3600
STEPS = (6 * HOURS, -6 * HOURS)


def test_the_clock_is_set_forth_and_back(tmp_path: Path) -> None:
    devices = [A, *device_ids(5)]
    program = (sys.executable, "-c", PROGRAM)
    with Mosquitto(tmp_path) as broker:
        environment = settings(
            broker.url,
            MONITORING__REQUEST_TIMEOUT="5s",
            MONITORING__DEVICE_TIMEOUT="60s",
            MESSAGES__DEAD_LETTER_FILE="letters",
        )
        with Exporter(tmp_path, environment, program=program, arguments=["--capture", "c.gz"]) as exporter:
            exporter.wait_ready()
            with Pairs(broker, devices) as pairs:
                for step in (0, *STEPS):
                    before = exporter.scrape()
                    # In place whole: it is read all the time.
                    (tmp_path / "new").write_text(str(step))
                    (tmp_path / "new").rename(tmp_path / "step")
                    sought = before.total(RESPONSES) + 60
                    exporter.wait(
                        lambda sought=sought: exporter.scrape().total(RESPONSES) > sought,  # type: ignore[misc]
                        "to see answers",
                    )
                    assert exporter.get("/-/ready").status_code == 200
            exposition = handled(exporter, 2 * pairs.sent)
            assert exposition.total(RESPONSES) == exposition.total(LATENCY_COUNT) == pairs.sent
            assert exposition.total(LATENCY_BUCKET, le="1.0") >= pairs.sent - pairs.slower_than(1.0)
            assert exposition.total(TIMEOUTS) == exposition.total(ABANDONED) == 0
            assert exposition.total("tickrmeter_series_expired_total") == 0
            assert unaccounted(exposition) == 0
            assert changes(exposition, "lost") == {}
            # It is a time of the calendar, and goes with it.
            seen = exposition.value(LAST_SEEN, device_id=A)
            assert abs(seen - (tmp_path / "step").stat().st_mtime - STEPS[-1]) < HOURS
            assert exporter.stop() == 0
        assert [line for line in exporter.log.splitlines() if " INFO " not in line] == []
