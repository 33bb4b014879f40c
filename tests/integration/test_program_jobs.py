"""Jobs beside the program itself: asked for over HTTP, seen by a real Prometheus with the project's rules.

One scripted run: a load test, a job that fails, a shard that is killed, wishes that are refused, and a
scenario of faults that another exporter watches. Every query and alert of the published document is asked as
it stands.
"""

import math
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from alerts.__main__ import rule_files
from alerts.windows import Windows
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.prometheus_server import Prometheus
from tests.support.job_desk import ROOT, TOKENS, write_tokens
from tools.job_client import JobClient
from tools.server_process import free_port

ANN, ADMIN = TOKENS
REFUSED = 60
"""So many wishes are enough for an alert: over five minutes more than one in ten seconds."""
HANDLING = "dagda_worker_processing_duration_seconds"
SETTLED_SECONDS = 2.0
"""What was scraped so long ago is there: two queries of that moment see the same."""

SCENARIO = [
    {"step": "start_broker"},
    {"step": "wait", "duration": "25s"},
    {"step": "cut", "how": "drop", "duration": "12s"},
    {"step": "wait", "duration": "1h"},
]
"""Of the other exporter's broker; it runs while all else is tried."""


@dataclass
class Site:
    """The exporter with the jobs, one that watches what is broken, and who sees both."""

    exporter: Exporter
    victim: Exporter
    prometheus: Prometheus
    jobs: JobClient
    scenario: str

    def query(self, promql: str, at: float | None = None) -> dict[tuple[str, ...], float]:
        """The answer about the first exporter, by the values of its labels, those of the target left out."""
        instance = f"127.0.0.1:{self.exporter.port}"
        return {
            tuple(
                value
                for name, value in sorted(found.labels.items())
                if name not in {"__name__", "job", "instance"}
            ): found.value
            for found in self.prometheus.query(promql, at)
            if found.labels.get("instance", instance) == instance
        }

    def wait_for(self, promql: str, expected: Mapping[tuple[str, ...], float]) -> None:
        self.prometheus.wait(lambda: self.query(promql) == expected, f"to show {expected} for {promql}", 60.0)

    def listed(self) -> list[Mapping[str, Any]]:
        """All jobs that are known, as the interface tells of them."""
        status, told = self.jobs.ask("GET", "/workers")
        assert status == 200
        found: list[Mapping[str, Any]] = told["items"]
        return found

    def fires(self, alert: str, **labels: str) -> bool:
        wanted = {"alertname": alert, "alertstate": "firing", **labels}.items()
        return any(wanted <= found.labels.items() for found in self.prometheus.query("ALERTS"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("jobs")
    write_tokens(directory / "tokens")
    files = rule_files(Windows(60))
    for name, text in files.items():
        (directory / name).write_text(re.sub(r"^( *interval:) .*", r"\1 1s", text, flags=re.MULTILINE))
    victim_port = free_port()
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(directory))
        environment = settings(
            broker.url,
            DAGDA__ENABLED="true",
            DAGDA__SHARDS="2",
            DAGDA__TOKENS_FILE="tokens",
            DAGDA__DIRECTORY="work",
            DATABASE__URL="sqlite:///none.db",
        )
        exporter = stack.enter_context(Exporter(directory, environment, measured=True))
        victim = stack.enter_context(
            Exporter(
                directory,
                settings(
                    f"mqtt://127.0.0.1:{victim_port}", MQTT__KEEPALIVE="2s", MQTT__RECONNECT__MAX_DELAY="1s"
                ),
                "victim",
            )
        )
        targets = [f"127.0.0.1:{each.port}" for each in (exporter, victim)]
        prometheus = stack.enter_context(
            Prometheus(directory, targets, f"rule_files: [{', '.join(files)}]\n", job="otel-tickrmeter")
        )
        exporter.wait_ready()
        jobs = JobClient(exporter, ADMIN)
        # At first, so that the alert of a broker that is not there yet is over when it is broken.
        scenario = jobs.create("fault", scenario=SCENARIO, port=victim_port)
        jobs.wait(scenario, "in_progress")
        victim.wait_ready(60.0)
        yield Site(exporter, victim, prometheus, jobs, scenario)


def test_a_load_test_is_counted_alike_by_job_exporter_and_prometheus(site: Site, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as target:
        load = site.jobs.create(
            "simulate", broker=target.url, devices=20, rate=60, duration="4s", settle=True, output="load.json"
        )
        done = site.jobs.wait(load, "completed")
    assert done["progress"]["ratio"] == 1.0
    assert done["summary"]["sent"] == done["progress"]["current"]
    site.wait_for('dagda_worker_progress_ratio{blueprint="simulate"}', {("simulate", load): 1.0})
    site.wait_for('dagda_worker_operations_total{operation="completed"}', {("completed", "success"): 1.0})
    assert site.query("dagda_worker_ticks_total")["simulate", load] >= 3
    assert site.query('dagda_worker_outcomes_total{blueprint="simulate"} > 0') == {
        ("simulate", "completed"): 1
    }


def test_a_job_that_fails_is_stopped_and_says_why(site: Site) -> None:
    tidy = site.jobs.create("retention")
    failed = site.jobs.wait(tidy, "stopped")
    assert "none.db" in failed["error"] or "table" in failed["error"], failed
    site.wait_for('dagda_worker_outcomes_total{outcome="failed"} > 0', {("retention", "failed"): 1.0})
    site.wait_for(
        "sum by (status) (dagda_workers_by_status)",
        {("completed",): 1, ("stopped",): 1, ("idle",): 0, ("in_progress",): 1, ("paused",): 0},
    )


def test_who_may_what_and_that_it_is_counted(site: Site) -> None:
    mine = site.jobs.create("fault", scenario=[{"step": "wait", "duration": "1h"}], port=free_port())
    ann, stranger = JobClient(site.exporter, ANN), JobClient(site.exporter, "nobody's")
    path = f"/workers/{mine}"
    answers = [
        ann.ask("PUT", f"{path}/stop")[0],
        stranger.ask("PUT", f"{path}/stop")[0],
        site.jobs.ask("PUT", f"{path}/start")[0],
        site.jobs.ask("PUT", "/workers/none/stop")[0],
        site.jobs.ask("PUT", f"{path}/pause")[0],
        site.jobs.ask("PUT", f"{path}/resume")[0],
        site.jobs.ask("PUT", f"{path}/stop")[0],
    ]
    assert answers == [403, 401, 409, 404, 200, 200, 200]
    site.wait_for(
        'dagda_worker_operations_total{operation=~"worker_.*"} > 0',
        {
            ("worker_stop", "unauthorized"): 2,
            ("worker_start", "error"): 1,
            ("worker_stop", "error"): 1,
            ("worker_pause", "success"): 1,
            ("worker_resume", "success"): 1,
            ("worker_stop", "success"): 1,
        },
    )
    template = f"{ROOT}/workers/{{id}}/stop"
    site.wait_for(
        f'http_requests_total{{endpoint="{template}"}}',
        {(template, "PUT", status): 1.0 for status in ("200", "401", "403", "404")},
    )


def test_a_shard_that_is_killed_fails_its_job_and_comes_back(site: Site) -> None:
    job = site.jobs.create("fault", scenario=[{"step": "wait", "duration": "1h"}], port=free_port())
    before = site.jobs.wait(job, "in_progress")
    children = psutil.Process(site.exporter.pid).children()
    shards = [each for each in children if "otel_tickrmeter.jobs.shard_process" in each.cmdline()]
    # In the order of their names: that of the scenario was first.
    shard = sorted(shards, key=psutil.Process.create_time)[int(before["shard"])]
    os.kill(shard.pid, signal.SIGKILL)
    after = site.jobs.wait(job, "stopped")
    assert after["error"] == f"shard {before['shard']} was killed by signal 9"
    site.wait_for("dagda_shard_restarts_total > 0", {(before["shard"],): 1.0})
    site.wait_for("dagda_status", {(): 1.0})


def test_refusals_are_rates_and_an_alert(site: Site) -> None:
    def refuse(times: int) -> None:
        for _ in range(times):
            status, told = site.jobs.ask("POST", "/workers", {"blueprint": "nothing of the kind"})
            assert status == 400, told

    asked_for = (f"{ROOT}/workers", "POST", "400")
    # What is there when a series is first seen is no increase of it.
    refuse(1)
    seen = 'http_requests_total{method="POST",status="400"}'
    site.prometheus.wait(lambda: site.query(seen) == {asked_for: 1.0}, "to have seen one", 60.0)
    refuse(REFUSED)
    failures = 'rate(dagda_worker_operations_total{status="error"}[5m]) > 0.1'
    site.prometheus.wait(
        lambda: site.query(failures).keys() == {("task_created", "error")},
        "to see that many are refused",
        60.0,
    )
    site.prometheus.wait(lambda: site.fires("DagdaWorkerFailures", operation="task_created"), "the alert")
    requests: dict[tuple[str, ...], float] = {}

    def counted() -> bool:
        requests.update(site.query("rate(http_requests_total[5m])"))
        # As many as there were, and what Prometheus adds for the time before and after its scrapes.
        return REFUSED <= 300 * requests.get(asked_for, 0.0) <= 1.3 * REFUSED

    site.prometheus.wait(counted, f"to have a rate of {REFUSED} in five minutes", 60.0)
    # Of these there was one each, at once.
    stop = f"{ROOT}/workers/{{id}}/stop"
    assert {key: rate for key, rate in requests.items() if key[0] == stop} == {
        (stop, "PUT", status): 0.0 for status in ("200", "401", "403", "404")
    }


def handled_between(site: Site) -> dict[str, tuple[float, float]]:
    """By kind of message: longer than the one, and no longer than the other took any that was handled."""
    buckets: dict[str, dict[float, float]] = {}
    for labels, count in site.exporter.scrape().series[f"{HANDLING}_bucket"].items():
        named = dict(labels)
        buckets.setdefault(named["message_type"], {})[float(named["le"])] = count
    found = {}
    for kind, counts in buckets.items():
        bounds = [0.0, *sorted(counts)]
        there = [n for n in range(1, len(bounds)) if counts[bounds[n]] > counts.get(bounds[n - 1], 0.0)]
        found[kind] = (bounds[there[0] - 1], bounds[there[-1]])
    return found


def test_how_long_messages_take_is_what_the_controller_took(site: Site) -> None:
    at = time.time() - SETTLED_SECONDS
    latency = f"histogram_quantile(0.95, rate({HANDLING}_bucket[5m]))"
    handled = {kind: seconds for (kind,), seconds in site.query(latency, at).items()}
    alone = {"worker_start", "worker_pause", "worker_resume", "completed", "failed"}
    often = {"task_created", "progress", "workers"}
    # Three stops came one right after the other, mostly before the first scrape that saw one.
    assert handled.keys() == alone | often | {"worker_stop"}
    known = {kind: seconds for kind, seconds in handled.items() if not math.isnan(seconds)}
    assert often <= known.keys() <= often | {"worker_stop"}, "of one alone there is no increase"
    between = handled_between(site)
    for kind, seconds in known.items():
        shortest, longest = between[kind]
        # Where Prometheus has no upper bound it names the last one there is.
        assert shortest < seconds <= longest * (1 + 1e-9), (kind, between[kind])
    slow = {(kind,): seconds for kind, seconds in known.items() if seconds > 0.1}
    assert site.query(f"{latency} > 0.1", at) == slow


def test_the_processor_is_as_busy_as_it_is_said_to_be(site: Site) -> None:
    said = 'system_cpu_usage_percent{cpu="total"}'
    ages = range(0, 10, 2)

    def shown_throughout() -> bool:
        return all(site.query(said, time.time() - SETTLED_SECONDS - ago) for ago in (*ages, ages.stop))

    site.prometheus.wait(shown_throughout, "to have seen it for so long", 60.0)
    now = time.time() - SETTLED_SECONDS
    for at in (now - ago for ago in ages):
        ((cpu, busy),) = site.query(said, at).items()
        assert cpu == ("total",)
        assert 0 <= busy <= 100
        assert site.query(f"{said} > 80", at) == ({cpu: busy} if busy > 80 else {})


def test_jobs_are_where_and_as_far_as_the_interface_says(site: Site) -> None:
    site.wait_for("dagda_message_queue_size", {("dagda_inbox",): 0.0, ("worker_inbox",): 0.0})
    listed = site.listed()
    # The scenario, the load test, the one that failed, that which was stopped, and that of the killed shard.
    blueprints = Counter(job["blueprint"] for job in listed)
    assert blueprints == {"fault": 3, "simulate": 1, "retention": 1}
    site.wait_for("dagda_workers_total", Counter((job["shard"],) for job in listed))
    site.wait_for(
        "sum by (status) (dagda_workers_by_status)",
        {("completed",): 1, ("stopped",): 3, ("idle",): 0, ("in_progress",): 1, ("paused",): 0},
    )
    (load,) = (job["id"] for job in listed if job["blueprint"] == "simulate")
    shown: dict[tuple[str, ...], float] = {}

    def as_told() -> bool:
        told = {(job["blueprint"], job["id"]): job["progress"]["ratio"] for job in site.listed()}
        shown.clear()
        shown.update(site.query("dagda_worker_progress_ratio"))
        return shown == told

    # The scenario goes on meanwhile.
    site.prometheus.wait(as_told, "to show how far each job is", 60.0)
    ahead = shown.pop(("fault", site.scenario))
    assert ahead in {1 / len(SCENARIO), 2 / len(SCENARIO), 3 / len(SCENARIO)}
    assert shown == {
        (job["blueprint"], job["id"]): float(job["id"] == load)
        for job in listed
        if job["id"] != site.scenario
    }


def test_a_scenario_of_faults_brings_the_alert_that_it_should(site: Site) -> None:
    assert site.jobs.ask("GET", f"/workers/{site.scenario}")[1]["status"] == "in_progress", "it lives on"
    victim = f"127.0.0.1:{site.victim.port}"
    site.prometheus.wait(
        lambda: site.fires("TickrMeterMqttDisconnected", instance=victim), "the alert of the fault", 60.0
    )
    assert site.victim.get("/-/ready").status_code == 503
    site.victim.wait_ready(60.0)
    assert site.exporter.get("/-/ready").status_code == 200, "who plays it notices nothing"
    site.jobs.stop(site.scenario)


def test_at_the_end_jobs_end_and_are_found_again(site: Site) -> None:
    job = site.jobs.create("fault", scenario=[{"step": "wait", "duration": "1h"}], port=free_port())
    site.jobs.wait(job, "in_progress")
    children = psutil.Process(site.exporter.pid).children(recursive=True)
    assert site.exporter.stop() == 0
    assert not [each for each in children if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    site.exporter.start()
    kept = site.jobs.wait(job, "stopped")
    assert kept["error"] == "the exporter was restarted"
