"""Of the dashboard *AutoCore*: one device, its relays and its sensors."""

from grafana_foundation_sdk.models.dashboard import Panel

from grafana.panel import Steps, figure, timeline, trend
from grafana.query import Query, select

_DEVICE = 'device_id="$device_id"'
_SCORE: Steps = ((5, "red"),)


def device() -> tuple[Panel, ...]:
    """Return its panels."""
    return (*_now(), *_relays(), *_sensors())


def _of(metric: str, *matchers: str) -> str:
    return select(metric, _DEVICE, *matchers)


def _newest(metric: str) -> str:
    # Of the exporters that saw the device; most often there is one.
    return f"max({_of(metric)})"


def _now() -> tuple[Panel, ...]:
    return (
        figure(
            "State",
            "Whether the device chosen at the top is there: it said so, and is not silent.",
            Query(_newest("autocore_device_online"), instant=True),
            mappings={1: ("Online", "green"), 0: ("Offline", "red")},
            width=4,
        ),
        figure(
            "Last seen ago",
            "Time since its last live message. Boards tell their relays every 30 seconds.",
            Query(f"time() - {_newest('autocore_device_last_seen_timestamp_seconds')}", instant=True),
            unit="s",
            steps=((120, "yellow"), (300, "red")),
            width=4,
        ),
        figure(
            "Uptime",
            "Since its last start, as it says itself. Minutes are fine after an update only.",
            Query(_newest("autocore_device_uptime_seconds"), instant=True),
            unit="s",
            steps=((None, "yellow"), (600, "green")),
            width=4,
        ),
        figure(
            "Free memory",
            "As it says itself. What matters is whether it falls.",
            Query(_newest("autocore_device_memory_free_bytes"), instant=True),
            unit="bytes",
            width=4,
        ),
        figure(
            "Wifi signal",
            "Below -80 dBm a connection breaks often.",
            Query(_newest("autocore_device_wifi_signal_dbm"), instant=True),
            unit="dBm",
            steps=((None, "red"), (-80, "yellow"), (-70, "green")),
            width=4,
        ),
        figure(
            "Clock offset",
            "How far its clock is ahead of ours. Beyond five minutes its times are not used.",
            Query(_newest("autocore_device_clock_offset_seconds"), instant=True),
            unit="s",
            steps=((None, "red"), (-5, "green"), (5, "yellow"), (300, "red")),
            width=4,
        ),
    )


def _relays() -> tuple[Panel, ...]:
    return (
        timeline(
            "Relays over time",
            "Each line is a relay, by its number from 0. A gap: it was not known.",
            [Query(f"max by (relay) ({_of('autocore_relay_state')})", "relay {{relay}}")],
            states={1: ("On", "green"), 0: ("Off", "text")},
        ),
        trend(
            "Switchings, by what caused them",
            "How often its relays were switched, all of them together. Safety: the board did it by itself.",
            [
                Query(
                    "sum by (triggered_by)"
                    f" (increase({_of('autocore_relay_changes_total')}[$__rate_interval])) > 0",
                    "{{triggered_by}}",
                )
            ],
            counted=True,
        ),
    )


def _sensors() -> tuple[Panel, ...]:
    return (
        _reading("Temperature", "autocore_telemetry_temperature_celsius", "temperature", "celsius"),
        _reading("Humidity", "autocore_telemetry_humidity_ratio", "humidity", "percentunit"),
        _reading("Voltage", "autocore_telemetry_voltage_volts", "voltage", "volt"),
        trend(
            "Other sensors",
            "Their newest readings, each in the unit that its device gives.",
            [Query(f"max by (sensor, unit) ({_of('autocore_telemetry_value')})", "{{sensor}} {{unit}}")],
            unit="none",
            from_zero=False,
        ),
        timeline(
            "Unusual sensors over time",
            "When a sensor was far from what it usually says.",
            [Query(f"max by (sensor) ({_of('autocore_telemetry_anomaly')})", "{{sensor}}")],
            states={1: ("Unusual", "red"), 0: ("Usual", "green")},
        ),
        trend(
            "How unusual",
            "Distance of the newest reading from the usual level, in usual spreads. Red line: unusual.",
            [Query(f"max by (sensor) (abs({_of('autocore_telemetry_anomaly_score')}))", "{{sensor}}")],
            unit="none",
            steps=_SCORE,
        ),
        trend(
            "Touches of its display",
            "What people did, by kind.",
            [
                Query(
                    f"sum by (action) (increase({_of('autocore_interactions_total')}[$__rate_interval]))",
                    "{{action}}",
                )
            ],
            counted=True,
            width=24,
        ),
    )


def _reading(title: str, metric: str, sensor: str, unit: str) -> Panel:
    average = _of("autocore_telemetry_average", f'sensor="{sensor}"')
    return trend(
        title,
        "Readings, and their moving averages over five minutes and an hour.",
        [
            Query(_newest(metric), sensor),
            Query(f"max by (window) ({average})", "average over {{window}}"),
        ],
        unit=unit,
        from_zero=False,
    )
