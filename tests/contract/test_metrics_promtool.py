"""Prometheus' own linter on a full exposition. It knows better names, but these are the published ones."""

import subprocess
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from tests.support import jobs_assembly
from tests.support.assembly import assemble, compact_telemetry, expose
from tests.support.autocore_assembly import AutoCoreAssembly, database_day, rows
from tests.support.autocore_assembly import scripted as autocore_scripted
from tests.support.traffic import scripted

_GAUGE = 'non-counter metrics should not have "_total" suffix'
_COUNT = 'non-histogram and non-summary metrics should not have "_count" suffix'
# Each of these names is a gauge that dashboards already know: renaming it would break them.
EVERYWHERE: Mapping[str, str] = MappingProxyType(
    {
        "tickrmeter_devices_online_total": _GAUGE,
        "tickrmeter_devices_by_firmware_total": _GAUGE,
        "tickrmeter_devices_by_charging_state_total": _GAUGE,
        "tickrmeter_devices_by_flash_id_total": _GAUGE,
    }
)
IN_DEVICE_DETAIL: Mapping[str, str] = MappingProxyType(
    {"tickrmeter_device_wifi_lost_count": _COUNT, "tickrmeter_device_boot_count": _COUNT}
)


def complaints_of(exposition: bytes) -> list[list[str]]:
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    # 3: linted, with complaints; 1 would be text that it cannot parse.
    assert checked.returncode in (0, 3)
    return sorted(
        line.split(" ", 1) for line in (checked.stdout + checked.stderr).decode().splitlines() if line
    )


def test_promtool_has_nothing_to_say_of_the_other_fleet() -> None:
    telemetry = compact_telemetry("device", rows=rows())
    fleet = AutoCoreAssembly(telemetry)
    fleet.play(autocore_scripted())
    database_day(fleet.keeper)
    assert complaints_of(expose(telemetry)) == []


def test_promtool_complains_of_published_names_of_jobs_only() -> None:
    telemetry = compact_telemetry("device", rows=jobs_assembly.ROWS)
    jobs_assembly.JobsAssembly(telemetry).scripted()
    assert complaints_of(expose(telemetry)) == [
        ["dagda_shards_total", _GAUGE],
        ["dagda_workers_total", _GAUGE],
    ]


@pytest.mark.parametrize(
    ("detail", "complaints"), [("device", {**EVERYWHERE, **IN_DEVICE_DETAIL}), ("symbol", EVERYWHERE)]
)
def test_promtool_complains_of_published_names_only(detail: Detail, complaints: Mapping[str, str]) -> None:
    telemetry = compact_telemetry(detail)
    assemble(telemetry, detail).play(scripted())
    found = complaints_of(expose(telemetry))
    assert found == sorted([name, text] for name, text in complaints.items())
