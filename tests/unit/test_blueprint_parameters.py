"""What the jobs at the database take as parameters."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.jobs.blueprint import BlueprintParameterError, read_parameters
from tests.support.worker_process import surroundings


def read(name: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401  as JSON has it
    return dict(read_parameters(blueprints()[name], given, surroundings(Path("/none"))))


def faults(name: str, **given: Any) -> str:  # noqa: ANN401  the same
    with pytest.raises(BlueprintParameterError) as raised:
        read(name, **given)
    return str(raised.value)


@pytest.mark.parametrize("name", ["backfill", "retention", "anomaly_scan"])
def test_they_can_go_on_after_a_restart(name: str) -> None:
    assert blueprints()[name].name == name
    assert blueprints()[name].resumable


def test_without_parameters_they_do_what_is_usual() -> None:
    assert read("retention") == {"rest": 1}
    window = {"device": None, "sensor": None, "start": None, "end": None}
    assert read("anomaly_scan") == {**window, "last": None, "threshold": 3.5, "findings": 100}
    assert read("backfill", output="x") == {**window, "to": "file", "output": "x"}
    assert faults("backfill") == "output: must be given"
    assert read("backfill", to="otlp") == {**window, "to": "otlp", "output": None}
    assert faults("backfill", to="otlp", output="x") == "output: there is no file with otlp"


def test_times_have_a_zone() -> None:
    given = read("backfill", output="x", start="2026-01-28T11:30:00+01:00", end="2026-01-28T10:31:00Z")
    assert given["start"] == datetime(2026, 1, 28, 10, 30, tzinfo=UTC)
    for wrong in ("2026-01-28T10:30:00", "2026-01-28", "soon", 5, True):
        assert "start: must be a time with a zone" in faults("backfill", output="x", start=wrong)


@pytest.mark.parametrize("end", ["2026-01-28T10:30:00Z", "2026-01-28T10:29:59Z"])
@pytest.mark.parametrize(("name", "more"), [("backfill", {"output": "x"}), ("anomaly_scan", {})])
def test_a_window_has_its_end_after_its_start(name: str, more: dict[str, str], end: str) -> None:
    assert faults(name, **more, start="2026-01-28T10:30:00Z", end=end) == "end: must be after start"


def test_the_last_hours_have_no_other_bounds() -> None:
    assert read("anomaly_scan", last="6h")["last"] == 6 * 3600
    for bound in ("start", "end"):
        given = {"last": "6h", bound: "2026-01-28T10:30:00Z"}
        assert faults("anomaly_scan", **given) == "last: goes with neither start nor end"


@pytest.mark.parametrize("threshold", [3, 3.0, "3", " 3.0 "])
def test_a_threshold_may_be_any_number(threshold: object) -> None:
    assert read("anomaly_scan", threshold=threshold)["threshold"] == 3.0


@pytest.mark.parametrize("threshold", [0, 1001, "nan", float("nan"), "x", True, [3], 10**400])
def test_what_is_no_threshold_is_told(threshold: object) -> None:
    assert faults("anomaly_scan", threshold=threshold) == "threshold: must be a number from 0.1 to 1000"
