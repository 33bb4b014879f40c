"""The actions of `otel-tickrmeter database` and their options."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

FORMATS = ("csv", "openmetrics")


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with a database; which is chosen is in `action`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("status", help="say how the tables are")
    actions.add_parser("migrate", help="make the tables, or bring them up to date")
    actions.add_parser(
        "vacuum",
        help="roll up and delete what is due, then give back what room is free",
        description="Rolls up what readings are not yet, deletes all rows that are too old, and gives back "
        "the room. Says how many rows it deleted, and the size before and after.",
    )
    export = actions.add_parser(
        "export",
        help="write the history of readings",
        description="Writes readings as CSV, or as OpenMetrics that `promtool tsdb create-blocks-from "
        "openmetrics` makes blocks for Prometheus of. A time without a zone is UTC.",
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
