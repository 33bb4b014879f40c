"""The catalogue as a document: Markdown for people, JSON for tools."""

import json
from collections.abc import Iterable

from otel_tickrmeter.catalogue.instrument import Instrument


def as_markdown(rows: Iterable[Instrument]) -> str:
    """A Markdown table with a row for each exposed name."""
    lines = ["| name | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for row in rows:
        labels = ", ".join(f"`{label}`" for label in row.attributes)
        meaning = f"{row.description} Absent when: {row.absent}." if row.absent else row.description
        lines.append(f"| `{row.exposed}` | {row.exposed_type} | {labels} | {meaning} |")
    return "\n".join(lines) + "\n"


def as_json(rows: Iterable[Instrument]) -> str:
    """A JSON array with an object for each exposed name."""
    return json.dumps(
        [
            {
                "name": row.exposed,
                "type": row.exposed_type,
                "labels": {label: list(values) for label, values in row.attributes.items()},
                "description": row.description,
                "absent": row.absent,
                "source": row.source,
                "buckets": list(row.buckets),
                "instrument": {"name": row.name, "kind": row.kind.value, "unit": row.unit},
            }
            for row in rows
        ],
        indent=2,
    )
