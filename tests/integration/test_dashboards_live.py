"""Every query of every panel, variable and annotation, asked of a real Prometheus after a simulated run.

Two exporters, one in each level of detail, watch the same fleet, and the first an AutoCore fleet besides. The
rules' windows are a tenth of the real ones, and they are evaluated every second: when a window that is shown
began must not hang on a rule group's turn. The fleet does the same twice: a counter's first value is no
increase, so the first run makes the series and the second, which is measured, lies within one window of "five
minutes" that nothing of the first reaches.
"""

import json
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.__main__ import rule_files
from alerts.windows import Windows
from grafana.committed import (
    AnnotationQuery,
    PanelQuery,
    annotation_queries,
    dashboards,
    filled,
    panel_queries,
    variable_queries,
)
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from tests.integration.dashboard_tables import MAY_LACK, figures, joined_tables
from tests.integration.exporter import Exporter
from tests.integration.exposition import Series
from tests.integration.mosquitto import Mosquitto
from tests.integration.prometheus_server import Found, Prometheus
from tests.integration.simulation import Simulated, simulate, without
from tests.support.job_desk import TOKENS, write_tokens
from tools.job_client import JobClient
from tools.server_process import free_port

JOB = "otel-tickrmeter"
SHRINK = 10
WINDOW_SECONDS = 300 / SHRINK
SHOWN_SECONDS = 4.0
"""By then what is over is shown: made an exposition, scraped and evaluated, each every second."""
BETWEEN_SECONDS = 16.0
RUN = (
    *("--devices", "60", "--symbols", "20", "--symbols-per-device", "2", "--seed", "7"),
    *("--duration", "12s", "--rate", "140", "--unanswered", "0.05"),
    *("--request-timeout", "3s", "--slow-symbols", "3", "--slow-latency", "1.2s"),
    *("--boots", "0.03", "--offline", "0.02"),
)
SETTINGS = {
    "TICKRMETER_MONITORING__REQUEST_TIMEOUT": "3s",
    "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "1s",
    # At the end the gauges of a symbol show the second run, and nothing of the first.
    "TICKRMETER_MONITORING__LATENCY_WINDOW": f"{WINDOW_SECONDS:g}s",
}
ODDITIES = (
    ("STOCKPRICEUPDATE", b"no JSON"),
    ("STOCKPRICEUPDATE", b'{"device": "a stranger", "symbol": "AAPL"}'),
)
"""For the panels of what was set aside; twice, because a first count is no increase."""

BOARD = "E1"
_, ADMIN = TOKENS


def boards() -> Iterator[tuple[str, bytes]]:
    """Of the AutoCore fleet: some of all that its panels show; twice, as the above."""

    def told(topic: str, **fields: object) -> tuple[str, bytes]:
        return f"autocore/{topic}", json.dumps(fields).encode()

    figures = {"uptime": 4000, "memory_free": 30_000, "wifi_signal": -61, "timestamp": time.time()}
    yield told(f"{BOARD}/status", status="online", firmware_version="1.5", **figures)
    yield told("E2/status", status="online")
    yield told("E2/status", status="offline")
    for number in range(40):
        usual = 20 + number % 3 / 10
        yield told(f"{BOARD}/telemetry", temperature=usual, humidity=40, voltage=12.5, rpm=800 + number)
    yield told(f"{BOARD}/telemetry", temperature=90)
    for state in (True, False):
        yield told(f"{BOARD}/relay/3/status", state=state, triggered_by="web")
    yield told(f"devices/{BOARD}/telemetry", event="safety_shutoff", channel=1)
    yield told(f"{BOARD}/display/interaction", action="press")
    yield f"autocore/{BOARD}/telemetry", b"{"


DEVICE_DETAIL_ONLY = "(device detail)"
"""In the heading of a section, or of a panel, that has no data in symbol detail."""

DETAILS: tuple[Detail, ...] = ("device", "symbol")
MEAN = "tickrmeter_stock_update_avg_latency_seconds"


