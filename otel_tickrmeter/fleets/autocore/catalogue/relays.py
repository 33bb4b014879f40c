"""Instruments about relays."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, counter, gauge
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.reason import Trigger

_RELAY = {"device_id": ANY, "relay": ANY}
_SOURCE = "relays of the devices"


def relays() -> tuple[Instrument, ...]:
    """The rows about relays; `relay` is numbered from 0."""
    return (
        gauge(
            names.RELAY_STATE,
            "{state}",
            "autocore_relay_state",
            "State of the relay: 1 on, 0 off.",
            _RELAY,
            source=_SOURCE,
            absent="never reported",
        ),
        gauge(
            names.RELAY_LAST_CHANGE,
            "s",
            "autocore_relay_last_change_timestamp_seconds",
            "Unix time at which the relay was last switched.",
            _RELAY,
            source=_SOURCE,
            absent="no change was seen",
        ),
        counter(
            names.RELAY_CHANGES,
            "{change}",
            "autocore_relay_changes_total",
            "Switchings, by what caused them.",
            {**_RELAY, "triggered_by": tuple(Trigger)},
        ),
        counter(
            names.RELAY_REPEATS,
            "{report}",
            "autocore_relay_repeats_total",
            "Reports of a relay's state that was known.",
            {"device_id": ANY},
        ),
        counter(
            names.RELAY_SAFETY_SHUTOFFS,
            "{shutoff}",
            "autocore_relay_safety_shutoffs_total",
            "Relays that the device switched off by itself, for safety.",
            {"device_id": ANY},
        ),
    )
