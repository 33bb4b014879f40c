"""Faults are put into a live fleet, and the right alerts reach a webhook, by way of all that is real.

Mosquitto, the exporter, Prometheus with the project's rules, Alertmanager with the project's routes and
inhibitions. Time windows are about a sixtieth, by generating the rules with them; expressions are the same.
What is a number of requests or a rate stays as it is: one timeout is far above 0.1 a second over 5 seconds.

At no moment may an alert arrive that no fault explains.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from alerts.__main__ import rule_files
from alerts.exporter import JOB
from alerts.windows import Windows
from tests.integration.alertmanager import Alertmanager, settings_for_tests
from tests.integration.exporter import Exporter
from tests.integration.fault_traffic import (
    DEVICES,
    FIRMWARES,
    FIRST,
    LAST,
    REQUEST_TIMEOUT_SECONDS,
    SYMBOLS,
    FaultTraffic,
)
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.prometheus_server import Prometheus
from tests.integration.webhook import Notification, Webhook

SLOW_SYMBOL = SYMBOLS[1]
BOARDS = [f"autocore/B{number}/status" for number in range(8)]
BOARD_IS_THERE = b'{"status": "online"}'
BOARD_IS_LOST = b'{"status": "offline", "reason": "unexpected_disconnect"}'
# That the machine of the tests is busy is no fault of theirs.
BUSY = "DagdaCpuHigh"
ROOT = Path(__file__).parents[2]


class ShortWindows(Windows):
    """A sixtieth; but five seconds are the least to wait for, because a busy machine takes two to wait."""

    def __call__(self, nominal: str) -> str:
        return super().__call__(_patient(nominal))

    def seconds(self, nominal: str) -> str:
        return super().seconds(_patient(nominal))


def _patient(nominal: str) -> str:
    return "5m" if nominal == "2m" else nominal


WINDOWS = ShortWindows(60)


@dataclass
class Stage:
    """Everything that runs, and which alerts are explained by what was done so far."""

    broker: Mosquitto
    exporter: Exporter
    traffic: FaultTraffic
    prometheus: Prometheus
    alertmanager: Alertmanager
    webhook: Webhook
    explained: list[Mapping[str, str]] = field(default_factory=list)

    def explain(self, name: str, **labels: str) -> None:
        """From now on alerts with this name and these labels may arrive."""
        self.explained.append({"alertname": name, **labels})

    def told(self, name: str, *, firing: bool = True, **labels: str) -> list[Notification]:
        """What arrived of such alerts."""
        wanted = {"alertname": name, **labels}.items()
        return [
            found
            for found in self.webhook.received
            if found.firing is firing and wanted <= found.labels.items()
        ]

    def fires(self, name: str, **labels: str) -> bool:
        """Whether Prometheus shows such an alert firing now."""
        return bool(self.prometheus.query(f"ALERTS{selector(alertname=name, alertstate='firing', **labels)}"))

    def inhibited(self, name: str, **labels: str) -> bool:
        """Whether Alertmanager holds such alerts, and keeps every one of them back."""
        wanted = {"alertname": name, **labels}.items()
        held = [alert.inhibited for alert in self.alertmanager.held() if wanted <= alert.labels.items()]
        return bool(held) and all(held)

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Waits until `condition` holds; meanwhile nothing unexplained may arrive."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain {what}\n{self.state()}")
            time.sleep(0.2)
        self.check()

    def check(self) -> None:
        """Nothing unexplained has arrived."""
        for found in self.webhook.received:
            explained = any(labels.items() <= found.labels.items() for labels in self.explained)
            assert explained or not found.firing, f"unexplained: {found}\n{self.state()}"

    def state(self) -> str:
        """For a failure's message."""
        fire = [dict(found.labels) for found in self.prometheus.query("ALERTS")]
        arrived = [(found.firing, dict(found.labels)) for found in self.webhook.received]
        # Its log tells whether the machine was too busy: then it did not run for a while.
        return "\n".join(("Prometheus:", *map(str, fire), "arrived:", *map(str, arrived), self.exporter.log))


