"""What a panel asks Prometheus."""

from dataclasses import dataclass
from enum import StrEnum

SETTLED_SECONDS = 30
"""After so long all that was scraped or recorded for a moment has been committed."""


class Form(StrEnum):
    """How the data source shapes the answer."""

    SERIES = "time_series"
    TABLE = "table"
    BUCKETS = "heatmap"
    """Series with `le` become one field for each bucket, no longer cumulative, in the order of the bounds."""


@dataclass(frozen=True, slots=True)
class Query:
    """One target of a panel; an instant one asks for the end of the time range only."""

    expression: str
    legend: str = ""
    instant: bool = False
    form: Form = Form.SERIES


def select(metric: str, *matchers: str) -> str:
    """Return the selector of a metric for the chosen jobs and instances, and for `matchers`."""
    chosen = ('job=~"$job"', 'instance=~"$instance"')
    return f"{metric}{{{', '.join((*chosen, *matchers))}}}"


def select_ours(metric: str, *matchers: str) -> str:
    """Return the selector of a metric that other programs have, too, held to targets that are exporters."""
    return f"{select(metric, *matchers)} and on (job, instance) {select('tickrmeter_build_info')}"


def settled(metric: str, *matchers: str) -> str:
    """Return the selector of a metric as it was half a minute ago, for queries that a table joins to rows.

    Prometheus answers the queries of one refresh one by one, and commits scrapes and rules in between:
    devices come and go from one to the next, and rows lose columns. What is half a minute old is committed
    and the same to all of them, also when the browser's clock is some seconds ahead.
    """
    return f"{select(metric, *matchers)} offset {SETTLED_SECONDS}s"


def table(expression: str) -> Query:
    """Return a query for a table: the end of the time range, a row for each series."""
    return Query(expression, instant=True, form=Form.TABLE)


def distribution(expression: str) -> Query:
    """Return a query for bars of buckets at the end of the time range; `expression` gives counts by `le`."""
    return Query(expression, "{{le}}", instant=True, form=Form.BUCKETS)
