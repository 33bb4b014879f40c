"""The level of detail: whether updates and devices have series for each device, or only for each symbol."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from otel_tickrmeter.catalogue.instrument import Instrument, Kind

Detail = Literal["device", "symbol"]
"""The values of `metrics.detail`."""

_DROPPED = frozenset({"device_id"})


def rows_for(rows: Iterable[Instrument], detail: Detail) -> tuple[Instrument, ...]:
    """The rows as they are in this level of detail.

    In symbol detail the per-device gauges are left out; counters and histograms lose `device_id`.
    """
    if detail == "device":
        return tuple(rows)
    return tuple(
        _without_devices(row) if row.per_device else row
        for row in rows
        if not (row.per_device and row.kind is Kind.OBSERVABLE_GAUGE)
    )


def _without_devices(row: Instrument) -> Instrument:
    kept = {name: values for name, values in row.attributes.items() if name not in _DROPPED}
    return replace(row, attributes=kept, dropped=_DROPPED)
