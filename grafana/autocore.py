"""The dashboard *AutoCore*: the other fleet, one of its devices, its sensors, messages and database."""

from grafana_foundation_sdk.models.dashboard import Panel

from grafana.autocore_database import database
from grafana.autocore_device import device
from grafana.dashboard import AUTOCORE, Made, Section, alerts, connection_changes, make_dashboard
from grafana.link import link_to
from grafana.panel import Steps, figure, rows, trend
from grafana.query import Query, select, table
from grafana.variable import board, datasource, instance, job

_MINUTE = 60
_SHOWN = 10
_STATUSES = {"online": "green", "offline": "red", "error": "orange", "maintenance": "blue"}
_SCORE: Steps = ((3, "yellow"), (5, "red"))
"""Below the first a sensor is usual again, from the second on it is unusual."""


def autocore() -> Made:
    """Return the dashboard."""
    return make_dashboard(
        AUTOCORE,
        "AutoCore",
        "Vehicle electronics: which devices are there and well, what their relays and sensors do, and whether"
        " what they tell reaches the database.",
        (datasource(), job(), instance(), board()),
        (
            Section("The fleet", _fleet()),
            Section("Devices that need a look", _worst()),
            Section("Sensors that are unusual", _unusual()),
            Section("One device", device()),
            Section("Messages and rules", _messages()),
            Section("Database and queues", database(), of_fleet=False),
        ),
        annotations=(alerts('component="autocore"'), connection_changes()),
    )


def _fleet() -> tuple[Panel, ...]:
    there = select("autocore_devices", 'status=~"online|error|maintenance"')
    gone = select("autocore_devices", 'status="offline"')
    by_status = select("autocore_devices")
    changes = select("autocore_connectivity_changes_total")
    return (
        figure(
            "Devices there",
            "Known devices that are there, those among them that report an error or maintenance.",
            Query(f"sum({there})", instant=True),
            width=6,
        ),
        figure(
            "Devices gone",
            "Known devices that said so, that their broker lost, or that are silent. Good: none.",
            Query(f"sum({gone})", instant=True),
            steps=((1, "yellow"),),
            width=6,
        ),
        figure(
            "Safety shutoffs",
            "Relays that a device switched off by itself within the time range, for want of a heartbeat.",
            # A device that never had to has no series.
            Query(
                f"sum(increase({select('autocore_relay_safety_shutoffs_total')}[$__range]))"
                f" or 0 * sum({by_status})",
                instant=True,
            ),
            steps=((1, "red"),),
            decimals=0,
            width=6,
        ),
        figure(
            "Connected to the broker",
            "Share of the time range in which the exporter was connected. Good: all of it.",
            Query(f"avg(avg_over_time({select('autocore_mqtt_connected')}[$__range]))", instant=True),
            unit="percentunit",
            steps=((None, "red"), (0.99, "yellow"), (0.999, "green")),
            width=6,
        ),
        trend(
            "Devices by status",
            "All known devices by what they said last; a device that is silent is offline. Good: a flat top.",
            [Query(f"sum by (status) ({by_status})", "{{status}}")],
            stacked=True,
            overrides={
                status: {"color": {"mode": "fixed", "fixedColor": colour}}
                for status, colour in _STATUSES.items()
            },
        ),
        trend(
            "Comings and goings",
            "Devices that came or went, by what showed it. A will is the broker's word that a device is gone;"
            " many of them at once are a network that failed.",
            [Query(f"sum by (to, cause) (increase({changes}[$__rate_interval])) > 0", "{{to}}, {{cause}}")],
            counted=True,
        ),
    )


