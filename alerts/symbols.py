"""Alerts about single symbols: whose backend is slow or silent."""

from alerts.rule import Alert, Severity, Subject
from alerts.windows import LINGER, Windows

# urlquery: a symbol may have an ampersand, a hash or a plus in it.
_SYMBOL = "var-symbol={{ $labels.symbol | urlquery }}"
_OF_FLEET = f"/d/tickrmeter-backend?{_SYMBOL}"
_DASHBOARD = f"/d/tickrmeter-backend?var-instance={{{{ $labels.instance | urlquery }}}}&{_SYMBOL}"
_MEAN = "symbol:tickrmeter_stock_update_latency_seconds:mean5m"


def symbol_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them; the first two are published, and keep names, expressions, severities and summaries.

    TickrMeterSymbolTimesOut is beside the second one, which counts: a symbol that is asked for often enough
    has a timeout every ten seconds at a share that nobody notices. It counts those of each exporter, too, so
    that of several exporters it needs more of them; TickrMeterSymbolTimesOut looks at all.
    """
    return (
        Alert(
            "HighSymbolLatency",
            "tickrmeter_symbol_avg_latency_seconds > 10",
            Severity.WARNING,
            Subject.BACKEND,
            "High latency detected for symbol {{ $labels.symbol }}",
            "Updates of {{ $labels.symbol }} took {{ $value | humanizeDuration }} on average.",
            _DASHBOARD,
            w("5m"),
        ),
        Alert(
            "HighTimeoutRate",
            f"rate(tickrmeter_symbol_timeout_total[{w('5m')}]) > 0.1",
            Severity.CRITICAL,
            Subject.BACKEND,
            "High timeout rate for symbol {{ $labels.symbol }}",
            '{{ $value | printf "%.2f" }} requests a second for {{ $labels.symbol }} were not answered.',
            _DASHBOARD,
            w("2m"),
        ),
        Alert(
            "TickrMeterSymbolTimesOut",
            # The share is of the exporters' own windows, up to 15 minutes: it must still be going on. More
            # than three timeouts: one or two may be chance.
            "fleet_symbol:tickrmeter_symbol_response_rate:ratio < 0.9"
            f" and fleet_symbol:tickrmeter_stock_update_timeout:rate5m * {w.seconds('5m')} > 3",
            Severity.CRITICAL,
            Subject.BACKEND,
            "More than a tenth of the requests for {{ $labels.symbol }} are not answered in time.",
            "Only {{ $value | humanizePercentage }} of the latest requests for {{ $labels.symbol }} were"
            " answered in time.",
            _OF_FLEET,
            w("1m"),
            linger=w(LINGER),
            whole=True,
        ),
        Alert(
            "TickrMeterSymbolSlowerThanUsual",
            f"{_MEAN} > symbol:tickrmeter_stock_update_latency_seconds:mean1d"
            " + 3 * symbol:tickrmeter_stock_update_latency_seconds:stddev1d"
            f" and {_MEAN} > 2 * symbol:tickrmeter_stock_update_latency_seconds:mean1d"
            f" and {_MEAN} > 1",
            Severity.WARNING,
            Subject.BACKEND,
            "{{ $labels.symbol }} is far slower than it was over the last day.",
            "Updates of {{ $labels.symbol }} take {{ $value | humanizeDuration }}: more than twice the"
            " mean of the last day, and more than three standard deviations above it.",
            _DASHBOARD,
            w("10m"),
        ),
        Alert(
            "TickrMeterSymbolUnusual",
            "tickrmeter_symbol_anomaly == 1",
            Severity.WARNING,
            Subject.BACKEND,
            "{{ $labels.symbol }} is slower, or times out more, than is usual for it.",
            "Each of the last minutes of {{ $labels.symbol }} was worse than what it usually does.",
            _DASHBOARD,
            w("5m"),
        ),
        Alert(
            "TickrMeterSymbolSilent",
            # More than three requests: one or two without an answer may be chance.
            f"(fleet_symbol:tickrmeter_stock_update_requests:rate5m * {w.seconds('5m')} > 3"
            " unless fleet_symbol:tickrmeter_stock_update_responses:rate5m > 0)"
            " and fleet_symbol:tickrmeter_stock_update_responses:mean1d > 0",
            Severity.CRITICAL,
            Subject.BACKEND,
            "{{ $labels.symbol }} used to be answered and is not answered at all.",
            "{{ $labels.symbol }} was asked for {{ $value | humanize }} times within five minutes, and no"
            " answer came.",
            _OF_FLEET,
            w("5m"),
            linger=w(LINGER),
            whole=True,
        ),
    )