class Watched(NamedTuple):
    """Both exporters' figures are in `prometheus`; `at` is when to ask, Unix seconds."""

    prometheus: Prometheus
    instances: Mapping[Detail, str]
    run: Simulated
    at: float

    def variables(self, detail: Detail) -> Mapping[str, str]:
        """What stands in the place of the dashboards' variables: everything, of one exporter."""
        (device, *_) = (
            dict(labels)["device_id"] for labels in self.run.expected["tickrmeter_device_battery_level"]
        )
        return {
            "job": JOB,
            "instance": self.instances[detail],
            "symbol": ".+",
            "firmware_version": ".+",
            "device_id": device,
            "__rate_interval": "20s",
            "__range": f"{WINDOW_SECONDS:g}s",
        }

    def ask(self, expression: str, detail: Detail) -> Sequence[Found]:
        """An instant query with the variables filled in."""
        return self.prometheus.query(self.filled(expression, detail), self.at)

    def filled(self, expression: str, detail: Detail) -> str:
        """For a range query at one moment, the end of the range is that moment."""
        device = {"device_id": BOARD} if "autocore_" in expression else {}
        return filled(expression, {**self.variables(detail), **device})

    def panel(self, dashboard: str, title: str, detail: Detail, reference: str = "A") -> Sequence[Found]:
        """The answer to one target of the panel with this title."""
        queries = panel_queries(dashboards()[f"tickrmeter-{dashboard}"])
        (query,) = (query for query in queries if (query.panel, query.ref) == (title, reference))
        return self.ask(query.expression, detail)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("dashboards")
    rules = _write_rules(directory)
    with (
        Mosquitto(directory) as broker,
        _exporter(directory, broker, "device") as by_device,
        _exporter(directory, broker, "symbol") as by_symbol,
    ):
        instances: dict[Detail, str] = {
            "device": f"127.0.0.1:{by_device.port}",
            "symbol": f"127.0.0.1:{by_symbol.port}",
        }
        _backfill(directory, instances)
        with Prometheus(directory, tuple(instances.values()), rules, job=JOB) as prometheus:
            for exporter in (by_device, by_symbol):
                exporter.wait_ready()
            jobs = JobClient(by_device, ADMIN)
            broker.publish((*ODDITIES, *boards()))
            jobs.wait(_waits(jobs, "3s"), "completed")
            jobs.ask("GET", "/workers")
            first_run = simulate(directory, broker.url, *RUN)
            time.sleep(BETWEEN_SECONDS)
            # It ends in the middle of the run.
            _waits(jobs, "7s")
            run = simulate(directory, broker.url, *RUN)
            broker.publish((*ODDITIES, *boards()))
            jobs.ask("GET", "/workers")
            at = _when_shown(prometheus, run, first_run.sent + run.sent + 2 * len(ODDITIES))
            first_run_shown = first_run.ended + SHOWN_SECONDS
            window_start = at - WINDOW_SECONDS
            assert first_run_shown < window_start < run.started, "the machine is too busy for this test"
            yield Watched(prometheus, instances, run, at)


def _waits(jobs: JobClient, seconds: str) -> str:
    """Make a job that takes so long."""
    return jobs.create("fault", scenario=[{"step": "wait", "duration": seconds}], port=free_port())


def _when_shown(prometheus: Prometheus, run: Simulated, messages: int) -> float:
    """When both exporters showed all of the run, and the rules had seen it; and no scrape had just failed."""
    each = f"sum by (instance) (tickrmeter_messages_total) == {messages}"
    over = f"count({each}) == {len(DETAILS)} and on() sum(tickrmeter_stock_updates_pending) == 0"
    at = run.ended + SHOWN_SECONDS

    def shown() -> bool:
        nonlocal at
        if time.time() < at + 2:  # a scrape that began before has ended then
            return False
        # Rules are evaluated every second.
        found = bool(prometheus.query(over, at - 2) and prometheus.query("min(up) == 1", at))
        at += 0 if found else 1
        return found

    prometheus.wait(shown, "to show the run", seconds=60.0)
    return at


