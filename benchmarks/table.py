"""The report as Markdown: what it ran on, one table, further sections."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figure import Figure, Result, number

_HEADINGS = ("benchmark", "figure", "measured", "target", "verdict", "remarks")


def report(facts: Mapping[str, str], results: Mapping[str, Result]) -> str:
    """Write the report; `results` by the name of the benchmark."""
    rows = [_row(name, figure) for name, result in results.items() for figure in result.figures]
    blocks = [
        "# Benchmarks",
        "\n".join(f"- {name}: {fact}" for name, fact in facts.items()),
        aligned(_HEADINGS, rows),
        *(section for result in results.values() for section in result.sections),
    ]
    return "\n\n".join(blocks) + "\n"


def aligned(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table whose columns line up as plain text, too."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def _row(name: str, figure: Figure) -> tuple[str, ...]:
    return (
        name,
        figure.what,
        figure.unit if figure.value is None else f"{number(figure.value)} {figure.unit}".strip(),
        "" if figure.target is None else str(figure.target),
        figure.verdict,
        figure.note,
    )
