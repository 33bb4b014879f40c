"""The labels of a query's result, and the mistakes in names that follow from them."""

import pytest
from promql_parser import parse

from alerts.rule import Recording
from otel_tickrmeter.catalogue import catalogue
from tests.contract.grafana_known import known_metrics
from tests.contract.grafana_labels import LabelError, labels_of, recorded
from tests.contract.grafana_metrics import Metric, scraped

UPDATES = "tickrmeter_stock_update_requests_total"  # device_id, symbol
LATENCY = "tickrmeter_stock_update_latency_seconds"  # the same
OUTCOMES = "tickrmeter_stock_update_outcomes_total"  # firmware_version, outcome


@pytest.fixture(scope="module")
def metrics() -> dict[str, Metric]:
    return known_metrics()


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("vector(0)", ""),
        ("absent(up)", ""),
        ("up", "job instance"),
        ("-up", "job instance"),
        ("up * 2", "job instance"),
        ("2 * up", "job instance"),
        (UPDATES, "job instance device_id symbol"),
        (f"rate({UPDATES}[5m] offset 1d)", "job instance device_id symbol"),
        (f"max_over_time(rate({UPDATES}[5m])[1h:1m])", "job instance device_id symbol"),
        (f"sum({UPDATES})", ""),
        (f"sum by (symbol) ({UPDATES})", "symbol"),
        (f"sum without (device_id) ({UPDATES})", "job instance symbol"),
        # One rule may serve metrics with the label and without it.
        (f"sum without (device_id) ({OUTCOMES})", "job instance firmware_version outcome"),
        (f"topk(3, {UPDATES})", "job instance device_id symbol"),
        (f'count_values by (job) ("times", {UPDATES})', "job times"),
        (f"{LATENCY}_sum", "job instance device_id symbol"),
        (f"sum by (le) ({LATENCY}_bucket)", "le"),
        (f"histogram_quantile(0.9, sum by (le, symbol) ({LATENCY}_bucket))", "symbol"),
        ('label_replace(up, "short", "$1", "instance", "(.*):.*")', "job instance short"),
        ("up or tickrmeter_queue_size", "job instance queue"),
        ("tickrmeter_queue_size and on (job) up", "job instance queue"),
        ("up == 1", "job instance"),
        ("up == bool 1", "job instance"),
        ("up == on (job) up", "job instance"),
        ("up == bool on (job) up", "job"),
        ("up / on (job) up", "job"),
        ("up / ignoring (instance) up", "job"),
        (
            "tickrmeter_queue_size * on (job, instance) group_left (version) tickrmeter_build_info",
            "job instance queue version",
        ),
        (
            "tickrmeter_build_info * on (job, instance) group_right () tickrmeter_queue_size",
            "job instance queue",
        ),
    ],
)
def test_labels(query: str, labels: str, metrics: dict[str, Metric]) -> None:
    assert set(labels_of(parse(query), metrics) or {}) == set(labels.split())


@pytest.mark.parametrize(
    "query",
    [
        f'{OUTCOMES}{{outcome=~"answered|timeout"}}',
        f'{OUTCOMES}{{outcome!=""}}',
        'tickrmeter_messages_total{message_type!~".*request.*"}',
        'tickrmeter_messages_total{message_type=~"$type"}',
        'ALERTS{alertstate="firing", component="backend", symbol=~"$symbol"}',
        f'{LATENCY}_bucket{{le="+Inf"}}',
        f'{LATENCY}_bucket{{le="2.0"}}',
    ],
)
def test_values_that_occur_may_be_asked_for(query: str, metrics: dict[str, Metric]) -> None:
    assert labels_of(parse(query), metrics)


@pytest.mark.parametrize("query", ["1 + 2", "time()", "scalar(up)", '"text"'])
def test_what_is_no_vector_has_no_labels(query: str, metrics: dict[str, Metric]) -> None:
    assert labels_of(parse(query), metrics) is None


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("upp", "no such metric: upp"),
        ('{job="x"}', "no such metric: None"),
        # A histogram has no series of its bare name.
        (LATENCY, f"no such metric: {LATENCY}"),
        ('up{symbol="X"}', "up has no label symbol"),
        (f'{OUTCOMES}{{outcome="timed_out"}}', f"{OUTCOMES}: outcome is never 'timed_out'"),
        (f'{OUTCOMES}{{outcome=~"answered|lost"}}', f"{OUTCOMES}: outcome is never 'lost'"),
        (f'{LATENCY}_bucket{{le="2"}}', f"{LATENCY}_bucket: le is never '2'"),
        ('ALERTS{component="back"}', "ALERTS: component is never 'back'"),
        ("sum by (symbol) (up)", "up has no label symbol"),
        ("sum without (symbols) (up)", "up has no label symbols"),
        (
            f"histogram_quantile(0.9, sum by (symbol) ({LATENCY}_bucket))",
            "histogram_quantile has no label le",
        ),
        ("up / tickrmeter_queue_size", "only one side of '/' has queue"),
        ("up and tickrmeter_queue_size", "only one side of 'and' has queue"),
        ("up / ignoring (job) tickrmeter_queue_size", "only one side of '/' has queue"),
        ("up / on (queue) tickrmeter_queue_size", "up has no label queue"),
    ],
)
def test_a_mistake(query: str, complaint: str, metrics: dict[str, Metric]) -> None:
    with pytest.raises(LabelError) as caught:
        labels_of(parse(query), metrics)
    assert str(caught.value) == complaint


def test_recorded_series_have_the_labels_of_their_expressions() -> None:
    rules = [
        Recording("a:up:sum", "sum without (instance) (up)", {"le": "1"}),
        Recording("a:up:sum", "sum without (instance) (up)", {"le": "2"}),
        Recording("b:up:max", "max without (job) (a:up:sum)"),
    ]
    metrics = recorded(rules, scraped(catalogue()))
    assert metrics["a:up:sum"].labels == {"job": frozenset(), "le": {"1", "2"}}
    assert metrics["b:up:max"].labels == {"le": {"1", "2"}}
    with pytest.raises(LabelError, match="le is never '3'"):
        labels_of(parse('a:up:sum{le="3"}'), metrics)
    with pytest.raises(LabelError, match="c:up:sum is no vector"):
        recorded([Recording("c:up:sum", "1")], metrics)
    with pytest.raises(LabelError, match="no such metric: later:up:sum"):
        recorded([Recording("c:up:sum", "sum(later:up:sum)")], metrics)
