"""Alerts about the AutoCore fleet: its devices, its sensors, its messages and its database."""

from alerts.rule import ONE_FLEET, Alert, Severity, Subject
from alerts.windows import LINGER, Windows

_OF_FLEET = "/d/autocore"
_DASHBOARD = f"{_OF_FLEET}?var-instance={{{{ $labels.instance | urlquery }}}}"
_OF_DEVICE = f"{_DASHBOARD}&var-device_id={{{{ $labels.device_id | urlquery }}}}"
_DEVICES = "fleet:autocore_devices:sum"
_THERE = f'{_DEVICES}{{status=~"online|error|maintenance"}}'
_FAULTS = "late|clock|burst|protocol_version|retained|duplicate"
"""Reasons of message errors that are no fault of who sent it, or hardly one."""


def autocore_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them."""
    return (*_devices(w), *_messages(w), *_database(w), *_rules_and_notices(w))


def _alert(
    name: str,
    expression: str,
    hold: str,
    summary: str,
    description: str,
    *,
    severity: Severity = Severity.WARNING,
    dashboard: str = _DASHBOARD,
    linger: str = "",
    whole: bool = False,
) -> Alert:
    return Alert(
        name,
        expression,
        severity,
        Subject.AUTOCORE,
        summary,
        description,
        _OF_FLEET if whole else dashboard,
        hold,
        linger=linger,
        whole=whole,
    )


def _new(counter: str, window: str) -> str:
    """What a counter grew by; `increase` alone cannot see the first count of a series."""
    return f"(increase({counter}[{window}]) > 0 or ({counter} > 0 unless {counter} offset {window}))"


def _devices(w: Windows) -> tuple[Alert, ...]:
    there = f"sum without (status) ({_THERE})"
    # Ten minutes apart, so that a quick drop is not part of what it is compared with.
    before = f"sum without (status) (avg_over_time({_THERE}[{w('1h')}] offset {w('10m')}))"
    # The mean of an hour follows what it is compared with. Once told of, that of a day counts, so that a page
    # does not end while the devices are still gone. A slow decline never begins one.
    a_day = f"sum without (status) (avg_over_time({_THERE}[{w('1d')}] offset {w('10m')}))"
    told = f'on ({ONE_FLEET}) ALERTS{{alertname="AutoCoreFleetDrop",alertstate="firing"}}'
    # A rate is extrapolated: five may come out as 5.1.
    lost = f"round(fleet:autocore_connections_lost:rate10m * {w.seconds('10m')})"
    offline = f'sum without (status) ({_DEVICES}{{status="offline"}})'
    known = f"sum without (status) ({_DEVICES})"
    return (
        _alert(
            "AutoCoreFleetDrop",
            f"({there} < 0.8 * {before} and {before} > 5) or ({there} < 0.8 * {a_day} and {told})",
            w("5m"),
            "Many AutoCore devices are gone.",
            "{{ $value | humanize }} devices are there: less than 80 % of what was usual.",
            severity=Severity.CRITICAL,
            whole=True,
        ),
        _alert(
            "AutoCoreConnectionsLost",
            f"{lost} > 5 and {lost} / {known} > 0.1",
            w("2m"),
            "Many AutoCore devices lost their connection at once.",
            "{{ $value | humanize }} devices were lost by the broker, or fell silent, within ten minutes.",
            whole=True,
        ),
        _alert(
            "AutoCoreDevicesOffline",
            f"{offline} > 1 and {offline} / {known} >= 0.5",
            w("15m"),
            "Half of the AutoCore devices or more are offline.",
            "{{ $value | humanize }} devices have been offline for a quarter of an hour.",
            whole=True,
        ),
        _alert(
            "AutoCoreDeviceOffline",
            "autocore_device_online == 0",
            w("6h"),
            "AutoCore device {{ $labels.device_id }} is offline.",
            "{{ $labels.device_id }} has been offline for hours.",
            severity=Severity.INFO,
            dashboard=_OF_DEVICE,
        ),
        _alert(
            "AutoCoreDeviceFlapping",
            f"changes(autocore_device_online[{w('1h')}]) > 6",
            w("5m"),
            "AutoCore device {{ $labels.device_id }} comes and goes.",
            "{{ $labels.device_id }} came or went {{ $value | humanize }} times within an hour.",
            dashboard=_OF_DEVICE,
        ),
        _alert(
            "AutoCoreSafetyShutoff",
            _new("autocore_relay_safety_shutoffs_total", w("10m")),
            "",
            "AutoCore device {{ $labels.device_id }} switched a relay off for safety.",
            "{{ $labels.device_id }} heard no heartbeat while a relay was on, and switched it off.",
            dashboard=_OF_DEVICE,
        ),
        _alert(
            "AutoCoreSensorUnusual",
            "autocore_telemetry_anomaly == 1",
            w("10m"),
            "Sensor {{ $labels.sensor }} of AutoCore device {{ $labels.device_id }} is unusual.",
            "{{ $labels.sensor }} of {{ $labels.device_id }} has been far from what it usually says.",
            severity=Severity.INFO,
            dashboard=_OF_DEVICE,
        ),
        _alert(
            "AutoCoreClockWrong",
            "abs(autocore_device_clock_offset_seconds) > 300",
            w("15m"),
            "The clock of AutoCore device {{ $labels.device_id }} is wrong.",
            "{{ $labels.device_id }} is off by {{ $value | humanizeDuration }}: its times are not used.",
            severity=Severity.INFO,
            dashboard=_OF_DEVICE,
        ),
    )


def _messages(w: Windows) -> tuple[Alert, ...]:
    window = w("10m")
    faulty = f'autocore_message_errors_total{{reason!~"{_FAULTS}"}}'
    faults = f"sum without (message_type, reason) (rate({faulty}[{window}]))"
    messages = f"sum without (message_type) (rate(autocore_messages_total[{window}]))"
    return (
        _alert(
            "AutoCoreMessagesBad",
            f"{faults} / {messages} > 0.05",
            w("10m"),
            "Many messages of AutoCore devices cannot be read.",
            "{{ $value | humanizePercentage }} of the messages have something that cannot be read.",
        ),
    )


def _database(w: Windows) -> tuple[Alert, ...]:
    spool = 'autocore_queue_size{queue="spool"} / autocore_queue_capacity{queue="spool"}'
    return (
        _alert(
            "AutoCoreDatabaseDown",
            "autocore_database_up == 0",
            w("5m"),
            "The database of the AutoCore monitor takes no rows.",
            "Rows wait in memory and in the spool of {{ $labels.instance }}; nothing is lost yet.",
            severity=Severity.CRITICAL,
            linger=w(LINGER),
        ),
        _alert(
            "AutoCoreSpoolFilling",
            f"{spool} > 0.5",
            w("5m"),
            "The spool of the AutoCore monitor fills.",
            "{{ $value | humanizePercentage }} of the spool are in use; when it is full, readings are lost.",
            severity=Severity.CRITICAL,
        ),
        _alert(
            "AutoCoreRowsLost",
            f"sum without (queue) (increase(autocore_queue_dropped_total[{w('10m')}])) > 0",
            "",
            "The AutoCore monitor loses messages or rows.",
            "{{ $value | humanize }} messages or rows found no place within ten minutes.",
            severity=Severity.CRITICAL,
        ),
        _alert(
            "AutoCoreRowsRefused",
            _new('autocore_database_errors_total{kind="data"}', w("1h")),
            "",
            "The database refuses rows of the AutoCore monitor.",
            "Rows were refused within an hour, and are dead letters now.",
        ),
    )


def _rules_and_notices(w: Windows) -> tuple[Alert, ...]:
    unfinished = 'autocore_automation_runs_total{outcome=~"failed|timeout"}'
    failed = 'autocore_notifications_total{outcome="failed"}'
    return (
        _alert(
            "AutoCoreRuleFails",
            f"max without (outcome) ({_new(unfinished, w('1h'))})",
            "",
            "Rule {{ $labels.rule }} of the AutoCore fleet did not do what it should.",
            "A run of {{ $labels.rule }} failed within an hour, or took longer than a minute.",
        ),
        _alert(
            "AutoCoreNoticesFail",
            f"max without (kind, outcome) ({_new(failed, w('1h'))})",
            "",
            "Notices of the AutoCore fleet do not arrive by {{ $labels.channel }}.",
            "A notice was given up within an hour, after six attempts.",
        ),
    )