def selector(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    environment = settings(
        "",
        PROMETHEUS__REFRESH_INTERVAL="1s",
        MONITORING__REQUEST_TIMEOUT=f"{REQUEST_TIMEOUT_SECONDS}s",
        MONITORING__DEVICE_TIMEOUT=f"{REQUEST_TIMEOUT_SECONDS}s",
        MONITORING__CLEANUP_INTERVAL="1s",
        MONITORING__LATENCY_WINDOW="5s",
        MONITORING__MAX_DEVICES=str(DEVICES),
        MONITORING__MAX_SYMBOLS=str(len(SYMBOLS)),
        AUTOCORE__ENABLED="true",
        AUTOCORE__DATABASE="false",
        AUTOCORE__DEVICE_TIMEOUT="1h",  # they say something once
    )
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, environment | {"TICKRMETER_MQTT__BROKER": broker.url}) as exporter,
        Webhook() as webhook,
        Alertmanager(tmp_path, settings_for_tests(WINDOWS, webhook.url)) as alertmanager,
    ):
        exporter.wait_ready()
        with FaultTraffic(broker) as traffic:
            online = "tickrmeter_devices_online_total"
            exporter.wait(lambda: exporter.scrape().total(online) == DEVICES, "to see the fleet")
            # From the beginning: that none is there is shown without them, and is in the mean, too.
            broker.publish([(board, BOARD_IS_THERE) for board in BOARDS])
            boards = "autocore_device_online"
            exporter.wait(lambda: exporter.scrape().total(boards) == len(BOARDS), "to see the boards")
            # JSON is YAML.
            alerting = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]}
            lines = f"rule_files: ['{tmp_path}/*.rules.yaml']\nalerting: {orjson.dumps(alerting).decode()}"
            target = f"127.0.0.1:{exporter.port}"
            with Prometheus(tmp_path, [target], lines, job=JOB) as prometheus:
                # It begins to scrape some seconds after its start: absence, to rules with such short windows.
                prometheus.wait(lambda: bool(prometheus.query("up == 1")), "to have scraped")
                for name, text in rule_files(WINDOWS).items():
                    (tmp_path / name).write_text(text)
                prometheus.reload()
                yield Stage(broker, exporter, traffic, prometheus, alertmanager, webhook)
        assert exporter.stop() == 0


def test_each_fault_is_told_and_nothing_else(stage: Stage) -> None:
    healthy(stage)
    faults(stage)
    healed(stage)
    lost_boards(stage)
    dead_broker(stage)
    told_properly(stage)


def healthy(stage: Stage) -> None:
    """Only the watchdog, for as long as it takes to have a history of each symbol."""
    stage.explain("TickrMeterWatchdog")
    stage.explain(BUSY)
    history = "count(symbol:tickrmeter_stock_update_responses:mean1d > 0)"
    stage.wait(
        lambda: [found.value for found in stage.prometheus.query(history)] == [len(SYMBOLS)],
        "for a history of each symbol",
        seconds=120,
    )
    # Prometheus finds Alertmanager some seconds after it has read its settings, and tells again in a minute.
    stage.wait(lambda: bool(stage.told("TickrMeterWatchdog")), "for the watchdog", seconds=90)
    unexplained = f'ALERTS{{alertname!~"TickrMeterWatchdog|{BUSY}",alertstate="firing"}}'
    assert not stage.prometheus.query(unexplained)


def faults(stage: Stage) -> None:
    """A slow symbol, a silent one, a firmware regression and an identity attack, all at once."""
    regressed = FIRMWARES[-1]
    stage.explain("TickrMeterIdentityLimitReached")
    stage.explain("HighSymbolLatency", symbol=SLOW_SYMBOL)
    stage.explain("TickrMeterSymbolSilent", symbol=FIRST)
    stage.traffic.attack = True
    stage.traffic.slow_down(SLOW_SYMBOL)
    stage.traffic.silent = FIRST
    stage.wait(lambda: bool(stage.told("TickrMeterIdentityLimitReached")), "for the identity limit")
    stage.traffic.attack = False
    stage.explain("TickrMeterFirmwareTimesOut", firmware_version=regressed)
    stage.explain("TickrMeterUpdateSuccessBudgetBurn")  # by both
    stage.explain("TickrMeterSymbolTimesOut", symbol=FIRST)  # it may be known before the silence
    for symbol in LAST:  # the only others that the regressed firmware asks for
        stage.explain("TickrMeterSymbolTimesOut", symbol=symbol)
        stage.explain("HighTimeoutRate", symbol=symbol)  # it may be known before the share
    stage.traffic.mute_firmware = regressed
    stage.wait(lambda: bool(stage.told("TickrMeterSymbolSilent")), "for the silent symbol")
    stage.wait(lambda: stage.fires("HighTimeoutRate", symbol=FIRST), "for the silent symbol's timeouts")
    stage.wait(lambda: stage.inhibited("HighTimeoutRate", symbol=FIRST), "for their inhibition")
    stage.wait(lambda: bool(stage.told("TickrMeterSymbolTimesOut", symbol=LAST[0])), "for other timeouts")
    stage.wait(lambda: stage.inhibited("HighTimeoutRate", symbol=LAST[0]), "for their share to explain them")
    stage.wait(lambda: bool(stage.told("HighSymbolLatency")), "for the slow symbol")
    stage.wait(lambda: bool(stage.told("TickrMeterFirmwareTimesOut")), "for the firmware")
    stage.wait(
        lambda: bool(stage.told("TickrMeterUpdateSuccessBudgetBurn", severity="critical")), "for the budget"
    )


