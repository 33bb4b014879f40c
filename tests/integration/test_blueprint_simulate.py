"""Made-up fleets as jobs, on a real Mosquitto: what they say they sent is what an exporter counts."""

import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Line, Pause, Progress, Resume, Stop
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.support.worker_process import WorkerProcess, surroundings

LOAD = {"devices": 60, "rate": 300, "duration": "3s"}
ENDLESS = {"devices": 20, "rate": 100, "duration": "1h", "output": "sent.json"}


@pytest.mark.parametrize("fleet", ["tickrmeter", "autocore"])
def test_what_was_sent_is_what_an_exporter_counts(tmp_path: Path, fleet: str) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "secret").write_text("right\n")
    both = {"AUTOCORE__ENABLED": "true", "AUTOCORE__DATABASE": "false"}
    both |= {"MQTT__USERNAME": "fleet", "MQTT__PASSWORD": "right", "MQTT__QOS": "1"}
    given = {**LOAD, "fleet": fleet, "qos": 1, "output": "sent.json", "username": "fleet"}
    given |= {"password_file": "secret"}
    if fleet == "tickrmeter":
        given["settle"] = False
    with (
        Mosquitto(tmp_path, users={"fleet": "right"}) as broker,
        Exporter(tmp_path, settings(broker.url, **both)) as exporter,
    ):
        exporter.wait_ready()
        where = surroundings(jobs, watched_broker=broker.url, allow_watched_broker=True)
        with WorkerProcess(where, "simulate", {**given, "broker": broker.url}) as worker:
            progress, end = worker.end()
        assert isinstance(end, Completed), end
        name = f"{fleet}_messages_total"
        exporter.wait(lambda: exporter.scrape().total(name) >= end.summary["sent"], "to hear of them")
        shown = {dict(key)["message_type"]: n for key, n in exporter.scrape().named(name).items()}
    told = end.summary
    assert told["sent"] == sum(told["messages"].values()) > 800
    assert {kind: n for kind, n in shown.items() if n} == {
        kind: n for kind, n in told["messages"].items() if n
    }
    assert progress[-1].current == progress[-1].total == told["sent"]
    assert [each.current for each in progress] == sorted(each.current for each in progress)
    assert 0 < told["cpu_seconds"] == pytest.approx(told["cpu_microseconds_per_message"] * told["sent"] / 1e6)
    truth = orjson.loads((jobs / "sent.json").read_bytes())
    assert truth["messages"] == told["messages"]
    assert truth["pace"]["rate"] == told["rate"] > 0
    assert truth["expected"]
    assert "right" not in (jobs / "sent.json").read_text()


def test_a_pause_is_told_truly(tmp_path: Path) -> None:
    load = {"request_timeout": "2s", "slow_symbols": 0, "unanswered": 0.1, "settle": False, "qos": 1}
    more = {"MONITORING__REQUEST_TIMEOUT": "2s", "MQTT__QOS": "1"}
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url, **more)) as exporter:
        exporter.wait_ready()
        given = {**LOAD, **load, "broker": broker.url, "output": "sent.json"}
        with WorkerProcess(surroundings(tmp_path), "simulate", given) as worker:
            reports = worker.reports()
            until(reports, 400)
            worker.tell(Pause("w"))
            time.sleep(3.0)  # what was open times out
            worker.tell(Resume("w"))
            assert isinstance([*reports][-1], Completed)
        truth = orjson.loads((tmp_path / "sent.json").read_bytes())
        sent = truth["pace"]["sent"]

        def settled() -> bool:
            shown = exporter.scrape()
            pending = shown.total("tickrmeter_stock_updates_pending")
            return shown.total("tickrmeter_messages_total") >= sent and not pending

        exporter.wait(settled, "to have seen all, with no open request")
        shown = exporter.scrape()
    for each in ("requests", "responses", "timeout", "superseded", "unmatched"):
        name = f"tickrmeter_stock_update_{each}_total"
        found = {labels: n for labels, n in shown.named(name).items() if n}
        wanted = {frozenset(it["labels"].items()): it["value"] for it in truth["expected"][name]}
        assert found == {labels: n for labels, n in wanted.items() if n}, name
    late = shown.named("tickrmeter_stock_update_unmatched_total")[frozenset({("reason", "late")})]
    assert late > 3


def until(reports: Iterator[Line], count: int) -> int:
    for each in reports:
        if isinstance(each, Progress) and each.current >= count:
            return each.current
    raise AssertionError(count)


def test_it_can_be_paused_and_goes_on_and_is_stopped(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        given = {**ENDLESS, "broker": broker.url}
        with WorkerProcess(surroundings(tmp_path), "simulate", given) as worker:
            reports = worker.reports()
            until(reports, 50)
            worker.tell(Pause("w"))
            paused = time.monotonic()

            def received() -> int:
                return broker.log.count("Received PUBLISH")

            still = [-1, received()]
            # Longer than between two messages by far; the broker writes what it hears.
            while still[-1] != still[-2]:
                time.sleep(1.0)
                still.append(received())
            paused = time.monotonic() - paused
            worker.tell(Resume("w"))
            assert until(reports, still[-1] + 50) > still[-1]
            worker.tell(Pause("w"))
            worker.tell(Stop("w"))
            *_, last = reports
        assert last == Gone("w")
        broker.wait(lambda: "Received DISCONNECT" in broker.log, "to see it leave")
        truth = orjson.loads((tmp_path / "sent.json").read_bytes())
        assert truth["complete"] is False
        broker.wait(lambda: received() == truth["pace"]["sent"], "to have it all")
    # A pause is no time of the plan.
    assert truth["pace"]["worst_lag"] < paused


def test_the_watched_broker_is_refused(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        where = surroundings(tmp_path, watched_broker=f"mqtt://127.0.0.1:{broker.port}")
        for url in (broker.url, f"mqtt://127.1:{broker.port}"):
            with WorkerProcess(where, "simulate", {**LOAD, "broker": url}) as worker:
                _, end = worker.end()
            assert isinstance(end, Failed)
            assert "is the broker that the exporter watches" in end.error
        assert "Received CONNECT" not in broker.log


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({}, "BrokerError: cannot connect to localhost:1: "),
        (
            {"username": "a", "password_file": "none"},
            "ValueError: password_file: cannot be read: No such file or directory",
        ),
        ({"output": "way/x"}, "ValueError: way/x is not below the directory of the jobs"),
    ],
)
def test_what_cannot_be_done_fails(tmp_path: Path, more: dict[str, object], error: str) -> None:
    (tmp_path / "way").symlink_to("/tmp")  # noqa: S108  nothing is written there
    where = surroundings(tmp_path, watched_broker="mqtt://watched.example")
    with WorkerProcess(where, "simulate", {**LOAD, "broker": "mqtt://localhost:1", **more}) as worker:
        _, end = worker.end()
    assert isinstance(end, Failed)
    assert end.error.startswith(error)
