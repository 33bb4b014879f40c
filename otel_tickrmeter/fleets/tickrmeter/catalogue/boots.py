"""Instruments about boots and requests for streams."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter
from otel_tickrmeter.fleets.tickrmeter import names

BOOT_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
_FIRMWARE = {"firmware_version": ANY}


def boots() -> tuple[Instrument, ...]:
    """The rows about boots and streams, by firmware."""
    return (
        counter(
            names.BOOTS,
            "{boot}",
            "tickrmeter_device_boots_total",
            "Boots seen.",
            _FIRMWARE,
        ),
        Instrument(
            names.BOOT_DURATION,
            Kind.HISTOGRAM,
            "s",
            "tickrmeter_device_boot_duration_seconds",
            "Time from a device's power-up message to its ready message.",
            _FIRMWARE,
            buckets=BOOT_BUCKETS,
        ),
        counter(
            names.HTTP_STREAMS,
            "{request}",
            "tickrmeter_http_stream_requests_total",
            "Requests for a price stream over HTTP.",
            _FIRMWARE,
        ),
    )
