"""What the dashboards' queries and the recording rules cost a real Prometheus that holds a full fleet.

The data can be kept, for trying changes of a dashboard: `python -m benchmarks.query_cost DIRECTORY`.
"""

import argparse
import csv
import io
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.backfill.blocks import STEP_SECONDS, backfill, times
from benchmarks.backfill.fleet import scraped
from benchmarks.backfill.recorded import recorded, recording_rules
from benchmarks.dashboards import Query, Span, queries
from benchmarks.figure import Figure, Result, Target, number
from benchmarks.rig.processes import cpu_seconds
from benchmarks.rig.prometheus import Prometheus, QueryError
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.table import aligned
from grafana.committed import dashboards

_DOCS = Path(__file__).parent.parent / "docs"
_RUNS = 3
_FULL_MINUTES = 360
_QUICK_MINUTES = 30
_PANEL_MS = 2000
_BEGIN, _END = "<!-- query-cost:begin -->\n", "<!-- query-cost:end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """What one query costs; the names are the headings of the table.

    `ms` is what a client waits for the whole answer, `cpu_ms` what Prometheus used meanwhile, to 3 ms: it may
    use several cores, or wait for one. `samples` is what it read, `series` what it answered with.
    """

    dashboard: str
    panel: str
    query: str
    kind: str
    ms: float
    cpu_ms: float
    samples: int
    series: int


def measure(scale: Scale, docs: Path | None, kept: Path | None = None) -> Result:
    """Measure every query of every dashboard, and every recording rule.

    Args:
        scale: The fleet.
        docs: Where the tables go; None writes neither.
        kept: A directory whose data is used, or made and left there; None makes it and throws it away.

    Raises:
        QueryError: Prometheus does not answer one of them.
    """
    load, _, _ = os.getloadavg()  # a busy machine lengthens every answer
    steps = times(_FULL_MINUTES if scale is FULL else _QUICK_MINUTES)
    with (
        TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as temporary,
        Prometheus(_database(kept or Path(temporary), scale, steps)) as server,
    ):
        held = _series_held(server, steps)
        panels = _panel_rows(server, steps)
        rules = _rule_rows(server, steps)
    about = (
        f"{number(held)} series, {number(len(steps) * STEP_SECONDS / 3600)} hours,"
        f" a sample every {STEP_SECONDS} s; {os.cpu_count()} CPUs, load before {load:.1f}"
    )
    rows = [*panels, *(row for row, _ in rules)]
    if docs is not None:
        (docs / "query-cost.csv").write_text(_as_csv(rows))
        page = docs / "performance.md"
        before, _, rest = page.read_text().partition(_BEGIN)
        _, _, after = rest.partition(_END)
        page.write_text(f"{before}{_BEGIN}{_as_markdown(rows, about)}{_END}{after}")
    return Result(_figures(panels, rules, about), (f"## Queries\n\n{_as_markdown(rows, about)}",))


def _database(directory: Path, scale: Scale, steps: range) -> Path:
    """Return the database of a directory; make it if there is none."""
    database = directory / "fleet"
    if not database.exists():
        raw = scraped(scale.fleet)
        with TemporaryDirectory(prefix="rules-", dir=directory) as scratch:
            every = [*raw, *recorded(Path(scratch) / "fleet", raw, steps)]
        unfinished = directory / "unfinished"
        backfill(unfinished, every, steps)
        unfinished.rename(database)
    return database


def _series_held(server: Prometheus, steps: range) -> int:
    answer = server.ask("query", _instant('count({job=~".+"})', steps)).whole()
    return int(answer["data"]["result"][0]["value"][1])


def _panel_rows(server: Prometheus, steps: range) -> list[Row]:
    def values_of(query: Query) -> Sequence[str]:
        values: list[str] = server.ask(query.path, query.parameters).whole()["data"]
        return values

    # Grafana has a rate look at four samples.
    span = Span(steps[0], steps[-1], f"{4 * STEP_SECONDS}s")
    return [
        _row(server, query)
        for dashboard in dashboards().values()
        for query in queries(dashboard, span, values_of)
    ]


def _rule_rows(server: Prometheus, steps: range) -> list[tuple[Row, float]]:
    """Return each rule's row, and how often a minute it is evaluated."""
    rows = []
    for rule, a_minute in recording_rules():
        labels = ", ".join(f"{name}={value}" for name, value in rule.labels.items())
        query = Query("recording rules", rule.record, labels, "query", _instant(rule.expression, steps))
        rows.append((_row(server, query), a_minute))
    return rows