def _exporter(directory: Path, broker: Mosquitto, detail: Detail) -> Exporter:
    # In the clear, as Prometheus asks here; and handshakes that fail have figures all the same.
    (directory / "web.yml").write_text("http_server_config: {http2: false}\n")
    settings = {
        **SETTINGS,
        "TICKRMETER_MQTT__BROKER": broker.url,
        "TICKRMETER_MQTT__CLIENT_ID": f"exporter-{detail}",  # else each would take over the other's session
        "TICKRMETER_METRICS__DETAIL": detail,
        "TICKRMETER_PROMETHEUS__WEB_CONFIG_FILE": "web.yml",
        "TICKRMETER_AUTOCORE__ENABLED": str(detail == "device").lower(),
        "TICKRMETER_AUTOCORE__LAYOUTS": '["seed", "devices"]',
        "TICKRMETER_DAGDA__ENABLED": str(detail == "device").lower(),
        "TICKRMETER_DAGDA__TOKENS_FILE": str(write_tokens(directory / "tokens")),
    }
    return Exporter(directory, settings, f"exporter-{detail}", measured=True)


def _write_rules(directory: Path) -> str:
    files = rule_files(Windows(SHRINK))
    for name, text in files.items():
        (directory / name).write_text(re.sub(r"^( *interval:) .*", r"\1 1s", text, flags=re.MULTILINE))
    return f"rule_files: [{', '.join(files)}]\n"


def _backfill(directory: Path, instances: Mapping[Detail, str]) -> None:
    """Figures of yesterday and of a week ago, for the panels that compare."""
    lines = []
    for metric, value in HISTORY.items():
        for instance in instances.values():
            for ago_seconds in (7 * 86_400, 86_400):
                moment = int(time.time()) - ago_seconds
                lines += [
                    f'{metric}{{job="{JOB}",instance="{instance}"}} {value} {at}'
                    for at in range(moment - 300, moment + 600, 30)
                ]
    file = directory / "history.txt"
    file.write_text("\n".join((*sorted(lines, key=_series_and_time), "# EOF\n")))
    blocks = directory / "prometheus"
    done = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", file, blocks],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _series_and_time(line: str) -> tuple[str, int]:
    series, _, moment = line.rsplit(" ", 2)
    return series, int(moment)


HISTORY = {
    "instance:tickrmeter_stock_update_latency_seconds_sum:rate5m": 5,
    "instance:tickrmeter_stock_update_latency_seconds_count:rate5m": 10,
    "instance:tickrmeter_devices_online:sum": 77,
}

NO_DATA_HERE: Mapping[tuple[str, str], str] = {
    ("How requests end", "C"): "no connection is lost, so no request is abandoned",
    ("Messages repaired", "A"): "the simulator sends proper JSON",
    ("Dead letters", "A"): "there is no dead-letter file",
    ("Devices that ask for too many symbols", "A"): "devices ask for two symbols each",
    ("Oldest in the spool", "A"): "the database takes rows",
    ("Runs of rules, by how they ended", "A"): "there is no rule",
    ("What went wrong with the database", "A"): "nothing does",
    ("Unusual symbols now", "A"): "what is usual is known after half an hour",
}
"""Held to be empty, so that nothing stays here that has data."""

WITHOUT_JOBS = {"Controller", "Processor"}
"""Panels of the dashboard *Jobs* that have data where jobs are off."""

UNDECIDED = ("Slower than their own last hour", "A")
"""It has data when a minute of the clock has ended while the fleet was at it."""


def every_panel_query() -> list[PanelQuery]:
    found = [query for dashboard in dashboards().values() for query in panel_queries(dashboard)]
    return [query for query in found if (query.panel, query.ref) != UNDECIDED]


