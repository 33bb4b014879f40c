"""The actions of `otel-tickrmeter database` and their options."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

FORMATS = ("csv", "openmetrics")
EXAMPLES = """\
examples:
  otel-tickrmeter database --config exporter.toml status
  otel-tickrmeter database --config exporter.toml migrate
  otel-tickrmeter database export --device ESP32_001 --from 2026-01-28 --to 2026-01-29 --output day.csv
  DATABASE_URL=postgresql://autocore@db.example/autocore otel-tickrmeter database vacuum
"""


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with a database; which is chosen is in `action`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "status",
        help="say how the tables are",
        epilog="example:\n  otel-tickrmeter database status",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions.add_parser(
        "migrate",
        help="make the tables, or bring them up to date",
        epilog="examples:\n  otel-tickrmeter database migrate\n"
        "  otel-tickrmeter database --config exporter.toml migrate",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions.add_parser(
        "vacuum",
        help="roll up and delete what is due, then give back what room is free",
        description="Rolls up what readings are not yet, deletes all rows that are too old, and gives back "
        "the room. Says how many rows it deleted, and the size before and after.",
        epilog="example:\n  otel-tickrmeter database vacuum",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export = actions.add_parser(
        "export",
        help="write the history of readings",
        description="Writes readings as CSV, or as OpenMetrics that `promtool tsdb create-blocks-from "
        "openmetrics` makes blocks for Prometheus of. A time without a zone is UTC.",
        epilog="examples:\n"
        "  otel-tickrmeter database export --device ESP32_001 --from 2026-01-28 --to 2026-01-29 > day.csv\n"
        "  otel-tickrmeter database --config exporter.toml export --format openmetrics --output history.txt",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument("--format", choices=FORMATS, default="csv", help="default: %(default)s")
    export.add_argument("--device", metavar="ID", help="of this device only")
    export.add_argument("--sensor", metavar="KEY", help="of sensors of this name only")
    export.add_argument("--from", type=_time, dest="start", metavar="TIME", help="from this time on")
    export.add_argument("--to", type=_time, dest="end", metavar="TIME", help="before this time")
    export.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be like 2026-01-28 or 2026-01-28T10:30:00Z, not {text!r}"
        ) from None
