"""The labels of an expression's result, and the mistakes in names that follow from them."""

import re

import pytest
from promql_parser import parse

from alerts.rule import Recording
from otel_tickrmeter.rows import all_rows
from tools.dashlint.project import known_metrics
from tools.dashlint.promql.labels import ANY, LabelError, Metric, either, labels_of
from tools.dashlint.promql.metrics import recorded, scraped

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
        ('absent(up{job="x", instance=~"y.+"})', "job"),
        ('absent_over_time((up{job="x"})[5m:1m])', ""),
        ('absent_over_time(up{job="x"}[5m])', "job"),
        ('absent((up{job="x"}))', "job"),
        ("absent(sum(up))", ""),
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
        (f"topk(3, {UPDATES})", "job instance device_id symbol"),
        (f'count_values by (job) ("times", {UPDATES})', "job times"),
        (f"{LATENCY}_sum", "job instance device_id symbol"),
        (f"sum by (le) ({LATENCY}_bucket)", "le"),
        (f"histogram_quantile(0.9, sum by (le, symbol) ({LATENCY}_bucket))", "symbol"),
        ('label_replace(up, "short", "$1", "instance", "(.*):.*")', "job instance short"),
        ("up or scrape_duration_seconds", "job instance"),
        ("up or on (job) tickrmeter_queue_size", "job instance queue"),
        ("up unless ignoring (instance) up", "job instance"),
        ("tickrmeter_queue_size and on (job) up", "job instance queue"),
        ("up == 1", "job instance"),
        ("up == bool 1", "job instance"),
        # Prometheus 3 says so too: a comparison does not keep the others.
        ("up == on (job) up", "job"),
        ("up == bool on (job) up", "job"),
        ("up / on (job) up", "job"),
        ("up / ignoring (instance) up", "job"),
        # A label that only some targets have.
        ("up / on (job, fleet) up", "job"),
        ("up and on (job, fleet) up", "job instance"),
        ("sum without (instance, pod) (up)", "job"),
        (
            "tickrmeter_queue_size * on (job, instance) group_left (version) tickrmeter_build_info",
            "job instance queue version",
        ),
        (
            "tickrmeter_build_info * on (job, instance) group_right (version) tickrmeter_queue_size",
            "job instance queue version",
        ),
        (
            f"{OUTCOMES} / ignoring (outcome) group_left () sum without (outcome) ({OUTCOMES})",
            "job instance firmware_version outcome",
        ),
    ],
)
def test_labels(query: str, labels: str, metrics: dict[str, Metric]) -> None:
    assert set(labels_of(parse(query), metrics) or {}) == set(labels.split())


@pytest.mark.parametrize(
    "query",
    [
        f'{OUTCOMES}{{outcome=~"answered|timeout"}}',
        'tickrmeter_messages_total{message_type!~".*request.*"}',
        'tickrmeter_messages_total{message_type=~"$type"}',
        'tickrmeter_messages_total{message_type=~"(.*)_(request|response)"}',
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
        (f'{OUTCOMES}{{outcome!~"answered|time.?"}}', f"{OUTCOMES}: outcome is never 'time.?'"),
        (f'{OUTCOMES}{{outcome!=""}}', f"{OUTCOMES}: outcome is never ''"),
        (f'{OUTCOMES}{{outcome=~"(a|b)x"}}', f"{OUTCOMES}: outcome is never '(a|b)x'"),
        (f'{LATENCY}_bucket{{le="2"}}', f"{LATENCY}_bucket: le is never '2'"),
        ('absent(up{jobs="x"})', "up has no label jobs"),
        ("topk(scalar(upp), up)", "no such metric: upp"),
        ('ALERTS{component="back"}', "ALERTS: component is never 'back'"),
        ('ALERTS{severity="page"}', "ALERTS: severity is never 'page'"),
        ('ALERTS{alertstate="fire"}', "ALERTS: alertstate is never 'fire'"),
        ('ALERTS{alertname="HighLatency"}', "ALERTS: alertname is never 'HighLatency'"),
        ("sum by (symbol) (up)", "up has no label symbol"),
        # Nor may a rule be for metrics with the label and without it: it would hide a misspelt one.
        ("sum without (symbol) (up)", "up has no label symbol"),
        (
            f"histogram_quantile(0.9, sum by (symbol) ({LATENCY}_bucket))",
            "histogram_quantile has no label le",
        ),
        ("up / tickrmeter_queue_size", "only one side of '/' has queue"),
        ("up and tickrmeter_queue_size", "only one side of 'and' has queue"),
        ("up or tickrmeter_queue_size", "only one side of 'or' has queue"),
        ("up / ignoring (job) tickrmeter_queue_size", "only one side of '/' has queue"),
        ("up / ignoring (queue) up", "up / ignoring (queue) up has no label queue"),
        ("up / on (queue) tickrmeter_queue_size", "up has no label queue"),
        ("tickrmeter_queue_size / on (queue) up", "up has no label queue"),
        ("up * on (job) group_left (version) up", "up has no label version"),
        ("up * on (job) group_right (version) up", "up has no label version"),
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
    metrics = recorded(rules, scraped(all_rows()))
    assert metrics["a:up:sum"].labels == {"job": frozenset(), "le": {"1", "2"}}
    assert metrics["b:up:max"].labels == {"le": {"1", "2"}}
    with pytest.raises(LabelError, match="le is never '3'"):
        labels_of(parse('a:up:sum{le="3"}'), metrics)
    with pytest.raises(LabelError, match="c:up:sum is no vector"):
        recorded([Recording("c:up:sum", "1")], metrics)
    with pytest.raises(LabelError, match="no such metric: later:up:sum"):
        recorded([Recording("c:up:sum", "sum(later:up:sum)")], metrics)
    with pytest.raises(LabelError, match=re.escape("b:up:max is recorded with ['le'] and with []")):
        recorded([Recording("b:up:max", "max(up)")], metrics)


def test_a_label_that_may_be_anything_on_one_side_may_be_anything() -> None:
    assert either({"a": ANY, "b": frozenset("1")}, {"a": frozenset("1"), "b": frozenset("2")}) == {
        "a": ANY,
        "b": {"1", "2"},
    }
