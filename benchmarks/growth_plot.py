"""The growth table as pictures: each cost over the number of devices, a line for each number of symbols."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.growth_point import Point

_PANELS = (
    ("resident_mb", "resident memory, MB"),
    ("message_us", "CPU a message (handler), µs"),
    ("exposition_ms", "CPU an exposition, ms"),
    ("scrape_ms", "scrape, gzip, ms"),
)


def plot(points: Sequence[Point], file: Path) -> None:
    """Draw the points into a PNG file."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    panels = figure.subplots(2, 2)
    for axes, (name, title) in zip(panels.flat, _PANELS, strict=True):
        for each in sorted({point.symbols_each for point in points}):
            line = [point for point in points if point.symbols_each == each]
            axes.plot(
                [point.devices for point in line],
                [getattr(point, name) for point in line],
                marker="o",
                label=f"{each} symbol{'s' if each > 1 else ''} each",
            )
        axes.set_title(title)
        axes.set_xlabel("devices")
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted({point.devices for point in points}))
        axes.get_xaxis().set_major_formatter("{x:,.0f}")
        if name == "message_us":
            axes.set_ylim(bottom=0)
        else:
            axes.set_yscale("log")
            axes.get_yaxis().set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.get_yaxis().set_minor_formatter(NullFormatter())
            axes.get_yaxis().set_major_formatter("{x:g}")
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(file, dpi=100)
