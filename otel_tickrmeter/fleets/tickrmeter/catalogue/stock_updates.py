"""Instruments about requests for prices and their answers."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.habit import WINDOWS
from otel_tickrmeter.fleets.tickrmeter.reason import RequestEvent, UnmatchedReason

LATENCY_BUCKETS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_SYMBOL = {"symbol": ANY}
_PAIR = {"device_id": ANY, "symbol": ANY}
_HABITS = "minutes of symbols"
_SILENT = "no minute of the last ten had an answer, or ten ends of requests"
_WINDOW_EMPTY = "nothing in the symbol's window was answered"


def stock_updates() -> tuple[Instrument, ...]:
    """The rows about stock updates."""
    source = "symbol windows"
    return (
        counter(
            names.REQUESTS,
            "{request}",
            "tickrmeter_stock_update_requests_total",
            "Price requests by devices.",
            _PAIR,
        ),
        counter(
            names.RESPONSES,
            "{response}",
            "tickrmeter_stock_update_responses_total",
            "Answers matched to a request.",
            _PAIR,
        ),
        Instrument(
            names.LATENCY,
            Kind.HISTOGRAM,
            "s",
            "tickrmeter_stock_update_latency_seconds",
            "Time from the arrival of a request to the arrival of its answer at the exporter.",
            _PAIR,
            buckets=LATENCY_BUCKETS,
        ),
        counter(
            names.TIMEOUTS,
            "{request}",
            "tickrmeter_stock_update_timeout_total",
            "Requests without an answer within the request timeout.",
            _SYMBOL,
        ),
        counter(
            names.SYMBOL_TIMEOUTS,
            "{request}",
            "tickrmeter_symbol_timeout_total",
            "The same as tickrmeter_stock_update_timeout_total, under its second published name.",
            _SYMBOL,
        ),
        gauge(
            names.STOCK_UPDATE_AVG_LATENCY,
            "s",
            "tickrmeter_stock_update_avg_latency_seconds",
            "Mean latency over the symbol's window.",
            _SYMBOL,
            source=source,
            absent=_WINDOW_EMPTY,
        ),
        gauge(
            names.SYMBOL_AVG_LATENCY,
            "s",
            "tickrmeter_symbol_avg_latency_seconds",
            "The same as tickrmeter_stock_update_avg_latency_seconds, under its second published name.",
            _SYMBOL,
            source=source,
            absent=_WINDOW_EMPTY,
        ),
        gauge(
            names.SYMBOL_AVG_RESPONSE_TIME,
            "{second}",
            "tickrmeter_symbol_avg_response_time",
            "The same as tickrmeter_stock_update_avg_latency_seconds, under its third published name.",
            _SYMBOL,
            source=source,
            absent=_WINDOW_EMPTY,
        ),
        gauge(
            names.STOCK_UPDATE_P95_LATENCY,
            "s",
            "tickrmeter_stock_update_p95_latency_seconds",
            "95th percentile of latency over the symbol's window: index floor(0.95 n) of its n, sorted.",
            _SYMBOL,
            source=source,
            absent=_WINDOW_EMPTY,
        ),
        gauge(
            names.STOCK_UPDATE_P99_LATENCY,
            "s",
            "tickrmeter_stock_update_p99_latency_seconds",
            "99th percentile of latency over the symbol's window: index floor(0.99 n) of its n, sorted.",
            _SYMBOL,
            source=source,
            absent=_WINDOW_EMPTY,
        ),
        gauge(
            names.SYMBOL_RESPONSE_RATE,
            "1",
            "tickrmeter_symbol_response_rate",
            "Answered share of the outcomes in the symbol's window, 0 to 1.",
            _SYMBOL,
            source=source,
            absent="the symbol's window is empty",
        ),
        gauge(
            names.SYMBOL_ANOMALY,
            "{state}",
            "tickrmeter_symbol_anomaly",
            "1 while the last minute's latency or timeout rate is worse than usual for the symbol, else 0.",
            _SYMBOL,
            source=_HABITS,
            absent=_SILENT,
        ),
        gauge(
            names.SYMBOL_ANOMALY_SCORE,
            "1",
            "tickrmeter_symbol_anomaly_score",
            "Distance of the last minute from what is usual for the symbol, in usual spreads; 5 is unusual.",
            _SYMBOL,
            source=_HABITS,
            absent=f"less than 32 minutes of it are known, or {_SILENT}",
        ),
        gauge(
            names.SYMBOL_LATENCY_TREND,
            "1",
            "tickrmeter_symbol_latency_trend_ratio",
            "Mean latency of the last five minutes by that of the symbol's own last hour and day.",
            {"symbol": ANY, "window": tuple(WINDOWS)},
            source=_HABITS,
            absent=_SILENT,
        ),
        gauge(
            names.STOCK_UPDATE_SLOWEST_SYMBOL,
            "s",
            "tickrmeter_stock_update_slowest_symbol_seconds",
            "Mean latency of the symbol with the highest one.",
            _SYMBOL,
            source=source,
            absent="no window has an answer",
        ),
        gauge(
            names.SLOWEST_SYMBOLS_RANKING,
            "{score}",
            "tickrmeter_slowest_symbols_ranking",
            "Score (mean latency in seconds + 10 x timeout rate) of the worst symbols; rank 1 is the worst.",
            {"symbol": ANY, "rank": ANY},
            source=source,
            absent="too few outcomes in the window",
        ),
        counter(
            names.SUPERSEDED,
            "{request}",
            "tickrmeter_stock_update_superseded_total",
            "Requests repeated by their device before an answer; the newer one counts on.",
            _SYMBOL,
        ),
        counter(
            names.ABANDONED,
            "{request}",
            "tickrmeter_stock_update_abandoned_total",
            "Requests whose end could not be seen because of the exporter's own outage.",
            _SYMBOL,
        ),
        counter(
            names.UNMATCHED,
            "{response}",
            "tickrmeter_stock_update_unmatched_total",
            "Answers without an open request.",
            {"reason": tuple(UnmatchedReason)},
        ),
        gauge(
            names.STOCK_UPDATES_PENDING,
            "{request}",
            "tickrmeter_stock_updates_pending",
            "Requests waiting for an answer.",
            source="pending table",
        ),
        gauge(
            names.STOCK_UPDATE_ANSWERS_MISSING,
            "{state}",
            "tickrmeter_stock_update_answers_missing",
            "1 while requests time out and no answer of any device is seen at all, else 0.",
            source="pending table",
        ),
        Instrument(
            names.EVENTS,
            Kind.OBSERVABLE_COUNTER,
            "{request}",
            "tickrmeter_stock_update_events_total",
            "Requests of the whole fleet and how they ended, of those that left too.",
            {"event": tuple(RequestEvent)},
            source="pending table",
        ),
        counter(
            names.OUTCOMES,
            "{request}",
            "tickrmeter_stock_update_outcomes_total",
            "Answered and timed-out requests by the firmware of the device.",
            {"firmware_version": ANY, "outcome": ("answered", "timeout")},
        ),
    )
