"""Alerts about the exporter: whether its figures can be relied on."""

from alerts.rule import Alert, Severity, Subject
from alerts.windows import LINGER, Windows

JOB = "otel-tickrmeter"
"""The scrape job's name; needed where a metric is not ours alone, or is missed altogether."""

_DASHBOARD = "/d/tickrmeter-exporter"
_OF_INSTANCE = f"{_DASHBOARD}?var-instance={{{{ $labels.instance | urlquery }}}}"


def exporter_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them, the always-firing one included."""
    return (*_process(w), *_connection(w), *_intake(w), *_output(w))


def _alert(
    name: str,
    expression: str,
    severity: Severity,
    *,
    hold: str = "",
    linger: str = "",
    summary: str,
    description: str,
    dashboard: str = _OF_INSTANCE,
    whole: bool = False,
) -> Alert:
    return Alert(
        name,
        expression,
        severity,
        Subject.EXPORTER,
        summary,
        description,
        dashboard,
        hold,
        linger=linger,
        whole=whole,
    )


def _process(w: Windows) -> tuple[Alert, ...]:
    return (
        _alert(
            "TickrMeterWatchdog",
            "vector(1)",
            Severity.INFO,
            summary="Always firing: shows that alerts arrive.",
            description="Alerting works from Prometheus to wherever this is received. Have something miss it"
            " when it ends.",
            dashboard=_DASHBOARD,
        ),
        _alert(
            "TickrMeterExporterDown",
            f'up{{job="{JOB}"}} == 0',
            Severity.CRITICAL,
            hold=w("5m"),
            linger=w(LINGER),
            summary="An exporter cannot be scraped.",
            description="Prometheus gets no answer from {{ $labels.instance }}: nothing is known of the"
            " fleet.",
        ),
        _alert(
            "TickrMeterExporterAbsent",
            f'absent(up{{job="{JOB}"}})',
            Severity.CRITICAL,
            hold=w("5m"),
            summary="Prometheus knows of no exporter.",
            description=f'No target has the job "{JOB}": the exporter is not in the scrape configuration any'
            " more.",
            dashboard=_DASHBOARD,
        ),
        _alert(
            "TickrMeterExporterRestarting",
            f'changes(process_start_time_seconds{{job="{JOB}"}}[{w("15m")}]) > 2',
            Severity.WARNING,
            summary="An exporter restarts again and again.",
            description="{{ $labels.instance }} was started {{ $value }} times within 15 minutes.",
        ),
        _alert(
            "TickrMeterConfigReloadFailed",
            "tickrmeter_config_last_reload_successful == 0",
            Severity.WARNING,
            hold=w("5m"),
            summary="An exporter goes by old settings: the new ones are at fault.",
            description="{{ $labels.instance }} read its settings again and could not take them over; with"
            " them it would not start either.",
        ),
        _alert(
            "TickrMeterStateNotSaved",
            # `unless`, so that it fires too when nothing was ever saved.
            f"increase(tickrmeter_state_save_failures_total[{w('15m')}]) > 0"
            f" unless time() - tickrmeter_state_saved_timestamp_seconds < {w.seconds('10m')}",
            Severity.WARNING,
            hold=w("5m"),
            summary="An exporter cannot save its state: a restart would take it back to an older one.",
            description="{{ $labels.instance }} has saved nothing for 10 minutes, and {{ $value | humanize }}"
            " attempts failed within 15: its log says why.",
        ),
    )


def _connection(w: Windows) -> tuple[Alert, ...]:
    # The least within half an hour before or after: a market that closes some minutes earlier or later is no
    # fault. 10050m is a week less half an hour.
    messages = (
        f'sum without (message_type) (rate(tickrmeter_messages_total{{message_type%s"ignored"}}[{w("15m")}]))'
    )
    arriving = "fleet:tickrmeter_messages:rate5m"
    week_ago = f"min_over_time({arriving}[{w('1h')}] offset {w('10050m')})"
    return (
        _alert(
            "TickrMeterMqttDisconnected",
            "tickrmeter_mqtt_connected == 0",
            Severity.CRITICAL,
            hold=w("2m"),
            linger=w(LINGER),
            summary="An exporter has no connection to its broker.",
            description="{{ $labels.instance }} is not connected to the broker: every figure of the fleet"
            " stands still.",
        ),
        _alert(
            "TickrMeterMqttFlapping",
            # increase() extrapolates: three may come out as 3.05.
            "round(sum without (event, reason) (increase(tickrmeter_mqtt_connection_changes_total"
            f'{{event="connected"}}[{w("15m")}]))) > 3',
            Severity.WARNING,
            summary="The connection to the broker is lost again and again.",
            description="{{ $labels.instance }} connected {{ $value | humanize }} times within 15 minutes;"
            " requests open at each loss are abandoned.",
        ),
        _alert(
            "TickrMeterClientIdContested",
            "round(sum without (event, reason) (increase(tickrmeter_mqtt_connection_changes_total"
            f'{{event="lost",reason="session_taken_over"}}[{w("15m")}]))) > 2',
            Severity.WARNING,
            summary="Another client uses an exporter's client id.",
            description="{{ $labels.instance }} lost its session to another client {{ $value | humanize }}"
            " times within 15 minutes: both see a part of the messages only. Set mqtt.client_id.",
        ),
        _alert(
            "TickrMeterReceiverReplaced",
            "round(sum without (event, reason) (increase(tickrmeter_mqtt_connection_changes_total"
            f'{{event="lost",reason=~"receiver_.+"}}[{w("15m")}]))) > 0',
            Severity.WARNING,
            summary="The process that reads the broker hung or died, and was replaced.",
            description="{{ $labels.instance }} replaced its receiving process {{ $value | humanize }} times"
            " within 15 minutes; requests open at each time are abandoned.",
        ),
        _alert(
            "TickrMeterMqttSilent",
            # `unless`, so that it fires too when no message has come since the exporter started.
            "tickrmeter_mqtt_connected == 1"
            f" unless time() - tickrmeter_mqtt_last_message_timestamp_seconds < {w.seconds('2m')}",
            Severity.CRITICAL,
            hold=w("2m"),
            linger=w(LINGER),
            summary="The broker is connected but sends nothing.",
            description="{{ $labels.instance }} is connected and subscribed, and has received nothing"
            " for two minutes.",
        ),
        _alert(
            "TickrMeterAnswersMissing",
            "tickrmeter_stock_update_answers_missing == 1",
            Severity.CRITICAL,
            hold=w("2m"),
            linger=w(LINGER),
            summary="Devices ask, and no answer of any of them is seen.",
            description="{{ $labels.instance }} sees requests time out and not one answer: it may not be"
            " allowed to read them, or the whole backend is silent.",
        ),
        _alert(
            "TickrMeterTopicsForeign",
            f"{messages % '='} > 0 unless {messages % '!='} > 0",
            Severity.WARNING,
            hold=w("15m"),
            summary="Messages arrive, and none of them is of the fleet.",
            description="{{ $labels.instance }} has ignored every message for 15 minutes, because of its"
            " topic: mqtt.topic_prefix may not be what the fleet's topics begin with.",
        ),
        _alert(
            "TickrMeterMessageRateLow",
            f"{arriving} < 0.5 * {week_ago} and {week_ago} > 1",
            Severity.WARNING,
            hold=w("15m"),
            summary="Far fewer messages arrive than a week ago at this hour.",
            description='{{ $value | printf "%.1f" }} messages arrive a second: less than half of what'
            " came a week ago at this hour.",
            dashboard=_DASHBOARD,
            whole=True,
        ),
    )


def _intake(w: Windows) -> tuple[Alert, ...]:
    return (
        _alert(
            "TickrMeterQueueFilling",
            'tickrmeter_queue_size{queue="receive"} > 10000',
            Severity.WARNING,
            hold=w("2m"),
            summary="Messages wait in the receive queue.",
            description="{{ $value | humanize }} messages wait in {{ $labels.instance }}: it does not keep"
            " up, and drops messages when performance.buffer_size is reached.",
        ),
        _alert(
            "TickrMeterQueueDropping",
            f"increase(tickrmeter_queue_dropped_total[{w('5m')}]) > 0",
            Severity.CRITICAL,
            summary="Messages are dropped because the receive queue is full.",
            description="{{ $labels.instance }} dropped {{ $value | humanize }} messages within 5 minutes;"
            " requests whose answer may be among them are abandoned.",
        ),
        _alert(
            "TickrMeterDecodeErrors",
            "instance:tickrmeter_message_errors:ratio_rate5m > 0.01",
            Severity.WARNING,
            hold=w("10m"),
            summary="Many messages cannot be read.",
            description="{{ $value | humanizePercentage }} of the messages to {{ $labels.instance }} were set"
            " aside, whole or in part; tickrmeter_message_errors_total tells the reasons.",
        ),
        _alert(
            "TickrMeterIdentityLimitReached",
            "sum without (kind, reason)"
            f' (increase(tickrmeter_identities_rejected_total{{reason=~"max_.+"}}[{w("5m")}])) > 0',
            Severity.WARNING,
            hold=w("5m"),
            summary="New devices or symbols are rejected because a limit is reached.",
            description="{{ $labels.instance }} rejected {{ $value | humanize }} messages within 5 minutes:"
            " the fleet has outgrown monitoring.max_*, or somebody publishes invented identities.",
        ),
        _alert(
            "TickrMeterDeviceAsksForTooMuch",
            f'increase(tickrmeter_identities_displaced_total{{kind="pair"}}[{w("5m")}]) > 100',
            Severity.WARNING,
            hold=w("5m"),
            summary="A device asks for ever more symbols.",
            description="{{ $value | humanize }} symbols of devices on {{ $labels.instance }} gave way to"
            " others of the same devices within 5 minutes. Most of them:"
            '{{ range query "topk(3, tickrmeter_device_symbols_displaced)" }}'
            " {{ .Labels.device_id }}{{ end }}.",
        ),
    )


def _output(w: Windows) -> tuple[Alert, ...]:
    pushes = f'rate(tickrmeter_otlp_exports_total{{outcome="%s"}}[{w("15m")}]) > 0'
    return (
        _alert(
            "TickrMeterExpositionStale",
            "tickrmeter_exposition_age_seconds > 30",
            Severity.WARNING,
            hold=w("2m"),
            summary="What an exporter shows is old.",
            description="A scrape of {{ $labels.instance }} shows figures of"
            " {{ $value | humanizeDuration }} ago.",
        ),
        _alert(
            "TickrMeterScrapeSlow",
            f'avg_over_time(scrape_duration_seconds{{job="{JOB}"}}[{w("5m")}]) > 5',
            Severity.WARNING,
            hold=w("10m"),
            summary="Scrapes take long.",
            description="A scrape of {{ $labels.instance }} takes {{ $value | humanizeDuration }} on average;"
            " at the scrape timeout (10 seconds unless set) all is lost.",
        ),
        _alert(
            "TickrMeterOtlpFailing",
            f"{pushes % 'failed'} unless ignoring (outcome) {pushes % 'succeeded'}",
            Severity.WARNING,
            hold=w("5m"),
            summary="Every push to the OpenTelemetry collector fails.",
            description="No push from {{ $labels.instance }} reached the collector within 15 minutes;"
            " Prometheus is not affected.",
        ),
    )
