"""The dashboard *Backend performance*: which symbols are slow or silent, and whether objectives are met."""

from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Panel

from alerts.objectives import LATENCY_OBJECTIVE, SUCCESS_OBJECTIVE
from alerts.recording import SLOW_SECONDS
from grafana.buckets import seconds_bars
from grafana.dashboard import (
    BACKEND,
    Made,
    Section,
    alerts,
    connection_changes,
    exporter_starts,
    make_dashboard,
)
from grafana.link import link_to
from grafana.panel import HEIGHT, bars, figure, heat, rows, trend
from grafana.query import Form, Query, distribution, select, table
from grafana.variable import datasource, instance, job, symbol
from otel_tickrmeter.fleets.tickrmeter.catalogue.stock_updates import LATENCY_BUCKETS

_SYMBOL = 'symbol=~"$symbol"'
_BUDGET_WINDOW = "30d"
SLOW = ((2, "yellow"), (10, "red"))
"""Seconds: the bound of the latency objective, and that of the alert HighSymbolLatency."""

ANSWERED = ((None, "red"), (0.95, "yellow"), (SUCCESS_OBJECTIVE, "green"))
_BUDGET = ((None, "red"), (0, "yellow"), (0.25, "green"))
_BURN = ((1, "yellow"), (14.4, "red"))
_BY_NAME = link_to(BACKEND, "symbol", "__field.labels.symbol")
_LATENCY = "tickrmeter_stock_update_latency_seconds"
_OUTCOMES = "instance:tickrmeter_stock_update_outcomes:rate5m"


def backend() -> Made:
    """Return the dashboard."""
    return make_dashboard(
        BACKEND,
        "TickrMeter / Backend performance",
        "How fast prices come, for which symbols they do not, and what is left of the error budget.",
        (datasource(), job(), instance(), symbol()),
        (
            Section("At a glance", _glance()),
            Section("Slowest symbols", _slowest()),
            Section("Objectives", _objectives()),
            Section("Response times of the chosen symbols", _response_times()),
            Section("What becomes of requests", _outcomes()),
            Section("Every symbol", _symbols()),
        ),
        annotations=(alerts('component="backend"'), connection_changes(), exporter_starts()),
    )


def _mean(offset: str = "") -> str:
    total, count = (select(f"instance:{_LATENCY}_{part}:rate5m") for part in ("sum", "count"))
    return f"sum({total}{offset}) / (sum({count}{offset}) > 0)"


def _glance() -> tuple[Panel, ...]:
    requests = select("symbol:tickrmeter_stock_update_requests:rate5m")
    answered = select(_OUTCOMES, 'outcome="answered"')
    slowest = select("tickrmeter_stock_update_slowest_symbol_seconds")
    return (
        figure(
            "Requests",
            "Prices that devices ask for, per second, mean of five minutes.",
            Query(f"sum({requests})"),
            unit="reqps",
        ),
        figure(
            "Answered in time",
            "Share of the requests that were answered before the request timeout, last five minutes.",
            Query(f"sum({answered}) / sum({select(_OUTCOMES)})"),
            unit="percentunit",
            steps=ANSWERED,
        ),
        figure(
            "Mean response time",
            "Of all answers of the last five minutes. Yellow: the mean is beyond what an update should take.",
            Query(_mean()),
            unit="s",
            steps=SLOW,
        ),
        figure(
            "Slowest symbol",
            "The symbol with the highest mean response time over its last 15 minutes (1,000 requests at"
            " most).",
            Query(f"topk(1, {slowest})", "{{symbol}}", instant=True),
            unit="s",
            steps=SLOW,
            text_mode=BigValueTextMode.VALUE_AND_NAME,
        ),
        figure(
            "Waiting",
            "Requests that wait for an answer now. It grows when answers stop.",
            Query(f"sum({select('tickrmeter_stock_updates_pending')})"),
        ),
        figure(
            "Symbols in use",
            "Symbols that were asked for within the last five minutes.",
            Query(f"count(sum by (symbol) ({requests}) > 0)"),
        ),
    )


