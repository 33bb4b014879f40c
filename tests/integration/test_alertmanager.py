"""The example for Alertmanager, in a real one: what explains an alert keeps it back; nothing else does."""

from collections.abc import Mapping
from pathlib import Path

from alerts.exporter import JOB
from alerts.rule import Alert
from alerts.windows import Windows
from tests.integration.alertmanager import Alertmanager, settings_for_tests
from tools.dashlint.project import alerts

NOBODY = "http://127.0.0.1:9/"


def fired(name: str, **labels: str) -> dict[str, str]:
    """An alert's labels, as Prometheus sends them."""
    alert = next(alert for alert in alerts() if alert.name == name)
    return {"alertname": name, "job": JOB, **_own(alert), **labels}


def _own(alert: Alert) -> Mapping[str, str]:
    return {"severity": alert.severity.value, "component": alert.subject.value, **alert.labels}


def in_order(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """What alerts are sorted by."""
    return sorted(labels.items())


def kept_back(alertmanager: Alertmanager) -> list[dict[str, str]]:
    """The labels of those that it keeps from being sent."""
    return sorted((dict(each.labels) for each in alertmanager.held() if each.inhibited), key=in_order)


def test_one_exporter_that_sees_nothing_keeps_alerts_about_its_fleet_back(tmp_path: Path) -> None:
    about_it = [
        fired("TickrMeterRebootsSpiking"),
        fired("TickrMeterFirmwareTimesOut", firmware_version="62p"),
        fired("TickrMeterSymbolSilent", symbol="X"),
        fired("TickrMeterWifiLossesSpiking"),
        fired("TickrMeterMessageRateLow"),
        fired("AutoCoreConnectionsLost"),
        # What looks at one exporter is kept back by the same one.
        fired("HighSymbolLatency", symbol="X", instance="1"),
        fired("TickrMeterBatteriesLow", instance="1"),
        fired("AutoCoreDeviceOffline", device_id="E1", instance="1"),
    ]
    others = [
        fired("HighSymbolLatency", symbol="X", instance="0"),
        fired("TickrMeterBatteriesLow", instance="0"),
        # Another fleet of the same job.
        fired("TickrMeterFleetDrop", fleet="other"),
        fired("AutoCoreConnectionsLost", namespace="other"),
        fired("TickrMeterPartitionTwice", partition="0", partitions="2"),
    ]
    with Alertmanager(tmp_path, settings_for_tests(Windows(), NOBODY)) as alertmanager:
        alertmanager.fire([*about_it, *others])
        assert kept_back(alertmanager) == []
        alertmanager.fire([fired("TickrMeterMqttDisconnected", instance="1")])
        alertmanager.wait(lambda: len(kept_back(alertmanager)) >= len(about_it), "to keep some back")
        assert kept_back(alertmanager) == sorted(about_it, key=in_order)


def test_what_is_said_of_a_symbol_in_the_fleet_explains_what_each_exporter_says(tmp_path: Path) -> None:
    explained = [
        fired("HighTimeoutRate", symbol="X", instance="0"),
        fired("HighTimeoutRate", symbol="X", instance="1"),
        fired("TickrMeterSymbolUnusual", symbol="X", instance="1"),
    ]
    others = [
        fired("HighTimeoutRate", symbol="Y", instance="1"),
        fired("HighTimeoutRate", symbol="X", instance="2", fleet="other"),
    ]
    with Alertmanager(tmp_path, settings_for_tests(Windows(), NOBODY)) as alertmanager:
        alertmanager.fire([fired("TickrMeterSymbolTimesOut", symbol="X"), *explained, *others])
        alertmanager.wait(lambda: len(kept_back(alertmanager)) >= len(explained), "to keep some back")
        assert kept_back(alertmanager) == sorted(explained, key=in_order)
