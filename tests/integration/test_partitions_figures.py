"""Real exporters share a simulated fleet: together they show what was sent, and each heard all of it.

What a real Prometheus records of the whole fleet, what alerts compare and what dashboards add up is the same
however many they are, and where three whole sets of them run side by side.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import orjson
import pytest
from promql_parser import BinaryExpr, Expr, parse

from alerts.__main__ import rule_files
from alerts.document import OF_THE_FLEET, alert_groups
from alerts.exporter import JOB
from alerts.fleet import CHOSEN, SPARE
from alerts.rule import Alert
from grafana.committed import dashboards, filled, panel_queries
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition, Labels
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.prometheus_server import Found, Prometheus
from tests.integration.simulation import Simulated, simulate
from tests.integration.soon import Soon
from tests.support.partitions import FOREIGN, NEVER_ADDED
from tools.dashlint.promql.walk import children

Sets = dict[str, list[Exporter]]
"""Exporters by how many share the fleet, in the order in which they were started."""

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
    "sum by (job, fleet) (tickrmeter_messages_total)",
    'sum by (job, fleet) (tickrmeter_stock_update_outcomes_total{outcome="timeout"})',
    "sum by (job, fleet, firmware_version) (tickrmeter_devices_by_firmware_total)",
    "fleet:tickrmeter_devices_online:sum",
    "fleet:tickrmeter_devices_known:sum",
    "fleet_firmware:tickrmeter_devices_online:sum",
    "fleet:tickrmeter_device_battery_level_bucket:count",
    "fleet:tickrmeter_device_battery_level_low:ratio",
    "fleet:tickrmeter_stock_updates_pending:sum",
    "fleet:tickrmeter_mqtt_connected:min",
    "count by (job, fleet) (fleet_symbol:tickrmeter_stock_update_requests:rate5m)",
)
# Rates reach to the ends of their window, which scrapes of several targets do not meet alike.
ALIKE = (
    "fleet:tickrmeter_messages:rate5m",
    "fleet:tickrmeter_stock_update_latency_seconds:mean5m",
    "fleet:tickrmeter_stock_update_latency_seconds:quantile",
)
SIDE_BY_SIDE = "side-by-side"
"""The job of all three sets as one fleet."""
SIDE = f'{{job="{SIDE_BY_SIDE}"}}'
OWN = {"fleet", "__name__", "job"}
"""Labels that tell what is compared apart, and none of it."""
BOARDS = [f"autocore/B{number}/status" for number in range(8)]


def test_the_figures_of_the_fleet_are_the_same_with_1_2_and_4_partitions(tmp_path: Path) -> None:
    for name, text in rule_files(Soon()).items():
        (tmp_path / name).write_text(text)
    with Mosquitto(tmp_path) as broker, ExitStack() as stack:
        sets = {count: [*started(stack, tmp_path, broker, int(count))] for count in ("1", "2", "4")}
        for exporters in sets.values():
            for exporter in exporters:
                exporter.wait_ready()
        first = simulate(tmp_path, broker.url, *FLEET)
        for exporters in sets.values():
            exporters[0].wait(partial(handled, exporters, first), "to have handled all, with the others")
            assert_one(first, [exporter.scrape() for exporter in exporters])
        for status in ("online", "offline", "online"):
            told(broker, BOARDS, status)
        # From here on Prometheus looks: it has each series before it grows, so that rates miss no count.
        prometheus = stack.enter_context(looking(tmp_path, sets))
        # Of those side by side the first one counts.
        prometheus.wait(lambda: len(prometheus.query(CHOSEN)) == 1 + 2 + 4 + 1, "to know each set")
        told(broker, BOARDS[:4], "offline")
        second = simulate(tmp_path, broker.url, *FLEET)
        prometheus.wait(partial(seen, prometheus, first.sent + second.sent), "to have seen all that was sent")
        # Rules are evaluated after scrapes; after that nothing changes any more.
        for query, tolerance in (
            *((each, 1e-9) for each in EXACT),
            *((each, 0.1) for each in (*ALIKE, *compared())),
        ):
            prometheus.wait(partial(same, prometheus, query, tolerance), f"to be the same: {query}")
        assert_dashboards_show_one(prometheus, sets["1"][0], second)
        assert_the_next_set_counts(prometheus, sets)


def started(stack: ExitStack, directory: Path, broker: Mosquitto, count: int) -> Iterator[Exporter]:
    """Start a whole set."""
    for index in range(count):
        own = directory / f"{index}-of-{count}"
        own.mkdir()
        environment = settings(
            broker.url,
            # One for the whole set: without the index they would end each other's connections.
            MQTT__CLIENT_ID=f"set-of-{count}",
            PARTITION__COUNT=f"{count}",
            PARTITION__INDEX=f"{index}",
            MONITORING__REQUEST_TIMEOUT="3s",
            PROMETHEUS__REFRESH_INTERVAL="0.5s",
            AUTOCORE__ENABLED="true",
            AUTOCORE__DATABASE="false",
        )
        yield stack.enter_context(Exporter(own, environment, own.name))


def looking(directory: Path, sets: Sets) -> Prometheus:
    """A Prometheus that has each set as a fleet, and all of them as another one."""
    targets: list[dict[str, object]] = [
        {"targets": _names(exporters), "labels": {"fleet": count}} for count, exporters in sets.items()
    ]
    everybody = [name for exporters in sets.values() for name in _names(exporters)]
    targets.append({"targets": everybody, "labels": {"job": SIDE_BY_SIDE}})
    rules = f"rule_files: ['{directory}/*.rules.yaml']"
    return Prometheus(directory, [], rules, job=JOB, scraping={"static_configs": targets})


def handled(exporters: list[Exporter], run: Simulated) -> bool:
    """Whether each of a set has heard all of it, and nothing waits."""
    shown = [exporter.scrape() for exporter in exporters]
    heard = {each.total("tickrmeter_messages_total") + each.total(FOREIGN) for each in shown}
    return heard == {run.sent} and not sum(each.total("tickrmeter_stock_updates_pending") for each in shown)


def seen(prometheus: Prometheus, sent: int) -> bool:
    """Whether it has scraped all that was sent."""
    heard = prometheus.query("sum by (job, fleet) (tickrmeter_messages_total)")
    waiting = prometheus.query("sum(tickrmeter_stock_updates_pending) == 0")
    return sorted(each.value for each in heard) == [sent, sent, sent, 3 * sent] and bool(waiting)


def same(prometheus: Prometheus, query: str, tolerance: float) -> bool:
    """Whether it has the same answer for each fleet."""
    # What is asked of every exporter has all three sets where they are side by side.
    fleets = ("1", "2", "4", *([SIDE_BY_SIDE] if ":" in query else []))
    found = [_answer(prometheus, query, fleet) for fleet in fleets]
    return bool(found[0]) and all(
        each == pytest.approx(found[0], rel=tolerance, abs=tolerance / 10) for each in found[1:]
    )


def compared() -> list[str]:
    """What alerts about a whole fleet compare, but for what it was in the past."""
    (group,) = (group for group in alert_groups(Soon()) if group.name == OF_THE_FLEET)
    sides = [
        side.prettify()
        for alert in group.rules
        if isinstance(alert, Alert)
        for side in _sides(parse(alert.expression))
    ]
    # Wifi losses are a gauge that each run begins anew: a rate of it goes by when it was scraped.
    left_out = ("offset", ":mean1d", "wifi_lost")
    return sorted({each for each in sides if "fleet" in each and not any(word in each for word in left_out)})


def _sides(node: Expr) -> Iterator[Expr]:
    for child in children(node):
        yield from _sides(child)
    if isinstance(node, BinaryExpr) and str(node.op) in {">", "<", ">=", "<="}:
        yield from (node.lhs, node.rhs)


def assert_dashboards_show_one(prometheus: Prometheus, alone: Exporter, run: Simulated) -> None:
    """What dashboards add up of three sets side by side is what they show of one of them."""
    device, *_ = (dict(labels)["device_id"] for labels in run.expected["tickrmeter_device_battery_level"])
    variables = {"symbol": ".+", "firmware_version": ".+", "device_id": device}
    variables |= {"__rate_interval": "1m", "__range": "5m"}
    one = {"job": JOB, "instance": f"127.0.0.1:{alone.port}", **variables}
    all_sets = {"job": SIDE_BY_SIDE, "instance": ".+", **variables}
    seen = 0
    for dashboard in dashboards().values():
        for query in panel_queries(dashboard):
            if SPARE in query.expression:
                expected, found = (
                    _by_labels(prometheus.query(filled(query.expression, each))) for each in (one, all_sets)
                )
                # Each target is scraped at a time of its own; two sets would be twice as much.
                assert found == pytest.approx(expected, rel=0.3, nan_ok=True), query
                seen += any(expected.values())
    assert seen > 40


def assert_the_next_set_counts(prometheus: Prometheus, sets: Sets) -> None:
    """Once the first of the sets that are side by side is gone; and none was ever added to another one."""
    known_devices = f"fleet:tickrmeter_devices_known:sum{SIDE}"
    devices = prometheus.value(known_devices)
    assert sets["1"][0].stop() == 0

    def known(record: str) -> set[str]:
        return {each.labels["instance"] for each in prometheus.query(f"{record}{SIDE}")}

    prometheus.wait(lambda: known(CHOSEN) == {*_names(sets["2"])}, "to go by the second set")
    prometheus.wait(lambda: known(SPARE) == {*_names(sets["4"])}, "to leave the third one out")
    prometheus.wait(lambda: bool(prometheus.query(known_devices)), "to have figures of it")
    assert prometheus.value(known_devices) == devices
    assert prometheus.value(f"max_over_time({known_devices}[5m])") == devices


def _names(exporters: list[Exporter]) -> list[str]:
    return [f"127.0.0.1:{each.port}" for each in exporters]


def _by_labels(found: list[Found]) -> dict[frozenset[tuple[str, str]], float]:
    return {
        frozenset((name, value) for name, value in each.labels.items() if name not in OWN): each.value
        for each in found
    }


def told(broker: Mosquitto, boards: list[str], status: str) -> None:
    """Boards of the other fleet are there, or lost."""
    message = orjson.dumps({"status": status, "reason": "unexpected_disconnect"})
    broker.publish([(board, message) for board in boards])


def assert_one(run: Simulated, shown: list[Exposition]) -> None:
    """Each of a set heard everything; together they show what was sent."""
    count = len(shown)
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
    told_apart = "job" if fleet == SIDE_BY_SIDE else "fleet"
    return _by_labels([each for each in prometheus.query(query) if each.labels.get(told_apart) == fleet])