def _slowest() -> tuple[Panel, ...]:
    mean = select("tickrmeter_symbol_avg_latency_seconds")
    score = select("tickrmeter_slowest_symbols_ranking")
    unusual = f"{select('tickrmeter_symbol_anomaly')} == 1"
    how_unusual = select("tickrmeter_symbol_anomaly_score")
    against_hour = select("tickrmeter_symbol_latency_trend_ratio", 'window="1h"')
    return (
        bars(
            "Ten slowest symbols by average response time",
            "Mean response time over each symbol's last 15 minutes. Click a bar to look at the symbol alone.",
            [Query(f"topk(10, max by (symbol) ({mean}))", "{{symbol}}", instant=True)],
            unit="s",
            steps=SLOW,
            link=_BY_NAME,
        ),
        bars(
            "Ten worst symbols by score",
            "The score is the mean response time in seconds plus ten times the share that timed out, so"
            " that a symbol which seldom answers ranks above one that is a little slow.",
            [Query(f"topk(10, max by (symbol) ({score}))", "{{symbol}}", instant=True)],
            unit="none",
            decimals=2,
            steps=SLOW,
            link=_BY_NAME,
        ),
        bars(
            "Unusual symbols now",
            "Symbols whose last minute was slower, or timed out more, than is usual for them: by how many"
            " of their usual spreads. Good: no data. A symbol that is always slow is not here.",
            [Query(f"topk(10, max by (symbol) ({how_unusual} and {unusual}))", "{{symbol}}", instant=True)],
            unit="none",
            decimals=1,
            steps=((5, "yellow"), (20, "red")),
            link=_BY_NAME,
        ),
        trend(
            "Slower than their own last hour",
            "Response time of the last five minutes by that of the last hour, of the five symbols that have"
            " slowed down most. 1: as before.",
            [Query(f"topk(5, max by (symbol) ({against_hour}))", "{{symbol}}")],
            unit="none",
            steps=((2, "yellow"), (5, "red")),
            link=_BY_NAME,
        ),
    )


def _objectives() -> tuple[Panel, ...]:
    timeouts = "instance:tickrmeter_stock_update_timeouts:ratio_rate"
    slow = "instance:tickrmeter_stock_update_slow:ratio_rate"
    failed = _over_budget_window(select(_OUTCOMES, 'outcome="timeout"'))
    ended = _over_budget_window(select(_OUTCOMES))
    quick = _over_budget_window(select(f"instance:{_LATENCY}_bucket:rate5m", f'le="{SLOW_SECONDS}"'))
    answered = _over_budget_window(select(f"instance:{_LATENCY}_count:rate5m"))
    return (
        *_objective(
            f"Answered in time, objective {SUCCESS_OBJECTIVE:.0%}",
            "Share of the requests that were answered before the request timeout",
            Query(f"1 - {select(f'{timeouts}1h')}", "{{instance}}"),
            Query(f"1 - ({failed} / {ended}) / {1 - SUCCESS_OBJECTIVE:.4g}"),
            SUCCESS_OBJECTIVE,
        ),
        *_objective(
            f"Answered within {float(SLOW_SECONDS):g} s, objective {LATENCY_OBJECTIVE:.0%}",
            f"Share of the answers that took {float(SLOW_SECONDS):g} seconds at most",
            Query(f"1 - {select(f'{slow}1h')}", "{{instance}}"),
            Query(f"1 - (1 - {quick} / {answered}) / {1 - LATENCY_OBJECTIVE:.4g}"),
            LATENCY_OBJECTIVE,
        ),
        trend(
            "Speed at which the error budgets are used",
            "1 means that a budget lasts exactly its 30 days; 14.4 that it is gone in two days, which"
            " alerts.",
            [
                Query(
                    f"{select(f'{ratio}1h')} / {1 - objective:.4g}",
                    f"{name}, {{{{instance}}}}",
                )
                for ratio, objective, name in (
                    (timeouts, SUCCESS_OBJECTIVE, "answered in time"),
                    (slow, LATENCY_OBJECTIVE, f"answered within {float(SLOW_SECONDS):g} s"),
                )
            ],
            unit="none",
            steps=_BURN,
            width=24,
        ),
    )


def _over_budget_window(selector: str) -> str:
    return f"sum(sum_over_time({selector}[{_BUDGET_WINDOW}]))"


def _objective(
    title: str, observed: str, share: Query, budget_left: Query, objective: float
) -> tuple[Panel, ...]:
    return (
        trend(
            title,
            f"{observed}, over one hour at a time. The dashed line is the objective.",
            [share],
            unit="percentunit",
            steps=((None, "red"), (objective, "green")),
            from_zero=False,
            width=8,
        ),
        figure(
            f"Budget left of {1 - objective:.0%}",
            f"What is left of {1 - objective:.0%} over 30 days: 100 % is all, below 0 the objective is"
            " missed.",
            Query(budget_left.expression, instant=True),
            unit="percentunit",
            steps=_BUDGET,
            width=4,
            height=HEIGHT,
        ),
    )


