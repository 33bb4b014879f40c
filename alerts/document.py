"""The rules as the files that Prometheus reads."""

from collections.abc import Iterable
from typing import Any

import yaml

from alerts.autocore import autocore_alerts
from alerts.devices import device_alerts
from alerts.exporter import exporter_alerts
from alerts.jobs import job_alerts
from alerts.objectives import objective_alerts
from alerts.partitions import partition_alerts
from alerts.rule import Alert, Group, Recording
from alerts.symbols import symbol_alerts
from alerts.windows import Windows

_HEADER = "# Made by `python -m alerts`; change the code in this folder instead.\n"
RUNBOOKS = "docs/runbooks"
"""Where the runbooks are, unless they are published somewhere; a file for each subject."""


OF_THE_FLEET = "tickrmeter.alerts.fleet"
"""The group of what all exporters of a fleet see together: of several Prometheus, the global one's."""


def alert_groups(windows: Windows) -> tuple[Group, ...]:
    """Return every alert."""
    by_subject = {
        "tickrmeter.alerts.symbols": symbol_alerts(windows),
        "tickrmeter.alerts.objectives": objective_alerts(windows),
        "tickrmeter.alerts.devices": device_alerts(windows),
        "tickrmeter.alerts.exporter": (*exporter_alerts(windows), *partition_alerts(windows)),
        "autocore.alerts": autocore_alerts(windows),
        "dagda.alerts": job_alerts(windows),
    }
    whole = tuple(alert for alerts in by_subject.values() for alert in alerts if alert.whole)
    return (
        *(
            Group(name, tuple(alert for alert in alerts if not alert.whole))
            for name, alerts in by_subject.items()
        ),
        Group(OF_THE_FLEET, whole),
    )


def as_yaml(groups: Iterable[Group], *, runbooks: str = RUNBOOKS, grafana: str = "") -> str:
    """Return a rule file.

    Args:
        groups: The rules.
        runbooks: Address of the folder of runbooks.
        grafana: Address of Grafana, without a slash at its end; empty leaves the dashboards' paths.
    """
    document = {"groups": [_group(group, runbooks, grafana) for group in groups]}
    return _HEADER + yaml.safe_dump(document, sort_keys=False, width=110, allow_unicode=True)


def _group(group: Group, runbooks: str, grafana: str) -> dict[str, Any]:
    head = {"name": group.name} | ({"interval": group.interval} if group.interval else {})
    rules = [
        _recording(rule) if isinstance(rule, Recording) else _alert(rule, runbooks, grafana)
        for rule in group.rules
    ]
    return {**head, "rules": rules}


def _recording(rule: Recording) -> dict[str, Any]:
    labels = {"labels": dict(rule.labels)} if rule.labels else {}
    return {"record": rule.record, "expr": rule.expression, **labels}


def _alert(alert: Alert, runbooks: str, grafana: str) -> dict[str, Any]:
    hold = {"for": alert.hold} if alert.hold else {}
    linger = {"keep_firing_for": alert.linger} if alert.linger else {}
    return {
        "alert": alert.name,
        "expr": alert.expression,
        **hold,
        **linger,
        "labels": {
            "severity": alert.severity.value,
            "component": alert.subject.value,
            **alert.labels,
        },
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{runbooks}/{alert.subject.value}.md#{alert.name.lower()}",
            "dashboard_url": f"{grafana}{alert.dashboard}",
        },
    }
