"""What is measured at one size of the fleet: a row of the growth table, a point of each of its plots."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One size; the names are the headings of the table."""

    devices: int
    symbols_each: int
    samples: int
    resident_mb: float
    message_us: float
    exposition_ms: float
    scrape_ms: float
    gzip_mb: float
    plain_mb: float
