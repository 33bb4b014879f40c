"""Real exporters share a simulated fleet: together they show what was sent, and each heard all of it.

And what a real Prometheus records of the whole fleet is the same, however many they are.
"""

import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from alerts.__main__ import rule_files
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition, Labels
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.prometheus_server import Prometheus
from tests.integration.simulation import Simulated, simulate
from tests.integration.soon import Soon
from tests.support.partitions import FOREIGN, NEVER_ADDED

FLEET = (
    *("--devices", "80", "--rate", "200", "--duration", "4s", "--symbols", "30"),
    *("--request-timeout", "3s", "--slow-latency", "1.5s", "--late", "0.03", "--boots", "0.03"),
)
# What depends on the machine's pace.
BY_THE_CLOCK = (
    "tickrmeter_stock_update_latency_seconds_bucket",
    "tickrmeter_stock_update_latency_seconds_sum",
)


def together(shown: list[Exposition], name: str) -> dict[Labels, float]:
    sums: Counter[Labels] = Counter()
    for each in shown:
        sums.update(each.named(name))
    return {labels: value for labels, value in sums.items() if value}


EXACT = (
    "sum by (fleet) (tickrmeter_messages_total)",
    'sum by (fleet) (tickrmeter_stock_update_outcomes_total{outcome="timeout"})',
    "sum by (fleet, firmware_version) (tickrmeter_devices_by_firmware_total)",
    "fleet:tickrmeter_devices_online:sum",
    "fleet:tickrmeter_devices_known:sum",
    "fleet_firmware:tickrmeter_devices_online:sum",
    "fleet:tickrmeter_device_battery_level_bucket:count",
    "fleet:tickrmeter_device_battery_level_low:ratio",
    "fleet:tickrmeter_stock_updates_pending:sum",
    "fleet:tickrmeter_mqtt_connected:min",
    "count by (fleet) (fleet_symbol:tickrmeter_stock_update_requests:rate5m)",
)
# Rates reach to the ends of their window, which scrapes of several targets do not meet alike. They miss the
# first count of a series: the same in each set, since a pair is in one exporter however many there are.
ALIKE = (
    "fleet:tickrmeter_messages:rate5m",
    "fleet:tickrmeter_stock_update_latency_seconds:mean5m",
    "fleet:tickrmeter_stock_update_latency_seconds:quantile",
)


def test_the_figures_of_the_fleet_are_the_same_with_1_2_and_4_partitions(tmp_path: Path) -> None:
    (tmp_path / "recording.rules.yaml").write_text(rule_files(Soon())["recording.rules.yaml"])
    with Mosquitto(tmp_path) as broker, ExitStack() as stack:
        sets: dict[int, list[Exporter]] = {}
        for count in (1, 2, 4):
            for index in range(count):
                directory = tmp_path / f"{index}-of-{count}"
                directory.mkdir()
                environment = settings(
                    broker.url,
                    # One for the whole set: without the index they would end each other's connections.
                    MQTT__CLIENT_ID=f"set-of-{count}",
                    PARTITION__COUNT=f"{count}",
                    PARTITION__INDEX=f"{index}",
                    MONITORING__REQUEST_TIMEOUT="3s",
                    PROMETHEUS__REFRESH_INTERVAL="0.5s",
                )
                exporter = stack.enter_context(Exporter(directory, environment, directory.name))
                sets.setdefault(count, []).append(exporter)
        everybody = [exporter for exporters in sets.values() for exporter in exporters]
        for exporter in everybody:
            exporter.wait_ready()
        targets = [
            {"targets": [f"127.0.0.1:{each.port}" for each in exporters], "labels": {"fleet": f"{count}"}}
            for count, exporters in sets.items()
        ]
        prometheus = stack.enter_context(
            Prometheus(
                tmp_path,
                [],
                f"rule_files: [{tmp_path}/recording.rules.yaml]",
                job="otel-tickrmeter",
                scraping={"static_configs": targets},
            )
        )
        prometheus.wait(
            lambda: len(prometheus.query("instance:tickrmeter_partition:chosen == 1")) == len(everybody),
            "to know three complete sets",
        )
        run = simulate(tmp_path, broker.url, *FLEET)

        def seen() -> bool:
            heard = prometheus.query("sum by (fleet) (tickrmeter_messages_total)")
            waiting = prometheus.query("sum(tickrmeter_stock_updates_pending) == 0")
            return [each.value for each in heard] == [run.sent] * len(sets) and bool(waiting)

        prometheus.wait(seen, "to have seen all that was sent")

        def same(query: str, tolerance: float) -> bool:
            found = {fleet: _answer(prometheus, query, fleet) for fleet in ("1", "2", "4")}
            return bool(found["1"]) and all(
                found[fleet] == pytest.approx(found["1"], rel=tolerance, abs=tolerance / 10)
                for fleet in ("2", "4")
            )

        # Rules are evaluated after scrapes; after that nothing changes any more.
        for query, tolerance in (*((each, 1e-9) for each in EXACT), *((each, 0.1) for each in ALIKE)):
            prometheus.wait(partial(same, query, tolerance), f"to be the same: {query}")
        for count, exporters in sets.items():
            assert_one(run, count, [exporter.scrape() for exporter in exporters])