def is_expected(query: PanelQuery, detail: Detail) -> bool:
    if detail == "symbol" and DEVICE_DETAIL_ONLY in query.section + query.panel:
        return False
    if detail == "symbol" and query.dashboard in {"autocore", "jobs"}:
        return query.panel in WITHOUT_JOBS
    return (query.panel, query.ref) not in NO_DATA_HERE


@pytest.mark.parametrize("detail", DETAILS)
def test_every_panel_has_data(watched: Watched, detail: Detail) -> None:
    queries = every_panel_query()
    assert len(queries) > 60
    wrong = [
        (query.dashboard, query.place)
        for query in queries
        if bool(watched.ask(query.expression, detail)) is not is_expected(query, detail)
    ]
    assert wrong == []


@pytest.mark.parametrize("detail", DETAILS)
def test_every_row_of_a_joined_table_has_all_that_is_reported_of_it(watched: Watched, detail: Detail) -> None:
    tables = [table for table in joined_tables() if is_expected(table.queries[0], detail)]
    assert len(tables) == {"device": 6, "symbol": 2}[detail]
    wrong = []
    for table in tables:

        def rows(expression: str, key: str = table.key) -> set[str]:
            return {labels[key] for labels, _ in watched.ask(expression, detail) if key in labels}

        found = {query.ref: rows(query.expression) for query in table.queries}
        assert all(found.values()), table.title
        for query in table.queries:
            of_query = [rows(text) for text in figures(watched.filled(query.expression, detail))]
            excuse = MAY_LACK.get((table.title, query.ref))
            excused = rows(excuse) if excuse else set[str]()
            lacking = set.union(*found.values()) & set.intersection(*of_query) - found[query.ref] - excused
            wrong += [(table.title, query.ref, row) for row in sorted(lacking)]
    assert wrong == []


@pytest.mark.parametrize("detail", DETAILS)
def test_every_trend_has_data(watched: Watched, detail: Detail) -> None:
    span = {"start": str(watched.run.started), "end": str(watched.at), "step": "2"}
    wrong = []
    for query in every_panel_query():
        if not query.instant:
            expression = watched.filled(query.expression, detail)
            series = watched.prometheus.get("query_range", query=expression, **span)["result"]
            if bool(series) is not is_expected(query, detail):
                wrong.append((query.dashboard, query.place))
    assert wrong == []


@pytest.mark.parametrize("detail", DETAILS)
def test_every_variable_has_values(watched: Watched, detail: Detail) -> None:
    queries = [query for dashboard in dashboards().values() for query in variable_queries(dashboard)]
    assert {query.name for query in queries} == {
        "job",
        "instance",
        "symbol",
        "firmware_version",
        "device_id",
    }
    for query in queries:
        found = watched.prometheus.get(
            f"label/{query.label}/values", **{"match[]": watched.filled(query.expression, detail)}
        )
        if query.name == "device_id" and detail == "symbol":
            assert found == []
        else:
            assert found, query


def every_annotation() -> list[AnnotationQuery]:
    return [query for dashboard in dashboards().values() for query in annotation_queries(dashboard)]


@pytest.mark.parametrize("detail", DETAILS)
def test_every_annotation_answers(watched: Watched, detail: Detail) -> None:
    annotations = every_annotation()
    assert len(annotations) >= 8
    for annotation in annotations:
        watched.ask(annotation.expression, detail)


def test_connections_are_annotated(watched: Watched) -> None:
    expressions = {each.expression for each in every_annotation() if each.name == "Connection"}
    (expression,) = expressions
    changes = "tickrmeter_mqtt_connection_changes_total"
    first = watched.prometheus.value(f'min(timestamp({changes}{{event="connected"}}))', watched.at)
    assert first > 0
    assert watched.ask(expression, "device") == []  # nothing changed at the end


# Panels whose figures the simulation knows.


def by(label: str, found: Sequence[Found]) -> dict[str, float]:
    values = {labels[label]: value for labels, value in found}
    assert len(values) == len(found)
    return values


