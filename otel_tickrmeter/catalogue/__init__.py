"""The metric catalogue: every instrument, as data.

Registration, the table of the docs, the contract tests and the dashboards' name checks read this one table.
To add a metric, add a row here and record it in `recorder.py` or observe it in `observers.py`.
"""

from otel_tickrmeter.catalogue.devices import devices
from otel_tickrmeter.catalogue.exporter import exporter
from otel_tickrmeter.catalogue.instrument import Instrument, Kind
from otel_tickrmeter.catalogue.process import process
from otel_tickrmeter.catalogue.stock_updates import stock_updates

__all__ = ["Instrument", "Kind", "catalogue"]


def catalogue() -> tuple[Instrument, ...]:
    """Return every instrument, in the order in which it is exposed and documented."""
    return (*devices(), *stock_updates(), *exporter(), *process())