def assert_one(run: Simulated, count: int, shown: list[Exposition]) -> None:
    """Each of a set heard everything; together they show what was sent."""
    for index, each in enumerate(shown):
        own = each.total("tickrmeter_messages_total")
        assert own > 0.2 * run.sent / count
        assert own + each.total(FOREIGN) == run.sent
        assert each.value("tickrmeter_partition_info", partition=f"{index}", partitions=f"{count}") == 1
        assert sum(each.named("tickrmeter_mqtt_connection_changes_total").values()) == 1
    for name, series in run.expected.items():
        if name not in {*NEVER_ADDED, *BY_THE_CLOCK}:
            assert together(shown, name) == {labels: value for labels, value in series.items() if value}, name


def _answer(prometheus: Prometheus, query: str, fleet: str) -> dict[frozenset[tuple[str, str]], float]:
    own = {"fleet", "__name__", "job"}
    return {
        frozenset((name, value) for name, value in found.labels.items() if name not in own): found.value
        for found in prometheus.query(query)
        if found.labels["fleet"] == fleet
    }


def test_from_2_to_3_and_back_under_load_nothing_times_out(tmp_path: Path) -> None:
    """As docs/partitions.md has it: the new one first, and the one that is to go last."""
    quick = ("--unanswered=0", "--late=0", "--superseded=0", "--slow-latency=0.3s", "--request-timeout=6s")
    running: dict[int, Exporter] = {}
    answered: list[float] = []
    timeouts: list[float] = []

    def stop(index: int) -> None:
        exporter = running.pop(index)
        shown = exporter.scrape().named("tickrmeter_stock_update_events_total")
        counts = {dict(labels)["event"]: value for labels, value in shown.items()}
        answered.append(counts["answered"])
        timeouts.append(counts["timeout"])
        exporter.__exit__(None, None, None)

    with Mosquitto(tmp_path) as broker:

        def start(index: int, count: int) -> None:
            directory = tmp_path / f"{index}-of-{count}-{len(answered)}"
            directory.mkdir()
            environment = settings(
                broker.url,
                PARTITION__COUNT=f"{count}",
                PARTITION__INDEX=f"{index}",
                MONITORING__REQUEST_TIMEOUT="6s",
            )
            running[index] = Exporter(directory, environment, directory.name)
            running[index].__enter__()
            running[index].wait_ready()

        def stop_the_rest() -> None:
            for exporter in running.values():
                exporter.__exit__(None, None, None)

        def restart(index: int, count: int) -> None:
            stop(index)
            start(index, count)

        fleet = ("--devices", "60", "--rate", "100", "--duration", "10m", "--symbols", "20", *quick)
        command = [sys.executable, "-m", "otel_tickrmeter", "simulate", "--broker", broker.url, *fleet]
        with ExitStack() as stack:
            stack.callback(stop_the_rest)
            start(0, 2)
            start(1, 2)
            log = stack.enter_context((tmp_path / "simulator.log").open("wb"))
            simulator = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(simulator.wait)
            stack.callback(simulator.kill)

            def waited(exporter: Exporter) -> bool:
                assert simulator.poll() is None, (tmp_path / "simulator.log").read_text()
                return _waited(exporter)

            for step in (
                partial(start, 2, 3),
                partial(restart, 1, 3),
                partial(restart, 0, 3),
                partial(restart, 0, 2),
                partial(restart, 1, 2),
                partial(stop, 2),
            ):
                step()
                for exporter in running.values():
                    # Whoever is there keeps something, and has kept it for longer than a request may wait.
                    exporter.wait(partial(waited, exporter), "to have kept some requests")
            stop(0)
            stop(1)
    assert len(answered) == 7
    assert min(answered) > 0
    assert timeouts == [0] * 7


def _waited(exporter: Exporter) -> bool:
    shown = exporter.scrape()
    began = shown.value("process_start_time_seconds")
    last = shown.named("tickrmeter_mqtt_last_message_timestamp_seconds").get(frozenset(), 0.0)
    return last - began > 8 and shown.value("tickrmeter_stock_update_events_total", event="answered") > 0