def _response_times() -> tuple[Panel, ...]:
    buckets = f"sum by (le) ({select(f'symbol:{_LATENCY}_bucket:rate5m', _SYMBOL)})"
    return (
        bars(
            "Distribution of response times",
            "Answers per second by how long they took, last five minutes; a bar's name is its upper bound.",
            [distribution(buckets)],
            unit="reqps",
            upright=True,
            overrides=seconds_bars(LATENCY_BUCKETS),
        ),
        heat(
            "Response times over time",
            "The same distribution at each moment: the more a cell stands out, the more answers took that"
            " long (seconds).",
            Query(buckets, "{{le}}", form=Form.BUCKETS),
            unit="reqps",
            axis_unit="s",
        ),
        trend(
            "Median, 95th and 99th percentile",
            "Half, 95 % and 99 % of the answers took no longer than this, within the accuracy of the"
            " buckets.",
            [
                Query(f"histogram_quantile({quantile}, {buckets})", name)
                for quantile, name in (
                    ("0.5", "median"),
                    ("0.95", "95th percentile"),
                    ("0.99", "99th percentile"),
                )
            ],
            unit="s",
            steps=SLOW,
        ),
        trend(
            "Mean response time against yesterday and last week",
            "All symbols together, beside the same hour a day and a week ago.",
            [
                Query(_mean(), "now"),
                Query(_mean(" offset 1d"), "a day ago"),
                Query(_mean(" offset 1w"), "a week ago"),
            ],
            unit="s",
        ),
    )


def _outcomes() -> tuple[Panel, ...]:
    answered = select("tickrmeter_symbol_response_rate", _SYMBOL)
    share = f"1 - min by (symbol) ({answered})"
    # Ten: a line of the map is high enough for its name.
    worst = f"topk(10, 1 - min by (symbol) (avg_over_time({answered}[$__range] @ end())) > 0)"
    unmatched = select("tickrmeter_stock_update_unmatched_total")
    by_symbol = {
        name: f"sum(rate({select(f'tickrmeter_stock_update_{name}_total')}[$__rate_interval]))"
        for name in ("superseded", "abandoned")
    }
    return (
        heat(
            "Timeouts by symbol",
            "Share of the requests that were not answered in time, over each symbol's last 15 minutes: the"
            " ten of the chosen symbols where it is greatest. A line that is bright throughout is a backend"
            " that does not answer; how many requests that is stands below, in the table of symbols.",
            Query(f"{share} and on (symbol) {worst}", "{{symbol}}"),
            unit="percentunit",
        ),
        bars(
            "Symbols that answer least",
            "Share of the requests answered over each symbol's last 15 minutes, worst first.",
            [
                Query(
                    f"bottomk(10, min by (symbol) ({select('tickrmeter_symbol_response_rate')}))",
                    "{{symbol}}",
                    instant=True,
                )
            ],
            unit="percentunit",
            steps=ANSWERED,
            link=_BY_NAME,
        ),
        trend(
            "How requests end",
            "Superseded: the device asked again before an answer. Abandoned: the exporter could not see"
            " the end (its own outage); says nothing about the backend.",
            [
                Query(f"sum by (outcome) ({select(_OUTCOMES)})", "{{outcome}}"),
                *(Query(expression, name) for name, expression in by_symbol.items()),
            ],
            unit="reqps",
            stacked=True,
        ),
        trend(
            "Answers without an open request",
            "Late: the request had timed out. Duplicate: it had been answered. Unsolicited: none was seen.",
            [Query(f"sum by (reason) (rate({unmatched}[$__rate_interval]))", "{{reason}}")],
            unit="reqps",
            stacked=True,
        ),
    )


def _symbols() -> tuple[Panel, ...]:
    columns = (
        ("Requests", "reqps", "sum", "symbol:tickrmeter_stock_update_requests:rate5m"),
        ("Mean", "s", "max", "tickrmeter_symbol_avg_latency_seconds"),
        ("95th percentile", "s", "max", "tickrmeter_stock_update_p95_latency_seconds"),
        ("99th percentile", "s", "max", "tickrmeter_stock_update_p99_latency_seconds"),
        ("Answered", "percentunit", "min", "tickrmeter_symbol_response_rate"),
        ("Timeouts", "reqps", "sum", "symbol:tickrmeter_stock_update_timeout:rate5m"),
    )
    return (
        rows(
            "Symbols",
            "The chosen symbols, slowest first: rates over five minutes, the rest over each symbol's last 15"
            " minutes. Click a name to look at that symbol alone.",
            [table(f"{how} by (symbol) ({select(metric, _SYMBOL)})") for _, _, how, metric in columns],
            key="symbol",
            columns=[(name, unit) for name, unit, _, _ in columns],
            sort_by="Mean",
            links={"symbol": link_to(BACKEND, "symbol")},
        ),
    )
