"""The history as text: CSV with every reading, and OpenMetrics that Prometheus takes in."""

import csv
import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_tickrmeter.cli import main
from otel_tickrmeter.fleets.autocore.exported import gauges
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.export import END_MARK, as_csv, as_openmetrics, pieces_of
from otel_tickrmeter.store.history import count_readings, sensors_of
from otel_tickrmeter.store.rows import Reading, Row
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, opened
from tests.integration.prometheus_server import Prometheus
from tests.support.store_rows import at, device, reading


def rows() -> list[Row]:
    return [
        reading(60, 21.5),
        reading(0, 20.25),
        reading(0, 55, key="humidity"),
        reading(0, 12.6, device="b", key="voltage"),
        reading(0, 15.5, device="b"),
        Reading("a-1-x", "b", 'can."speed\\', -3, at(0.1234567), at(1), "km/h\n", anomaly=True),
        reading(0, 120_000, key="memory_free"),
        reading(0, -61, key="wifi_signal"),
    ]


def openmetrics(database: Database) -> str:
    return "".join(as_openmetrics(database, sensors_of(database), None, None, gauges()))


def test_families_stand_together_and_times_rise(database: Database) -> None:
    write_batch(database, rows())
    text = openmetrics(database)
    samples = [line for line in text.splitlines() if not line.startswith("# HELP")]
    assert samples == [
        "# TYPE autocore_device_memory_free_bytes gauge",
        'autocore_device_memory_free_bytes{device_id="ESP32_001"} 120000.0 1769596200.000',
        "# TYPE autocore_device_wifi_signal_dbm gauge",
        'autocore_device_wifi_signal_dbm{device_id="ESP32_001"} -61.0 1769596200.000',
        "# TYPE autocore_telemetry_humidity_ratio gauge",
        'autocore_telemetry_humidity_ratio{device_id="ESP32_001"} 0.55 1769596200.000',
        "# TYPE autocore_telemetry_temperature_celsius gauge",
        'autocore_telemetry_temperature_celsius{device_id="ESP32_001"} 20.25 1769596200.000',
        'autocore_telemetry_temperature_celsius{device_id="ESP32_001"} 21.5 1769596260.000',
        'autocore_telemetry_temperature_celsius{device_id="b"} 15.5 1769596200.000',
        "# TYPE autocore_telemetry_value gauge",
        r'autocore_telemetry_value{device_id="b",sensor="can.\"speed\\",unit="km/h\n"} -3.0 1769596200.123',
        "# TYPE autocore_telemetry_voltage_volts gauge",
        'autocore_telemetry_voltage_volts{device_id="b"} 12.6 1769596200.000',
        "# EOF",
    ]
    assert text.count("# HELP ") == 6
    assert "# HELP autocore_telemetry_temperature_celsius Temperature.\n# TYPE autocore_te" in text


def test_of_readings_within_a_millisecond_the_last_is_told(database: Database) -> None:
    write_batch(database, [reading(0.0001, 1), reading(0.0009, 2), reading(0.001, 3)])
    lines = openmetrics(database).splitlines()
    assert [line.split()[1:] for line in lines if not line.startswith("#")] == [
        ["2.0", "1769596200.000"],
        ["3.0", "1769596200.001"],
    ]


def test_without_readings_there_is_only_the_end(database: Database) -> None:
    write_batch(database, [device(0)])
    assert openmetrics(database) == "# EOF\n"


@pytest.mark.parametrize("samples", [1, 2])
def test_going_on_after_any_piece_nothing_is_missing_or_told_twice(database: Database, samples: int) -> None:
    write_batch(database, [*rows(), *(reading(second, second) for second in range(100, 103))])
    sensors = [*sensors_of(database)]
    text, counted, place = "", [0, 0], None
    for _ in range(40):  # more than there are pieces
        # Each piece by a program that knows no more than the place of the one before.
        steps = pieces_of(database, sensors, None, None, gauges(), after=place, samples=samples)
        piece = next((each for each in steps if each.place != place), None)
        if piece is None:
            break
        text, place = text + piece.text, piece.place
        counted = [counted[0] + len(piece.samples), counted[1] + piece.readings]
    assert text + END_MARK == openmetrics(database)
    assert counted == [11, 11]