def total_by(label: str, series: Series) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for labels, value in series.items():
        sums[dict(labels)[label]] += value
    return dict(sums)


@pytest.mark.parametrize("detail", DETAILS)
def test_slowest_symbols(watched: Watched, detail: Detail) -> None:
    found = watched.panel("backend", "Ten slowest symbols by average response time", detail)
    planned = total_by("symbol", watched.run.approximate[MEAN])
    shown = by("symbol", found)
    assert len(shown) == 10
    assert list(shown.values()) == sorted(shown.values(), reverse=True)
    assert set(list(shown)[:3]) == watched.run.slow_symbols
    assert shown == {symbol: pytest.approx(planned[symbol], abs=0.05) for symbol in shown}


@pytest.mark.parametrize("detail", DETAILS)
def test_timeout_share(watched: Watched, detail: Detail) -> None:
    shown = by("symbol", watched.panel("backend", "Timeouts by symbol", detail))
    answered = total_by("symbol", watched.run.expected["tickrmeter_symbol_response_rate"])
    assert 5 < len(shown) <= 10
    # Which ten is decided by all of the time range, the first run included; how bad they are now is not.
    assert shown == pytest.approx({symbol: 1 - answered[symbol] for symbol in shown})


@pytest.mark.parametrize("detail", DETAILS)
def test_95th_percentile(watched: Watched, detail: Detail) -> None:
    (found,) = watched.panel("backend", "Median, 95th and 99th percentile", detail, "B")
    counts = total_by(
        "le", without("device_id", watched.run.expected["tickrmeter_stock_update_latency_seconds_bucket"])
    )
    bounds = sorted(counts, key=float)
    rank = 0.95 * counts["+Inf"]
    upper = next(bound for bound in bounds if counts[bound] >= rank)
    lower = bounds[bounds.index(upper) - 1] if upper != bounds[0] else "0"
    assert float(lower) < found.value <= float(upper)


@pytest.mark.parametrize("detail", DETAILS)
def test_distribution_of_response_times(watched: Watched, detail: Detail) -> None:
    shown = by("le", watched.panel("backend", "Distribution of response times", detail))
    counts = total_by("le", watched.run.expected["tickrmeter_stock_update_latency_seconds_bucket"])
    assert shown.keys() == counts.keys()
    expected = {le: count / WINDOW_SECONDS for le, count in counts.items()}
    assert shown == pytest.approx(expected, rel=0.1)


def test_battery_histogram(watched: Watched) -> None:
    shown = by("le", watched.panel("devices", "Battery levels", "device"))
    levels = list(watched.run.expected["tickrmeter_device_battery_level"].values())
    assert len(levels) > 40
    assert len(set(shown.values())) > 5
    assert shown == {le: sum(level <= float(le) for level in levels) for le in shown}
    assert shown["100"] == len(levels)


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize(
    ("panel", "label", "metric"),
    [
        ("Firmware", "firmware_version", "tickrmeter_devices_by_firmware_total"),
        ("Inner version", "iv", "tickrmeter_devices_by_firmware_total"),
        ("Flash id", "flash_id", "tickrmeter_devices_by_flash_id_total"),
        ("Charging", "charging_state", "tickrmeter_devices_by_charging_state_total"),
    ],
)
def test_shares(watched: Watched, detail: Detail, panel: str, label: str, metric: str) -> None:
    shown = by(label, watched.panel("devices", panel, detail))
    expected = total_by(label, watched.run.expected[metric])
    assert len(expected) > 1
    assert sum(shown.values()) == sum(expected.values())
    # A device may have said more in the first run than in the second, of which `expected` is.
    assert {name: count for name, count in shown.items() if count} == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("detail", DETAILS)
def test_comparison_with_the_past(watched: Watched, detail: Detail) -> None:
    title = "Mean response time against yesterday and last week"
    for reference in ("B", "C"):
        (past,) = watched.panel("backend", title, detail, reference)
        assert past.value == 0.5