def _row(server: Prometheus, query: Query) -> Row:
    try:
        # The first one warms up, and says what it read: saying so is not what a dashboard asks for.
        data = server.ask(query.path, {**query.parameters, "stats": "all"}).whole()["data"]
    except QueryError as error:
        raise QueryError(f"{query}: {error}") from error
    before = cpu_seconds(server.pid)
    taken = [server.ask(query.path, query.parameters).seconds for _ in range(_RUNS)]
    used = cpu_seconds(server.pid) - before
    labels = isinstance(data, list)
    return Row(
        query.dashboard,
        query.panel,
        query.ref,
        "labels" if labels else "range" if query.path == "query_range" else "instant",
        1000 * statistics.median(taken),
        1000 * used / _RUNS,
        0 if labels else data["stats"]["samples"]["totalQueryableSamples"],
        len(data if labels else data["result"]),
    )


def _instant(expression: str, steps: range) -> dict[str, str]:
    return {"query": expression, "time": str(steps[-1])}


def _figures(panels: Sequence[Row], rules: Sequence[tuple[Row, float]], about: str) -> list[Figure]:
    figures = []
    if panels:
        # Grafana asks for all queries of a panel at once; one after the other is the most it can take.
        panel, ms = _heaviest((f"{row.dashboard}: {row.panel}", row.ms) for row in panels)
        slowest = max(panels, key=lambda row: row.ms)
        note = f"{panel}; {about}"
        figures.append(Figure("heaviest panel, all of its queries", ms, "ms", Target(_PANEL_MS), note))
        note = f"{slowest.dashboard}: {slowest.panel} {slowest.query}"
        figures.append(Figure("heaviest query of a panel", slowest.ms, "ms", Target(_PANEL_MS), note))
        dashboard, ms = _heaviest((row.dashboard, row.ms) for row in panels)
        figures.append(Figure("heaviest dashboard, all of its queries", ms, "ms", note=dashboard))
    cost = sum(row.ms * a_minute for row, a_minute in rules) / 1000
    slowest = max((row for row, _ in rules), key=lambda row: row.ms)
    note = f"the slowest {slowest.panel}, {number(slowest.ms)} ms"
    figures.append(Figure("recording rules, evaluated for a minute", cost, "s", note=note))
    return figures


def _heaviest(costs: Iterable[tuple[str, float]]) -> tuple[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for key, ms in costs:
        sums[key] += ms
    return max(sums.items(), key=lambda item: item[1])


def _as_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) | {"ms": f"{row.ms:.4g}", "cpu_ms": f"{row.cpu_ms:.0f}"} for row in rows)
    return text.getvalue()


def _as_markdown(rows: Sequence[Row], about: str) -> str:
    headings = [field.name.replace("_", " ") for field in fields(Row)]
    cells = [
        [
            *(text.replace("|", "\\|") for text in (row.dashboard, row.panel, row.query, row.kind)),
            *(number(value) for value in (row.ms, round(row.cpu_ms), row.samples, row.series)),
        ]
        for row in rows
    ]
    return f"{about}; the median of {_RUNS} warm runs.\n\n{aligned(headings, cells)}\n"


def main() -> int:
    """Measure on a database that is kept; return the exit code."""
    parser = argparse.ArgumentParser(prog="query_cost")
    parser.add_argument("data", type=Path, metavar="DIRECTORY", help="for the data; filled if it is empty")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    scale, docs = (QUICK, None) if options.quick else (FULL, _DOCS)
    for figure in measure(scale, docs, options.data).figures:
        print(figure)  # noqa: T201  the command's own output
    return 0


if __name__ == "__main__":
    sys.exit(main())
