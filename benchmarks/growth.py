"""How cost grows with the fleet: the main process alone, fed directly, at each size a process of its own."""

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from benchmarks.figure import Figure, Result, number
from benchmarks.growth_point import Point
from benchmarks.load.traffic import Shape
from benchmarks.rig.scraper import Scraper, lines
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale
from benchmarks.table import aligned

_SCRAPES = 11
_FILL_SECONDS = 900.0
_PLOT = "images/growth.png"
_TABLE = "growth.csv"


def measure(scale: Scale, docs: Path | None) -> Result:
    """Measure all sizes.

    Args:
        scale: The sizes.
        docs: Where the table and the plot go; None writes neither.
    """
    points = [
        _point(Shape(devices, each)) for each in scale.growth_symbols for devices in scale.growth_devices
    ]
    if docs is not None:
        # It takes a hundred megabytes, and no other benchmark needs it.
        from benchmarks.growth_plot import plot  # noqa: PLC0415

        (docs / _PLOT).parent.mkdir(parents=True, exist_ok=True)
        plot(points, docs / _PLOT)
        (docs / _TABLE).write_text(_as_csv(points))
    first, last = points[0], points[-1]
    grown = f"{number(first.samples)} to {number(last.samples)} samples"
    return Result(
        (
            Figure(
                f"memory for another sample, {grown}",
                1e6 * (last.resident_mb - first.resident_mb) / (last.samples - first.samples),
                "bytes",
            ),
            Figure(
                f"CPU for a sample of an exposition grows, {grown}",
                (last.exposition_ms / last.samples) / (first.exposition_ms / first.samples),
                "x",
                note=f"{number(last.exposition_ms)} ms at most",
            ),
            Figure(
                f"CPU for a message grows, {grown}",
                last.message_us / first.message_us,
                "x",
                note=f"{number(first.message_us)} to {number(last.message_us)} µs, handler alone",
            ),
        ),
        (_as_markdown(points),),
    )


def _point(shape: Shape) -> Point:
    with Worker("benchmarks.inside.growing", shape=shape.as_job()) as worker:
        cost = worker.reply(_FILL_SECONDS)
        with Scraper(int(cost["port"])) as scraper:
            scrapes = [scraper.scrape() for _ in range(_SCRAPES)]
    body = scrapes[-1].body
    return Point(
        devices=shape.devices,
        symbols_each=shape.symbols_each,
        samples=int(cost["samples"]),
        resident_mb=cost["resident_mb"],
        message_us=1e6 * cost["message_seconds"],
        exposition_ms=1e3 * cost["exposition_seconds"],
        scrape_ms=1e3 * statistics.median(scrape.seconds for scrape in scrapes),
        gzip_mb=len(body) / 1e6,
        plain_mb=sum(len(line) + 1 for line in lines(body)) / 1e6,
    )


def _as_csv(points: Sequence[Point]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Point))
    writer.writerows(
        [f"{figure:.4g}" if isinstance(figure, float) else figure for figure in astuple(point)]
        for point in points
    )
    return text.getvalue()


def _as_markdown(points: Sequence[Point]) -> str:
    headings = [field.name.replace("_", " ") for field in fields(Point)]
    rows = [[number(figure) for figure in astuple(point)] for point in points]
    return (
        f"## Growth\n\nMain process alone, fed directly; message: the handler.\n\n{aligned(headings, rows)}"
    )
