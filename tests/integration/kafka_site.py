"""A receiver, handlers that come and go, and a broker of Kafka's protocol between them."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.simulation import Simulated, simulate
from tests.support.partitions import FOREIGN, NEVER_ADDED
from tools.tansu import Tansu

MESSAGES = "tickrmeter_messages_total"
ASSIGNED = "tickrmeter_kafka_partitions_assigned"
EVENTS = "tickrmeter_stock_update_events_total"
FLEET = (
    *("--devices", "60", "--rate", "200", "--symbols", "20", "--request-timeout", "3s"),
    *("--slow-latency", "1.5s"),
)
# A rebalance takes as long as a member's heartbeats take to tell it.
_QUICK = "session.timeout.ms=3000,heartbeat.interval.ms=200"
# Whoever is silent here has been lost on the way.
ALL_ANSWERED = ("--unanswered=0", "--late=0", "--superseded=0")
BY_THE_CLOCK = "tickrmeter_stock_update_latency_seconds_"


class Site:
    """Brokers of both kinds, a receiver, and handlers that come and go; `more` is in all environments."""

    def __init__(
        self,
        directory: Path,
        stack: ExitStack,
        brokers: str | None = None,
        partitions: int = 8,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._partitions = partitions
        self._more = more
        self._directory = directory
        self._stack = stack
        self.mqtt = stack.enter_context(Mosquitto(directory))
        self.kafka = None if brokers else stack.enter_context(Tansu(directory))
        self._brokers = brokers or ("" if self.kafka is None else self.kafka.address)
        self.handlers: dict[str, Exporter] = {}
        self.receiver = self.start("receiver", "receiver")
        self.receiver.wait_ready()

    def start(self, name: str, role: str) -> Exporter:
        """Start the program in a role; it serves HTTP then, and not more."""
        directory = self._directory / name
        directory.mkdir()
        environment = settings(
            self.mqtt.url,
            KAFKA__ROLE=role,
            KAFKA__BROKERS=self._brokers,
            KAFKA__PARTITIONS=f"{self._partitions}",
            KAFKA__PROPERTIES=_QUICK if role == "handler" else "linger.ms=5",
            MONITORING__REQUEST_TIMEOUT="3s",
            PROMETHEUS__REFRESH_INTERVAL="0.2s",
        )
        environment |= self._more
        return self._stack.enter_context(Exporter(directory, environment, name, measured=True))

    def join(self, name: str) -> Exporter:
        """Start a handler; there when everybody has a share."""
        handler = self.handlers[name] = self.start(name, "handler")
        self.shared()
        return handler

    def shared(self) -> None:
        """Wait until the handlers have all partitions among them, and each has some."""

        def all_dealt() -> bool:
            shares = [_value(each, ASSIGNED) for each in self.handlers.values()]
            return sum(shares) == self._partitions and all(shares)

        for each in self.handlers.values():
            each.wait(all_dealt, "to have a share", 60)
            each.wait_ready(60)

    def publish(self, *options: str) -> Simulated:
        return simulate(self._directory, self.mqtt.url, *FLEET, *options)

    def simulator(self) -> subprocess.Popen[bytes]:
        """A fleet that speaks until its end, and is always answered."""
        command = [
            *(sys.executable, "-m", "otel_tickrmeter", "simulate", "--broker", self.mqtt.url),
            *(*FLEET, *ALL_ANSWERED, "--duration", "10m"),
        ]
        log = self._stack.enter_context((self._directory / "simulator.log").open("wb"))
        found = subprocess.Popen(command, env=child_environment(measured=False), stdout=log, stderr=log)
        self._stack.callback(found.wait)
        self._stack.callback(found.kill)
        return found

    def end(self, simulator: subprocess.Popen[bytes]) -> None:
        """End it; all was answered until now, and what is open will not be."""
        assert events([each.scrape() for each in self.handlers.values()])["timeout"] == 0
        simulator.send_signal(signal.SIGINT)
        simulator.wait()

    def heard(self) -> float:
        """Messages that the receiver has passed on."""
        return self.receiver.scrape().total(FOREIGN)

    def settled(self, sent: int | None = None) -> list[Exposition]:
        """Wait until everything that was heard is handled, and nothing waits for an answer.

        Without `sent`, all that was heard: nothing may be on its way to the receiver any more.
        """
        if sent is None:
            sent = self._all_heard()
        shown: list[Exposition] = []

        def all_handled() -> bool:
            shown[:] = [each.scrape() for each in self.handlers.values()]
            pending = sum(each.total("tickrmeter_stock_updates_pending") for each in shown)
            return sum(each.total(MESSAGES) for each in shown) >= sent and not pending

        self.receiver.wait(all_handled, "to be handled by all")
        return shown

    def caught_up(self) -> list[Exposition]:
        """Wait until nothing that was heard waits in Kafka, however much of it was counted.

        A sum that is as high as expected may be about to rise: of what is handled a second time.
        """
        self._all_heard()

        def nothing_waits() -> bool:
            return all(map(_has_caught_up, self.handlers.values()))

        self.receiver.wait(nothing_waits, "to have nothing waiting", 60)
        return [each.scrape() for each in self.handlers.values()]

    def _all_heard(self) -> int:
        """Wait until the receiver hears nothing any more; what it heard until then."""
        before = -1.0
        while (heard := self.heard()) > before:
            before = heard
            time.sleep(1)
        return int(heard)


def _value(exporter: Exporter, name: str) -> float:
    return exporter.scrape().named(name).get(frozenset(), 0.0)


def _has_caught_up(handler: Exporter) -> bool:
    # How many wait is as the broker said last; that it was asked lately shows in the age of what was handled.
    shown = handler.scrape()
    waiting, age = (shown.value(f"tickrmeter_kafka_lag_{what}") for what in ("records", "seconds"))
    return waiting == 0 and age < 1


def events(shown: list[Exposition]) -> Counter[str]:
    """How requests went on, by all handlers together."""
    found: Counter[str] = Counter()
    for each in shown:
        for labels, value in each.named(EVENTS).items():
            found[dict(labels)["event"]] += int(value)
    return found


def assert_as_sent(run: Simulated, shown: list[Exposition]) -> None:
    for name, series in run.expected.items():
        if name in NEVER_ADDED or name in {f"{BY_THE_CLOCK}bucket", f"{BY_THE_CLOCK}sum"}:
            continue
        sums: Counter[object] = Counter()
        for each in shown:
            sums.update(each.named(name))
        found = {labels: value for labels, value in sums.items() if value}
        assert found == {labels: value for labels, value in series.items() if value}, name


def end_one_under_load(site: Site, how: signal.Signals) -> None:
    """One of two handlers ends: what is counted twice or not seen is bounded."""
    a = site.start("a", "handler")
    site.handlers["a"] = a
    b = site.join("b")
    simulator = site.simulator()
    b.wait(lambda: events([b.scrape()])["answered"] > 40, "to have seen some")
    last = b.scrape()
    b.send(how)
    b.wait_end()
    del site.handlers["b"]
    site.shared()
    before = events([a.scrape()])["answered"]
    a.wait(lambda: events([a.scrape()])["answered"] > before + 40, "to have seen some of what b kept")
    site.end(simulator)
    shown = [*site.caught_up(), last]
    # Of 400 messages a second half are b's. It shows what is 0.2 s old, and commits that within 0.1 s.
    assert abs(sum(each.total(MESSAGES) for each in shown) - site.heard()) < 400
