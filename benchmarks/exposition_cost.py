"""CPU for a fresh exposition, beside that of OpenTelemetry's own path on the same fleet."""

import statistics

from benchmarks.figure import Figure, Result, Target, number, spread
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale

_WORKER = "benchmarks.inside.expositions"
_FILL_SECONDS = 300.0


def measure(scale: Scale) -> Result:
    """Let both make expositions in turns, so that a noisy moment meets both."""
    job = {"shape": scale.fleet.as_job()}
    ours: list[float] = []
    stock: list[float] = []
    with Worker(_WORKER, path="compact", **job) as compact, Worker(_WORKER, path="stock", **job) as sdk:
        compact.reply(_FILL_SECONDS)
        sdk.reply(_FILL_SECONDS)
        for _ in range(scale.runs):
            for worker, taken in ((compact, ours), (sdk, stock)):
                worker.ask()
                made = worker.reply(_FILL_SECONDS)
                taken.append(1000 * made["cpu_seconds"])
        worker.close_input()
    ratios = [theirs / mine for mine, theirs in zip(ours, stock, strict=True)]
    return Result(
        (
            Figure(
                f"CPU for a fresh exposition, {number(made['samples'])} samples, compression included",
                statistics.median(ours),
                "ms",
                note=spread(ours, "ms"),
            ),
            Figure(
                "stock path (PrometheusMetricReader, generate_latest, not compressed) costs, in ours",
                statistics.median(ratios),
                "x",
                Target(12, "at least"),
                f"stock {spread(stock, 'ms')}",
            ),
        )
    )
