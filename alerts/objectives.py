"""Burn-rate alerts of the two objectives: updates succeed, and they are quick.

Windows and factors are those of the Google SRE workbook, chapter 5: a month's error budget is gone in two
days at 14.4 times the rate that just lasts, in five at 6 times, in ten at 3 times. The short window ends an
alert soon after the trouble has ended.
"""

from typing import NamedTuple

from alerts.rule import Alert, Severity, Subject
from alerts.windows import Windows

SUCCESS_OBJECTIVE = 0.99
"""Share of the requests that are answered in time."""

LATENCY_OBJECTIVE = 0.95
"""Share of the answers that take less than 2 seconds."""

_DASHBOARD = "/d/tickrmeter-backend?var-instance={{ $labels.instance | urlquery }}"


class _Burn(NamedTuple):
    long: str
    short: str
    factor: float
    severity: Severity
    hold: str


_BURNS = (
    _Burn("1h", "5m", 14.4, Severity.CRITICAL, "2m"),
    _Burn("6h", "30m", 6, Severity.CRITICAL, "15m"),
    _Burn("1d", "2h", 3, Severity.WARNING, "1h"),
    _Burn("3d", "6h", 1, Severity.WARNING, "3h"),
)


def objective_alerts(windows: Windows) -> tuple[Alert, ...]:
    """Return four alerts for each objective."""
    return (
        *_burns(
            windows,
            "TickrMeterUpdateSuccessBudgetBurn",
            "instance:tickrmeter_stock_update_timeouts:ratio_rate",
            SUCCESS_OBJECTIVE,
            summary="Too many updates time out to meet the objective.",
            observed="{{ $value | humanizePercentage }} of the requests were not answered in time",
        ),
        *_burns(
            windows,
            "TickrMeterUpdateLatencyBudgetBurn",
            "instance:tickrmeter_stock_update_slow:ratio_rate",
            LATENCY_OBJECTIVE,
            summary="Too many updates are slow to meet the objective.",
            observed="{{ $value | humanizePercentage }} of the answers took more than 2 seconds",
        ),
    )


def _burns(
    w: Windows, name: str, ratio: str, objective: float, *, summary: str, observed: str
) -> tuple[Alert, ...]:
    budget = 1 - objective
    return tuple(
        Alert(
            name,
            f"{ratio}{burn.long} > {burn.factor * budget:.4g}"
            f" and {ratio}{burn.short} > {burn.factor * budget:.4g}",
            burn.severity,
            Subject.BACKEND,
            summary,
            f"{observed} over {burn.long}: {burn.factor:g} times what an objective of"
            f" {100 * objective:g} % allows.",
            _DASHBOARD,
            w(burn.hold),
            {"long": burn.long, "short": burn.short},
        )
        for burn in _BURNS
    )
