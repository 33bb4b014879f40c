"""The number of real exporters that share a simulated fleet changes under load."""

import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings


def test_from_2_to_3_and_back_under_load_nothing_times_out(tmp_path: Path) -> None:
    """As docs/partitions.md has it: the new one first, and the one that is to go last."""
    quick = ("--unanswered=0", "--late=0", "--superseded=0", "--slow-latency=0.3s", "--request-timeout=6s")
    running: dict[int, Exporter] = {}
    answered: list[float] = []
    timeouts: list[float] = []

    def stop(index: int) -> None:
        exporter = running.pop(index)
        shown = exporter.scrape().named("tickrmeter_stock_update_events_total")
        counts = {dict(labels)["event"]: value for labels, value in shown.items()}
        answered.append(counts["answered"])
        timeouts.append(counts["timeout"])
        exporter.__exit__(None, None, None)

    with Mosquitto(tmp_path) as broker:

        def start(index: int, count: int) -> None:
            directory = tmp_path / f"{index}-of-{count}-{len(answered)}"
            directory.mkdir()
            environment = settings(
                broker.url,
                PARTITION__COUNT=f"{count}",
                PARTITION__INDEX=f"{index}",
                MONITORING__REQUEST_TIMEOUT="6s",
            )
            running[index] = Exporter(directory, environment, directory.name)
            running[index].__enter__()
            running[index].wait_ready()

        def stop_the_rest() -> None:
            for exporter in running.values():
                exporter.__exit__(None, None, None)

        def restart(index: int, count: int) -> None:
            stop(index)
            start(index, count)

        fleet = ("--devices", "60", "--rate", "100", "--duration", "10m", "--symbols", "20", *quick)
        command = [sys.executable, "-m", "otel_tickrmeter", "simulate", "--broker", broker.url, *fleet]
        with ExitStack() as stack:
            stack.callback(stop_the_rest)
            start(0, 2)
            start(1, 2)
            log = stack.enter_context((tmp_path / "simulator.log").open("wb"))
            simulator = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(simulator.wait)
            stack.callback(simulator.kill)

            def waited(exporter: Exporter) -> bool:
                assert simulator.poll() is None, (tmp_path / "simulator.log").read_text()
                return _waited(exporter)

            for step in (
                partial(start, 2, 3),
                partial(restart, 1, 3),
                partial(restart, 0, 3),
                partial(restart, 0, 2),
                partial(restart, 1, 2),
                partial(stop, 2),
            ):
                step()
                for exporter in running.values():
                    # Whoever is there keeps something, and has kept it for longer than a request may wait.
                    exporter.wait(partial(waited, exporter), "to have kept some requests")
            stop(0)
            stop(1)
    assert len(answered) == 7
    assert min(answered) > 0
    assert timeouts == [0] * 7


def _waited(exporter: Exporter) -> bool:
    shown = exporter.scrape()
    began = shown.value("process_start_time_seconds")
    last = shown.named("tickrmeter_mqtt_last_message_timestamp_seconds").get(frozenset(), 0.0)
    return last - began > 8 and shown.value("tickrmeter_stock_update_events_total", event="answered") > 0
