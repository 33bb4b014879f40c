"""Tables of devices stay whole while a live Prometheus commits scrapes between the queries of one refresh.

The worst of refreshes: its first queries are asked, then devices come that are worse than all others and two
exporters show them, then the rest is asked for the same moment. Before that, more devices are equally bad
than a table has rows.
"""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.__main__ import rule_files
from alerts.recording import LOWEST_BATTERIES, MOST_WIFI_LOST, PICKED
from alerts.windows import Windows
from grafana.committed import PanelQuery, dashboards, filled, panel_queries
from grafana.query import SETTLED_SECONDS
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import on_the_wire, settings
from tests.integration.prometheus_server import Found, Prometheus
from tests.support.wire import status

JOB = "otel-tickrmeter"
TABLES = ("Lowest batteries that do not charge", "Devices that lose their wifi most")
EXPORTERS = ("one", "other")
FIRMWARES = ("2.4.0", "2.4.1")
DEVICES = 3 * PICKED
COMMITTED_SECONDS = 10.0
"""So long before the first query is what the tables show: half a minute before the moment asked for."""

PICKS_FOR_ITSELF = f"bottomk({PICKED}, min by (device_id) (tickrmeter_device_battery_level))"


class Fleet(NamedTuple):
    """Both exporters see all of the broker's devices, and Prometheus both exporters."""

    broker: Mosquitto
    prometheus: Prometheus

    def report(self, devices: range, *, battery: int, wifi_lost: int) -> None:
        """Each of the devices says how it is."""
        readings = {"battery": battery, "wifi_lost": wifi_lost, "uptime": 7_200, "vin": 4.9, "charging": 0}
        self.broker.publish(
            on_the_wire(
                status(
                    0,
                    f"08A6F79200{number:02X}",
                    status="online",
                    firmware_version=FIRMWARES[number % 2],
                    **readings,
                )
                for number in devices
            )
        )

    def shows(self, devices: int, at: float) -> bool:
        """Whether both exporters show so many devices at a moment."""
        expected = devices * len(EXPORTERS)
        return bool(self.prometheus.query(f"count(tickrmeter_device_battery_level) == {expected}", at))

    def wait_shown(self, devices: int, at: float) -> bool:
        """Waits until both show so many at a moment to come; returns whether they did by then."""
        self.prometheus.wait(lambda: self.shows(devices, at) or time.time() > at + 5, "to show more devices")
        return self.shows(devices, at)

    def ask(self, query: PanelQuery, firmware: str, at: float) -> dict[str, float]:
        """One column of a table: the values by device."""
        values = {"job": JOB, "instance": ".+", "firmware_version": firmware}
        return by_device(self.prometheus.query(filled(query.expression, values), at))


def by_device(found: list[Found]) -> dict[str, float]:
    values = {labels["device_id"]: value for labels, value in found}
    assert len(values) == len(found), "two rows of one device"
    return values


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    for name, text in rule_files(Windows()).items():
        (tmp_path / name).write_text(re.sub(r"^( *interval:) .*", r"\1 1s", text, flags=re.MULTILINE))
    rules = "rule_files: [recording.rules.yaml]\n"
    with (
        Mosquitto(tmp_path) as broker,
        _exporter(tmp_path, broker, EXPORTERS[0]) as one,
        _exporter(tmp_path, broker, EXPORTERS[1]) as other,
    ):
        targets = [f"127.0.0.1:{exporter.port}" for exporter in (one, other)]
        with Prometheus(tmp_path, targets, rules, job=JOB) as prometheus:
            for exporter in (one, other):
                exporter.wait_ready()
            yield Fleet(broker, prometheus)


def _exporter(directory: Path, broker: Mosquitto, name: str) -> Exporter:
    return Exporter(directory, settings(broker.url, MQTT__CLIENT_ID=name), name, measured=True)


def test_rows_are_whole_whatever_is_committed_between_two_queries(fleet: Fleet) -> None:
    known = DEVICES
    fleet.report(range(known), battery=3, wifi_lost=7)
    for _ in range(5):
        at = _when_settled(fleet, known)
        before = _tables(fleet, at)
        picked_before = by_device(fleet.prometheus.query(PICKS_FOR_ITSELF, at))
        fleet.report(range(known, known + 3), battery=1, wifi_lost=9)
        known += 3
        if fleet.wait_shown(known, at):
            break  # else the machine was too busy to show them by then
    else:
        pytest.fail("the machine is too busy for this test")
    # This is what such a moment does to who picks devices.
    assert picked_before.keys() != by_device(fleet.prometheus.query(PICKS_FOR_ITSELF, at)).keys()
    after = _tables(fleet, at)
    for (title, firmware), columns in before.items():
        rows = columns[0].keys()
        assert PICKED <= len(rows) <= PICKED * len(EXPORTERS) or firmware != ".+"
        for column in (*columns, *after[title, firmware]):
            assert column.keys() == rows, (title, firmware)
    chosen = [len(before[TABLES[0], firmware][0]) for firmware in FIRMWARES]
    assert sum(chosen) == len(before[TABLES[0], ".+"][0])


def _when_settled(fleet: Fleet, known: int) -> float:
    """A moment a little ahead; half a minute before it the fleet was whole and its sets recorded."""
    at = 0.0
    sets = " and ".join(
        f"count(count by (instance) ({name}) == {PICKED}) == {len(EXPORTERS)}"
        for name in (LOWEST_BATTERIES, MOST_WIFI_LOST)
    )

    def settled() -> bool:
        nonlocal at
        committed = time.time() - COMMITTED_SECONDS
        at = committed + SETTLED_SECONDS
        return fleet.shows(known, committed) and bool(fleet.prometheus.query(sets, committed))

    fleet.prometheus.wait(settled, "to have recorded the sets", seconds=120.0)
    return at


def _tables(fleet: Fleet, at: float) -> Mapping[tuple[str, str], list[dict[str, float]]]:
    """Every column of each table, by its title and the firmware that was chosen."""
    queries = list(panel_queries(dashboards()["tickrmeter-devices"]))
    return {
        (title, firmware): [fleet.ask(query, firmware, at) for query in queries if query.panel == title]
        for title in TABLES
        for firmware in (".+", *FIRMWARES)
    }
