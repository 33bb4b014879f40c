"""Panels of *Exporter* about what does not go by the book: odd messages, missing answers, greedy devices."""

from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.dashboard import DEVICE
from grafana.link import link_to
from grafana.panel import HEIGHT, bars, figure, trend
from grafana.query import Query, select


def odd_messages() -> tuple[Panel, ...]:
    """Return the panels on messages that were mended, and on those that were put aside to be looked at."""
    return (
        trend(
            "Messages repaired",
            "Messages that were read although their payload is not proper JSON, by what was wrong with it."
            " They count like others; who sends them should still be told.",
            [
                Query(
                    _rate("tickrmeter_messages_repaired_total", "message_type, kind"),
                    "{{kind}} in {{message_type}}",
                )
            ],
            unit="cps",
        ),
        trend(
            "Dead letters",
            "Messages that could not be used and were kept in the dead-letter file. Dropped: the file could"
            " not take them. No data without such a file.",
            [Query(_rate("tickrmeter_dead_letters_total", "outcome"), "{{outcome}}")],
            unit="cps",
        ),
    )


def answers() -> tuple[Panel, ...]:
    """Return the section on requests and answers of the whole fleet."""
    missing = select("tickrmeter_stock_update_answers_missing")
    return (
        trend(
            "Requests of the whole fleet",
            "Requests, and how they ended, of devices that have left too. Good: answered lies close to"
            " requested, and the rest near 0.",
            [Query(_rate("tickrmeter_stock_update_events_total", "event"), "{{event}}")],
            unit="reqps",
            width=16,
        ),
        trend(
            "No answer of any device is seen",
            "1 while requests time out and not one answer to any device arrives: the backend is down, or the"
            " broker does not let the exporter read the devices' topics.",
            [Query(f"max by (instance) ({missing})", "{{instance}}")],
            unit="none",
            steps=((1, "red"),),
            width=8,
        ),
    )


def link_of_processes() -> tuple[Panel, ...]:
    """Return the panels on the receiving process and what it speaks."""
    protocol = select("tickrmeter_mqtt_protocol_info")
    return (
        trend(
            "Silence of the receiving process",
            "Time without a sign of life of the process that receives, which gives several a second."
            " From 5 seconds on the exporter is not ready; after 15 it replaces the process.",
            [Query(f"max by (instance) ({select('tickrmeter_receiver_silence_seconds')})", "{{instance}}")],
            unit="s",
            steps=((5, "yellow"), (15, "red")),
            width=16,
        ),
        figure(
            "MQTT",
            "The version of MQTT that the connection speaks. No data while there is none.",
            Query(f"max by (protocol) ({protocol})", "MQTT {{protocol}}", instant=True),
            unit="none",
            text_mode=BigValueTextMode.NAME,
            width=8,
            height=HEIGHT,
        ),
    )


def greedy_devices() -> tuple[Panel, ...]:
    """Return the panel on devices that ask for more symbols than they may."""
    displaced = select("tickrmeter_device_symbols_displaced")
    return (
        bars(
            "Devices that ask for too many symbols",
            "Symbols of a device that had to give way to others of its own, of the ten devices with the most."
            " One device far above the others is broken or not a TickrMeter. Click a bar to see the device.",
            [Query(f"max by (device_id) ({displaced})", "{{device_id}}", instant=True)],
            decimals=0,
            width=24,
            link=link_to(DEVICE, "device_id", "__field.labels.device_id"),
        ),
    )


def log() -> tuple[Panel, ...]:
    """Return the panel on the exporter's own log."""
    return (
        trend(
            "Lines missing from the log",
            "Lines that could not be written, or not in time: a full disk, or a reader that hangs.",
            [Query(_rate("tickrmeter_log_lines_dropped_total", "instance"), "{{instance}}")],
            unit="cps",
            steps=((0.001, "red"),),
            width=24,
        ),
    )


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({select(metric)}[$__rate_interval]))"