def _worst() -> tuple[Panel, ...]:
    silence = f"time() - {select('autocore_device_last_seen_timestamp_seconds')}"
    offset = f"abs({select('autocore_device_clock_offset_seconds')})"
    return (
        _table(
            "Silent for longest",
            "Time since the last live message. Click a device for all that is known about it.",
            f"topk({_SHOWN}, {silence})",
            ("Silent for", "s"),
            ((120, "yellow"), (300, "red")),
        ),
        _table(
            "Weakest wifi",
            "Below -80 dBm a connection breaks often.",
            f"bottomk({_SHOWN}, {select('autocore_device_wifi_signal_dbm')})",
            ("Signal", "dBm"),
            ((None, "red"), (-80, "yellow"), (-70, "green")),
            descending=False,
        ),
        _table(
            "Least free memory",
            "A board that runs out of memory restarts. What is little depends on the board: look for one that"
            " falls.",
            f"bottomk({_SHOWN}, {select('autocore_device_memory_free_bytes')})",
            ("Free", "bytes"),
            ((None, "red"), (10_000, "yellow"), (20_000, "green")),
            descending=False,
        ),
        _table(
            "Clocks that are off most",
            "By how much the clock of a device differs from ours. Beyond five minutes its times are not"
            " trusted, and the arrival of its messages counts.",
            f"topk({_SHOWN}, {offset})",
            ("Off by", "s"),
            ((5, "yellow"), (300, "red")),
        ),
    )


def _table(
    title: str,
    description: str,
    expression: str,
    column: tuple[str, str],
    steps: Steps,
    *,
    descending: bool = True,
) -> Panel:
    return rows(
        title,
        description,
        [table(expression)],
        key="device_id",
        columns=(column,),
        sort_by=column[0],
        links={"device_id": link_to(AUTOCORE, "device_id")},
        steps={column[0]: steps},
        descending=descending,
        width=6,
        height=8,
    )


def _unusual() -> tuple[Panel, ...]:
    began = select("autocore_telemetry_anomalies_total")
    anomaly, score = select("autocore_telemetry_anomaly"), select("autocore_telemetry_anomaly_score")
    return (
        rows(
            "Unusual now",
            "Sensors whose newest reading is far from what they usually say, with the distance in their usual"
            " spreads. Five is unusual, below three it is usual again. No data: none is.",
            [table(f"topk(20, abs({score}) and {anomaly} == 1)")],
            key="device_id",
            columns=(("Score", "none"),),
            sort_by="Score",
            others=("sensor",),
            links={"device_id": link_to(AUTOCORE, "device_id")},
            steps={"Score": _SCORE},
            width=12,
        ),
        trend(
            "What began to be unusual",
            "Outlier: one reading far off. Level shift: it stays there. Out of range: outside of what the"
            " settings allow. Good: few, and of single devices.",
            [Query(f"sum by (kind) (increase({began}[$__rate_interval]))", "{{kind}}")],
            counted=True,
        ),
    )


def _messages() -> tuple[Panel, ...]:
    runs = select("autocore_automation_runs_total")
    duration = "autocore_message_processing_duration_seconds"
    total, count = (
        f"sum(rate({select(f'{duration}_{part}')}[$__rate_interval]))" for part in ("sum", "count")
    )
    return (
        trend(
            "Messages by type",
            "What arrives, per minute. Good: even, with what a board tells by itself the most.",
            [
                Query(
                    f"sum by (message_type) (rate({select('autocore_messages_total')}[$__rate_interval]))"
                    f" * {_MINUTE} > 0",
                    "{{message_type}}",
                )
            ],
            unit="cpm",
            stacked=True,
        ),
        trend(
            "Messages set aside, by reason",
            "Per minute. Late, clock and burst are counted and have their effect; bad_json and the like are"
            " not read. Retained ones come at every reconnect.",
            [
                Query(
                    f"sum by (reason) (rate({select('autocore_message_errors_total')}[$__rate_interval]))"
                    f" * {_MINUTE} > 0",
                    "{{reason}}",
                )
            ],
            unit="cpm",
        ),
        trend(
            "Time to handle a message",
            "Mean time the exporter takes for a message. Good: tens of microseconds in a busy fleet, a few"
            " hundred in one that says little.",
            [Query(f"{total} / ({count} > 0)", "mean")],
            unit="s",
        ),
        trend(
            "Runs of rules, by how they ended",
            "Of operators' rules. Dry run: a permission to publish is missing. Failed, timeout: it did not"
            " do what it should. No data: there is no rule, or none ran.",
            [
                Query(
                    f"sum by (rule, outcome) (increase({runs}[$__rate_interval])) > 0",
                    "{{rule}}, {{outcome}}",
                )
            ],
            counted=True,
        ),
    )
