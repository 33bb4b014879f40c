"""A run: a real broker, fleets with a truth, the exporter, faults drawn from a seed; then the accounts."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.chaos.accounts import ALL_MESSAGES, BATTERY, Arrivals, Window, differ, faults
from tests.chaos.faults import FAULTS, RESTARTS, Fault, Stage
from tests.chaos.fleet import DEVICES, PAIRS, REQUEST_TIMEOUT_SECONDS, Fleet
from tests.chaos.link import Link
from tests.chaos.lives import CAPTURE, Lives
from tests.chaos.rows import row_faults, stored
from tests.chaos.scrapers import BadScrapers, PatientScraper
from tests.integration.conservation import Conservation
from tests.integration.exporter import Exporter
from tests.integration.exposition import quick_total
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import PENDING, REQUESTS, settings

KEEPALIVE_SECONDS = 4
_DATABASE = "rows.db"
_RECOVERY_SECONDS = 90.0
_SETTLED_SECONDS = 3.0
_GROWN_BYTES = 30_000_000
"""What bounds that fill, and scrapers that read nothing, may add to what it takes when it starts."""
_GROWN_DESCRIPTORS = 80
"""What its HTTP server may hold for the bad scrapers."""
_MANY_ROUNDS = 100
_LEAKED_BYTES = 10_000_000
_LEAKED_DESCRIPTORS = 5
"""By how much the least of the second half may be more than that of the second quarter."""


class Round(NamedTuple):
    """What went wrong, and how the exporter was when it was over."""

    names: Sequence[str]
    seconds: float
    resident_bytes: int
    descriptors: int


@dataclass
class Report:
    """What a run came to; `faults` is empty when everything was right."""

    rounds: list[Round] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    messages: int = 0
    good_scrapes: int = 0


class Plan(NamedTuple):
    """`draw` gives the faults of each round and how long they last; `say` is told of each round."""

    draw: Iterator[tuple[Sequence[Fault], float]]
    say: Callable[[Round], None] = lambda _: None


def drawn(
    seed: int, until: float, possible: Sequence[Fault] = FAULTS
) -> Iterator[tuple[Sequence[Fault], float]]:
    """One to three faults at once, until that monotonic time; each is drawn once before any comes again."""
    chance = random.Random(seed)  # noqa: S311  the same run for the same seed
    waiting: list[Fault] = []
    while time.monotonic() < until:
        if not waiting:
            waiting = chance.sample(possible, len(possible))
        some = min(len(waiting), chance.choice([1, 1, 2, 3]))
        together = [*dict.fromkeys(waiting.pop() for _ in range(some))]
        yield _that_fit(together), chance.choice([0.5, 2.0, 5.0, 12.0])


def _that_fit(together: Sequence[Fault]) -> list[Fault]:
    """One about each process, as many kinds of strangers as there are."""
    if any(fault in RESTARTS for fault in together):
        # Nobody can be asked to stop who is being stopped or killed.
        ours = {"exporter", "main", "receiver"}
        together = [fault for fault in together if fault in RESTARTS or _about(fault) not in ours]
    kin = {_about(fault): fault for fault in reversed(together)}
    return [fault for fault in together if _about(fault) == "strangers:" or kin[_about(fault)] is fault]


def _about(fault: Fault) -> str:
    return fault.name.split()[0]


def run(directory: Path, seed: int, plan: Plan) -> Report:
    """Play it."""
    report = Report()
    windows: list[Window] = []
    with ExitStack() as stack:
        persistent = ("persistence true", f"persistence_location {directory}/", "log_dest none")
        broker = stack.enter_context(Mosquitto(directory, settings=persistent))
        link = stack.enter_context(Link(broker.port))
        exporter = stack.enter_context(
            Exporter(directory, _environment(link), arguments=["--capture", CAPTURE])
        )
        exporter.wait_ready()
        fleet = stack.enter_context(Fleet(broker, seed))
        turn = threading.Lock()
        conservation = Conservation(often=[PatientScraper(exporter, turn)])
        lives = Lives(directory, lambda: conservation.begin_anew(exporter.name))
        stage = Stage(broker, link, exporter, random.Random(seed), lives, turn)  # noqa: S311  the same
        # What is in use keeps its place when strangers fill the bounds: so first all of the fleet's is.
        exporter.wait(lambda: exporter.scrape().total(REQUESTS) >= len(PAIRS), "to know the fleet")
        with conservation, BadScrapers(exporter, seed):
            for chosen, seconds in plan.draw:
                _play(stage, chosen, seconds, windows)
                report.rounds.append(_look(exporter, chosen, seconds))
                plan.say(report.rounds[-1])
            fleet.finish()
            _settle(exporter)
        exposition = exporter.scrape()
        health = exporter.get("/health").json()
        lives.end(code=exporter.stop(), saved=True)
        arrivals = Arrivals.of(lives.all())
        report.faults += conservation.faults
        report.faults += lives.faults
        report.faults += faults(exposition, arrivals, fleet.sent, windows)
        report.faults += row_faults(stored(directory / _DATABASE), arrivals, fleet.sent, windows)
        shown = {dict(labels)["device_id"]: value for labels, value in exposition.named(BATTERY).items()}
        for device in DEVICES:
            report.faults += differ(f"battery of {device}", shown.get(device, -1), fleet.battery[device])
        report.faults += grown(report.rounds)
        if (health["status"], health["broker_connected"]) != ("healthy", True):
            report.faults.append(f"health: {health}")
        report.faults += [
            line for line in exporter.log.splitlines() if " ERROR " in line or "Traceback" in line
        ]
        report.sent, report.messages = len(fleet.sent), arrivals.messages
        report.good_scrapes = conservation.with_pending[exporter.name]
    return report


def _environment(link: Link) -> dict[str, str]:
    return settings(
        link.url,
        MQTT__CLIENT_ID="chaos",
        MQTT__QOS="1",
        MQTT__CLEAN_SESSION="false",
        MQTT__KEEPALIVE=f"{KEEPALIVE_SECONDS}s",
        MONITORING__REQUEST_TIMEOUT=f"{REQUEST_TIMEOUT_SECONDS}s",
        MONITORING__DEVICE_TIMEOUT="60m",
        # Small, so that strangers reach them.
        MONITORING__MAX_DEVICES="300",
        MONITORING__MAX_SYMBOLS="200",
        MONITORING__MAX_PAIRS="1000",
        MONITORING__MAX_DEVICE_SYMBOLS="30",
        PROMETHEUS__REFRESH_INTERVAL="0.3s",
        STATE__FILE="state.db",
        STATE__INTERVAL="1s",
        AUTOCORE__ENABLED="true",
        DATABASE__URL=f"sqlite:///{_DATABASE}",
    )


def _play(stage: Stage, chosen: Sequence[Fault], seconds: float, windows: list[Window]) -> None:
    played = time.monotonic()
    with ExitStack() as stack:
        # Strangers first: they go on until the rest is over.
        for fault in sorted(chosen, key=lambda fault: not fault.name.startswith("strangers")):
            stack.enter_context(fault.begin(stage))
        time.sleep(seconds)  # the length of the faults
    stage.exporter.wait_ready(_RECOVERY_SECONDS)
    loses, repeats = any(fault.loses for fault in chosen), any(fault.repeats for fault in chosen)
    name = " + ".join(fault.name for fault in chosen)
    windows.append(Window(name, played, time.monotonic(), loses, repeats))


def _look(exporter: Exporter, chosen: Sequence[Fault], seconds: float) -> Round:
    main = psutil.Process(exporter.pid)
    processes = [main, *main.children()]
    return Round(
        [fault.name for fault in chosen],
        seconds,
        sum(process.memory_info().rss for process in processes),
        sum(process.num_fds() for process in processes),
    )


def _settle(exporter: Exporter) -> None:
    """Until nothing arrives any more and nothing is open."""
    seen, since = -1.0, time.monotonic()

    def settled() -> bool:
        nonlocal seen, since
        text = exporter.metrics()
        came = sum(quick_total(text, name) for name in ALL_MESSAGES)
        if came != seen or quick_total(text, PENDING):
            seen, since = came, time.monotonic()
        return time.monotonic() - since > _SETTLED_SECONDS

    exporter.wait(settled, "to settle", _RECOVERY_SECONDS)


def grown(rounds: Sequence[Round]) -> Iterator[str]:
    """What has become more, and should not."""
    first, last = rounds[0], rounds[-1]
    if last.resident_bytes - first.resident_bytes > _GROWN_BYTES:
        yield f"memory: {first.resident_bytes / 1e6:.0f} MB, then {last.resident_bytes / 1e6:.0f} MB"
    if last.descriptors - first.descriptors > _GROWN_DESCRIPTORS:
        yield f"descriptors: {first.descriptors}, then {last.descriptors}"
    # In a long run what goes up and down with the faults can be told from what only goes up.
    if len(rounds) >= _MANY_ROUNDS:
        earlier, later = rounds[len(rounds) // 4 : len(rounds) // 2], rounds[len(rounds) // 2 :]
        least_bytes = [min(one.resident_bytes for one in some) for some in (earlier, later)]
        least = [min(one.descriptors for one in some) for some in (earlier, later)]
        if least_bytes[1] - least_bytes[0] > _LEAKED_BYTES:
            yield f"memory at least: {least_bytes[0] / 1e6:.0f} MB, then {least_bytes[1] / 1e6:.0f} MB"
        if least[1] - least[0] > _LEAKED_DESCRIPTORS:
            yield f"descriptors at least: {least[0]}, then {least[1]}"
