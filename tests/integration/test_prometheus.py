"""A real Prometheus scrapes the real exporter through a simulated run, and is asked what operators ask."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest

from otel_tickrmeter.rows import all_rows
from tests.integration.exporter import Exporter
from tests.integration.exposition import Labels, Series
from tests.integration.mosquitto import Mosquitto
from tests.integration.prometheus_server import Found, Prometheus
from tests.integration.recording_proxy import Exchange, recording_proxy
from tests.integration.simulation import Simulated, simulate, without

FLEET = (
    *("--devices", "200", "--symbols", "20", "--rate", "100", "--duration", "25s", "--seed", "5"),
    *("--request-timeout", "5s", "--slow-symbols", "3", "--slow-latency", "3s"),
    *("--unanswered", "0.05", "--boots", "0.03", "--offline", "0.05"),
)
MEAN = "tickrmeter_stock_update_avg_latency_seconds"
REQUESTS = "tickrmeter_stock_update_requests_total"
RESPONSES = "tickrmeter_stock_update_responses_total"
TIMEOUTS = "tickrmeter_stock_update_timeout_total"
BUCKETS = "tickrmeter_stock_update_latency_seconds_bucket"


class Scraped(NamedTuple):
    """A run that Prometheus has seen to its end; all of it still runs, and nothing changes any more.

    `at` is when to ask for: no scrape had just failed then. One that a busy machine makes too slow takes all
    series away until the next.
    """

    run: Simulated
    exporter: Exporter
    prometheus: Prometheus
    exchanges: Sequence[Exchange]
    at: float

    def query(self, promql: str) -> list[Found]:
        return self.prometheus.query(promql, self.at)

    def value(self, promql: str) -> float:
        return self.prometheus.value(promql, self.at)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    directory = tmp_path_factory.mktemp("prometheus")
    with (
        Mosquitto(directory) as broker,
        Exporter(
            directory,
            {
                "TICKRMETER_MQTT__BROKER": broker.url,
                "TICKRMETER_MONITORING__REQUEST_TIMEOUT": "5s",
                "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "1s",
            },
            measured=True,
        ) as exporter,
        recording_proxy(exporter.port) as (proxy_port, exchanges),
    ):
        exporter.wait_ready()
        with Prometheus(directory, [f"127.0.0.1:{proxy_port}"]) as prometheus:
            prometheus.wait(lambda: bool(prometheus.query("up == 1")), "to have scraped")
            run = simulate(directory, broker.url, *FLEET)
            over = (
                f"sum(tickrmeter_messages_total) == {run.sent} and on() tickrmeter_stock_updates_pending == 0"
            )
            at = 0.0

            def seen() -> bool:
                nonlocal at
                # Of all that began before it, a scrape of a second at most has ended.
                at = time.time() - 2
                return bool(prometheus.query(over, at))

            prometheus.wait(seen, "to have seen everything", seconds=60.0)
            yield Scraped(run, exporter, prometheus, exchanges, at)
        assert exporter.stop() == 0


def by_symbol(series: Series) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for labels, value in series.items():
        sums[dict(labels)["symbol"]] += value
    return dict(sums)


def as_series(found: Sequence[Found]) -> dict[Labels, float]:
    """What Prometheus found, without the labels that it added itself."""
    added = {"__name__", "job", "instance"}
    return {
        frozenset(pair for pair in labels.items() if pair[0] not in added): value for labels, value in found
    }


def symbols(found: Sequence[Found]) -> list[str]:
    return [labels["symbol"] for labels, _ in found]


# The scrape.


def test_it_negotiates_openmetrics(scraped: Scraped) -> None:
    assert len(scraped.exchanges) >= 20
    for exchange in scraped.exchanges:
        assert exchange.path == "/metrics"
        assert "application/openmetrics-text" in exchange.accept
        assert exchange.status == 200
        assert exchange.content_type.startswith("application/openmetrics-text; version=1.0.0")
        assert exchange.content_encoding == "gzip"


def test_every_scrape_succeeds(scraped: Scraped) -> None:
    # But for those that took the second which is allowed: a busy machine may do that to any program.
    failed = "(up == bool 0) * (scrape_duration_seconds < bool 1)"
    assert scraped.value(f"max_over_time(({failed})[10m:1s])") == 0
    assert scraped.value("avg_over_time(up[10m])") > 0.8
    kept = scraped.value("scrape_samples_post_metric_relabeling")
    assert kept == scraped.value("scrape_samples_scraped")
    assert kept == scraped.value("tickrmeter_exposition_series")
    assert [line for line in scraped.prometheus.log.splitlines() if "level=info" not in line] == []
    refused = [
        line
        for line in scraped.prometheus.own_metrics().splitlines()
        if line.startswith(("prometheus_target_scrapes_sample_", "prometheus_target_scrapes_exceeded_"))
    ]
    assert len(refused) >= 3
    assert [line for line in refused if not line.endswith(" 0")] == []


def test_it_knows_types_units_and_help(scraped: Scraped) -> None:
    known = scraped.prometheus.get("metadata")
    shown = scraped.exporter.scrape().types
    rows = [row for row in all_rows() if row.exposed in shown]
    assert len(rows) > 45
    for row in rows:
        counter = row.exposed_type == "counter"
        (metadata,) = known[row.exposed.removesuffix("_total") if counter else row.exposed]
        assert (metadata["type"], metadata["help"]) == (row.exposed_type, row.description)
        if row.exposed.endswith("_seconds"):
            assert metadata["unit"] == "seconds", row.exposed
    named_like_counters = [row.exposed for row in rows if row.exposed.endswith("_total")]
    assert {known[name][0]["type"] for name in named_like_counters if name in known} == {"gauge"}
    assert "tickrmeter_devices_online_total" in known


def test_it_holds_every_sample(scraped: Scraped) -> None:
    for name, series in scraped.run.expected.items():
        held = as_series(scraped.query(name))
        if name.endswith("_bucket"):
            assert held.keys() == series.keys(), name
        elif name.endswith("latency_seconds_sum"):
            assert held == pytest.approx(series, abs=0.3 * 20), name
        else:
            assert {labels: value for labels, value in held.items() if value or labels in series} == series, (
                name
            )


# What operators ask.


def test_slowest_symbols(scraped: Scraped) -> None:
    run = scraped.run
    slowest = scraped.query(f"topk(10, {MEAN})")
    assert len(slowest) == 10
    assert set(symbols(slowest)[:3]) == run.slow_symbols
    values = [found.value for found in slowest]
    assert values == sorted(values, reverse=True)
    planned = by_symbol(run.approximate[MEAN])
    assert {found.labels["symbol"]: found.value for found in slowest} == {
        symbol: pytest.approx(planned[symbol], abs=0.3) for symbol in symbols(slowest)
    }
    (first,) = scraped.query("tickrmeter_stock_update_slowest_symbol_seconds")
    assert first.labels["symbol"] == slowest[0].labels["symbol"]


def test_ranking(scraped: Scraped) -> None:
    ranking = scraped.query("sort_desc(tickrmeter_slowest_symbols_ranking)")
    assert [found.labels["rank"] for found in ranking] == [str(rank) for rank in range(1, 11)]
    assert scraped.run.slow_symbols <= set(symbols(ranking))
    score = f"{MEAN} + 10 * (1 - tickrmeter_symbol_response_rate)"
    scores = {found.labels["symbol"]: found.value for found in scraped.query(score)}
    assert {found.labels["symbol"]: found.value for found in ranking} == pytest.approx(
        {symbol: scores[symbol] for symbol in symbols(ranking)}
    )


def test_devices_by_firmware_and_online(scraped: Scraped) -> None:
    run = scraped.run
    by_firmware = scraped.query("sum by (firmware_version) (tickrmeter_devices_by_firmware_total)")
    expected = without("iv", run.expected["tickrmeter_devices_by_firmware_total"])
    assert len(expected) > 2
    assert as_series(by_firmware) == expected
    online = sum(run.expected["tickrmeter_devices_online_total"].values())
    assert online < 200  # some have gone offline
    assert scraped.value("sum(tickrmeter_devices_online_total)") == online


def test_request_rate_by_symbol(scraped: Scraped) -> None:
    run, prometheus = scraped.run, scraped.prometheus
    rates = prometheus.query(f"sum by (symbol) (rate({REQUESTS}[20s]))", run.ended)
    sent = by_symbol(run.expected[REQUESTS])
    assert set(symbols(rates)) == sent.keys()
    for found in rates:
        # In device detail most series begin within the window, and rate() cannot see their first request.
        assert 0 < found.value <= sent[found.labels["symbol"]] / 10


@pytest.mark.parametrize("name", [REQUESTS, RESPONSES, TIMEOUTS, "tickrmeter_symbol_timeout_total"])
def test_totals_by_symbol(scraped: Scraped, name: str) -> None:
    totals = scraped.query(f"sum by (symbol) ({name}) > 0")
    expected = by_symbol(scraped.run.expected[name])
    assert len(expected) > 5
    assert {found.labels["symbol"]: found.value for found in totals} == expected


def test_95th_percentile_from_the_buckets(scraped: Scraped) -> None:
    run = scraped.run
    query = f"histogram_quantile(0.95, sum by (le, symbol) ({BUCKETS}))"
    found = {labels["symbol"]: value for labels, value in scraped.query(query)}
    planned: defaultdict[str, dict[float, float]] = defaultdict(dict)
    for labels, count in without("device_id", run.expected[BUCKETS]).items():
        symbol, bound = dict(labels)["symbol"], float(dict(labels)["le"])
        planned[symbol][bound] = count
    assert found.keys() == planned.keys()
    for symbol, counts in planned.items():
        low, high = bucket_of(0.95, counts)
        assert low <= found[symbol] <= high, symbol
    for symbol in run.slow_symbols:
        assert 2 < found[symbol] <= 5


def bucket_of(quantile: float, counts: dict[float, float]) -> tuple[float, float]:
    """Lower and upper bound of the bucket that holds the quantile of cumulative counts.

    Two answers more or less widen it: the measured latency of a few may lie beyond the edge of a bucket.
    """
    rank = quantile * counts[float("inf")]
    edges = [0.0, *sorted(counts)]
    holding = [
        (low, high)
        for low, high in pairwise(edges)
        if counts[high] >= rank - 2 and counts.get(low, 0.0) <= rank + 2
    ]
    return holding[0][0], holding[-1][1]


def test_success_ratio(scraped: Scraped) -> None:
    run = scraped.run
    answered = sum(run.expected[RESPONSES].values())
    timed_out = sum(run.expected[TIMEOUTS].values())
    assert timed_out > 10
    ratio = f"sum({RESPONSES}) / (sum({RESPONSES}) + sum({TIMEOUTS}))"
    assert scraped.value(ratio) == pytest.approx(answered / (answered + timed_out))
    outcomes = "tickrmeter_stock_update_outcomes_total"
    by_outcome = f'sum({outcomes}{{outcome="answered"}}) / sum({outcomes})'
    assert scraped.value(by_outcome) == pytest.approx(answered / (answered + timed_out))
    by_window = as_series(scraped.query("tickrmeter_symbol_response_rate"))
    assert by_window == run.expected["tickrmeter_symbol_response_rate"]
