"""Instruments about devices."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, counter, gauge
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.reason import Cause, Word

_DEVICE = {"device_id": ANY}
_SOURCE = "device registry"
_UNREPORTED = "never reported"


def devices() -> tuple[Instrument, ...]:
    """The rows about devices."""
    return (
        gauge(
            names.DEVICES,
            "{device}",
            "autocore_devices",
            "Known devices by status.",
            {"status": tuple(Word)},
            source=_SOURCE,
        ),
        gauge(
            names.DEVICE_ONLINE,
            "{device}",
            "autocore_device_online",
            "1 while the device is there, 0 when it said otherwise, its broker lost it or it is silent.",
            _DEVICE,
            source=_SOURCE,
        ),
        gauge(
            names.LAST_SEEN,
            "s",
            "autocore_device_last_seen_timestamp_seconds",
            "Unix time of the arrival of the last live message of the device.",
            _DEVICE,
            source=_SOURCE,
        ),
        gauge(
            names.UPTIME,
            "s",
            "autocore_device_uptime_seconds",
            "Uptime as the device reports it.",
            _DEVICE,
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
        gauge(
            names.MEMORY_FREE,
            "By",
            "autocore_device_memory_free_bytes",
            "Free memory as the device reports it.",
            _DEVICE,
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
        gauge(
            names.WIFI_SIGNAL,
            "{dBm}",
            "autocore_device_wifi_signal_dbm",
            "Strength of the wifi signal as the device reports it, in dBm.",
            _DEVICE,
            source=_SOURCE,
            absent=_UNREPORTED,
        ),
        gauge(
            names.CLOCK_OFFSET,
            "s",
            "autocore_device_clock_offset_seconds",
            "By how much the clock of the device was ahead at its last timestamp, its way included.",
            _DEVICE,
            source=_SOURCE,
            absent="no timestamp with a zone",
        ),
        gauge(
            names.DEVICE_INFO,
            "1",
            "autocore_device_info",
            "1, with the type and the firmware version of the device.",
            {"device_id": ANY, "device_type": ANY, "firmware_version": ANY},
            source=_SOURCE,
        ),
        counter(
            names.CONNECTIVITY_CHANGES,
            "{change}",
            "autocore_connectivity_changes_total",
            "Devices that came or went, by what showed it.",
            {"to": (Word.ONLINE, Word.OFFLINE), "cause": tuple(Cause)},
        ),
    )
