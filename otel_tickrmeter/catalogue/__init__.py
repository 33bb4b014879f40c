"""What a row of the metric catalogue is: an instrument, as data.

The rows are kept by what they are about: those of a fleet beside the fleet, those about the program in
`exporter/`. `otel_tickrmeter/rows.py` puts them together; registration, the table of the metrics, the
contract tests and the dashboards' name checks take them from there.
"""

from otel_tickrmeter.catalogue.instrument import Instrument, Kind

__all__ = ["Instrument", "Kind"]
