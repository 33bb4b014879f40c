"""Instruments about readings of sensors."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, counter, gauge
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.sensor import WINDOWS
from otel_tickrmeter.insight.anomaly import Anomaly

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
        gauge(
            names.AVERAGE,
            "{reading}",
            "autocore_telemetry_average",
            "Moving average of a sensor, in the unit of its readings; humidity is 0 to 1.",
            {"device_id": ANY, "sensor": ANY, "window": tuple(WINDOWS)},
            source=_SOURCE,
            absent="a sensor that counts up, or a position",
        ),
        gauge(
            names.ANOMALY,
            "{anomaly}",
            "autocore_telemetry_anomaly",
            "Whether the sensor is unusual: 1 it is, 0 it is not.",
            {"device_id": ANY, "sensor": ANY},
            source=_SOURCE,
            absent="a sensor that counts up, or a position",
        ),
        gauge(
            names.ANOMALY_SCORE,
            "{scale}",
            "autocore_telemetry_anomaly_score",
            "How far the newest reading is from the level of its sensor, in scales; below zero it is lower.",
            {"device_id": ANY, "sensor": ANY},
            source=_SOURCE,
            absent="the level is not known yet",
        ),
        counter(
            names.ANOMALIES,
            "{anomaly}",
            "autocore_telemetry_anomalies_total",
            "Times that a sensor became unusual; sensors beyond the first 256 are other.",
            {"sensor": ANY, "kind": tuple(Anomaly)},
        ),
    )
