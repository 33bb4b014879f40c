"""Instruments about readings of sensors."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, gauge
from otel_tickrmeter.fleets.autocore import names

_DEVICE = {"device_id": ANY}
_SOURCE = "sensors of the devices"
_UNREPORTED = "never reported"


def telemetry() -> tuple[Instrument, ...]:
    """The rows about readings."""
    return (
        gauge(
            names.TEMPERATURE,
            "Cel",
            "autocore_telemetry_temperature_celsius",
            "Temperature.",
            _DEVICE,
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
        gauge(
            names.HUMIDITY,
            "1",
            "autocore_telemetry_humidity_ratio",
            "Relative humidity, 0 to 1.",
            _DEVICE,
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
        gauge(
            names.VOLTAGE,
            "V",
            "autocore_telemetry_voltage_volts",
            "Voltage.",
            _DEVICE,
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
        gauge(
            names.VALUE,
            "{reading}",
            "autocore_telemetry_value",
            "Newest reading of any other sensor, in its own unit.",
            {"device_id": ANY, "sensor": ANY, "unit": ANY},
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
    )
