"""What a rule is: it takes a dashboard and what is known, and yields its complaints, each with its place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from grafana.committed import Json
from tools.dashlint.promql.labels import Metric


@dataclass(frozen=True, slots=True)
class Known:
    """What rules compare a dashboard with.

    `dashboards` maps each uid to the names of its variables. `never_added` are gauges of which no sum means
    anything.
    """

    metrics: Mapping[str, Metric]
    units: frozenset[str]
    dashboards: Mapping[str, frozenset[str]]
    never_added: frozenset[str] = frozenset()


Rule = Callable[[Json, Known], Iterator[str]]