def test_a_piece_counts_readings_that_share_a_sample(database: Database) -> None:
    write_batch(database, [reading(0.0001, 1), reading(0.0009, 2), reading(0.001, 3)])
    (sensor,) = sensors_of(database)
    assert count_readings(database, sensor, None, None) == 3
    assert count_readings(database, sensor, at(0.0005), at(0.001)) == 1
    (piece,) = pieces_of(database, [sensor], None, None, gauges())
    assert (len(piece.samples), piece.readings) == (2, 3)


def test_csv_has_every_reading_as_it_was(database: Database) -> None:
    write_batch(database, rows())
    text = "".join(as_csv(database, sensors_of(database), None, None))
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(found) == len(rows())
    assert found[-3:-1] == [
        {
            "recorded_at": "2026-01-28T10:30:00.123457Z",
            "received_at": "2026-01-28T10:30:01.000000Z",
            "device_id": "b",
            "sensor": 'can."speed\\',
            "unit": "km/h\n",
            "value": "-3.0",
            "anomaly": "1",
        },
        {
            "recorded_at": "2026-01-28T10:30:00.000000Z",
            "received_at": "2026-01-28T10:30:01.000000Z",
            "device_id": "b",
            "sensor": "temperature",
            "unit": "celsius",
            "value": "15.5",
            "anomaly": "0",
        },
    ]


Export = Callable[..., int]


@pytest.fixture
def url(databases: Databases) -> str:
    url = databases.migrated()
    with opened(url) as database:
        write_batch(database, rows())
    return url


@pytest.fixture
def export(url: str, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Runs the command."""
    monkeypatch.setenv("DATABASE_URL", url)
    return lambda *options: main(["database", "export", *options])


def test_the_command_exports_what_is_meant(export: Export, capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--device", "ESP32_001", "--sensor", "temperature", "--format", "openmetrics")
    assert export(*options, "--from", "2026-01-28T10:30:01Z") == 0
    assert '{device_id="ESP32_001"} 21.5 1769596260.000\n# EOF\n' in capfd.readouterr().out
    assert export(*options, "--from", "2026-01-28", "--to", "2026-01-28T11:31:00+01:00") == 0
    shown = capfd.readouterr().out
    assert (shown.count("20.25"), shown.count("21.5")) == (1, 0)
    assert export(*options, "--to", "2026-01-28") == 0
    assert capfd.readouterr().out == "# EOF\n"


def test_into_a_file_it_is_the_same(
    export: Export, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "history.csv"
    assert export() == 0
    shown = capfd.readouterr().out
    assert export("--output", str(file)) == 0
    assert file.read_bytes().decode() == shown
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("options", [["--device", "none"], ["--sensor", "none"]])
def test_what_there_is_not_is_told(
    export: Export, url: str, options: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert export(*options) == 1
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.endswith(f": there are no readings of {options[0][2:]} 'none'\n")
    assert url not in shown.err or "sqlite" in url  # the password


def test_a_file_that_cannot_be_written_is_told(
    export: Export, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert export("--output", str(tmp_path / "none" / "x")) == 2
    assert capfd.readouterr().err.endswith("none/x' cannot be written: No such file or directory\n")
    assert export("--output", "/dev/full") == 1
    assert capfd.readouterr().err.endswith("the export cannot be written: No space left on device\n")


def test_prometheus_takes_it_in_and_answers_of_it(export: Export, tmp_path: Path) -> None:
    file = tmp_path / "history.txt"
    assert export("--format", "openmetrics", "--output", str(file)) == 0
    done = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", file, tmp_path / "prometheus"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    moment = at(61).timestamp()
    with Prometheus(tmp_path, [], "") as prometheus:
        assert (
            prometheus.value('autocore_telemetry_temperature_celsius{device_id="ESP32_001"}', moment) == 21.5
        )
        assert prometheus.value("autocore_telemetry_humidity_ratio", moment) == 0.55
        assert prometheus.value('autocore_telemetry_value{unit="km/h\\n"}', moment) == -3
        assert (
            prometheus.value("sum(sum_over_time(autocore_telemetry_temperature_celsius[2m]))", moment)
            == 57.25
        )