def healed(stage: Stage) -> None:
    """Timeouts of the silent symbol are not told of when it is answered again, and they still fire."""
    stage.traffic.heal()
    stage.wait(lambda: not stage.fires("HighTimeoutRate"), "for the timeouts' end")
    stage.wait(lambda: not stage.fires("TickrMeterSymbolTimesOut"), "for the end of what explains them")
    names = ("TickrMeterIdentityLimitReached", "HighSymbolLatency")
    stage.wait(lambda: all(stage.told(name, firing=False) for name in names), f"for the end of {names}")


def lost_boards(stage: Stage) -> None:
    """Many boards of the other fleet are lost by the broker; that each of them is, is not told besides."""
    stage.explain("AutoCoreFleetDrop")
    stage.explain("AutoCoreConnectionsLost")  # it may be known first
    stage.explain("AutoCoreDevicesOffline")
    stage.broker.publish([(board, BOARD_IS_LOST) for board in BOARDS])
    stage.wait(lambda: bool(stage.told("AutoCoreFleetDrop")), "for the boards' end")
    stage.wait(lambda: stage.fires("AutoCoreDevicesOffline"), "for what lasts")
    stage.broker.publish([(board, BOARD_IS_THERE) for board in BOARDS])
    stage.wait(lambda: not stage.fires("AutoCoreDevicesOffline"), "for their return")
    stage.wait(lambda: not stage.fires("AutoCoreFleetDrop"), "for that, too")


def dead_broker(stage: Stage) -> None:
    """One alert; nothing is said of devices, who are all still known, nor when the broker comes back.

    What may come then is that the budget has burnt over a day: by the faults before, and held back till then.
    """
    stage.explain("TickrMeterMqttDisconnected")
    known = "sum(tickrmeter_devices_by_firmware_total)"
    before = [found.value for found in stage.prometheus.query(known)]
    stage.broker.stop()
    stage.wait(lambda: bool(stage.told("TickrMeterMqttDisconnected")), "for the connection")
    assert [found.value for found in stage.prometheus.query(known)] == before
    assert following(stage) == set()
    stage.broker.start()
    stage.wait(lambda: bool(stage.told("TickrMeterMqttDisconnected", firing=False)), "for its end")
    assert not stage.fires("TickrMeterFleetDrop")
    assert following(stage) <= {"TickrMeterUpdateSuccessBudgetBurn"}


def following(stage: Stage) -> set[str]:
    """The alerts about backend and devices that arrived since the broker was lost."""
    received = stage.webhook.received
    (lost, *_) = stage.told("TickrMeterMqttDisconnected")
    after = received[received.index(lost) :]
    told = {found.name for found in after if found.firing and found.labels["component"] != "exporter"}
    return told - {BUSY}


def told_properly(stage: Stage) -> None:
    """Each went to its receiver, with text that was filled in and a runbook that exists."""
    receivers = {"critical": "on-call", "warning": "team", "info": "watchdog"}
    for found in stage.webhook.received:
        receiver = "team" if found.name == "HighTimeoutRate" else receivers[found.labels["severity"]]
        assert found.receiver == receiver, found
        assert "error" not in found.annotations["description"], found
        file, _, anchor = found.annotations["runbook_url"].partition("#")
        assert anchor == found.name.lower()
        assert f"\n## {found.name}\n" in (ROOT / file).read_text()
