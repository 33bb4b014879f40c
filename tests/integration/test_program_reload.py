"""Settings that are read again while the exporter runs: what changes, what waits, what is kept."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    LATENCY_COUNT,
    PENDING,
    REQUESTS,
    RESPONSES,
    TIMEOUTS,
    device_ids,
    handled,
    on_the_wire,
    settings,
    unaccounted,
)
from tests.support.wire import answer, request

SUCCESSFUL = "tickrmeter_config_last_reload_successful"
SUCCEEDED_AT = "tickrmeter_config_last_reload_success_timestamp_seconds"
DONE = "Settings read again"
DEVICES = device_ids(3)
SECRET = "hunter2"  # noqa: S105  planted


class Reloadable:
    """An exporter with a broker, and a settings file that a test writes."""

    def __init__(self, exporter: Exporter, broker: Mosquitto, file: Path) -> None:
        self.exporter = exporter
        self.broker = broker
        self._file = file

    def write(self, toml: str) -> None:
        self._file.write_text(toml)

    def hang_up(self, said: str) -> str:
        """Send SIGHUP; returns what is in the log from there to the line that says so."""
        before = len(self.exporter.log)
        self.exporter.send(signal.SIGHUP)
        self.exporter.wait(lambda: said in self.exporter.log[before:], f"to say {said!r}")
        return self.exporter.log[before:]

    def shows(self, successful: bool) -> Exposition:  # noqa: FBT001  as the gauge has it
        """Wait until an exposition shows how the last reload went; what a scrape shows may be of before."""
        self.exporter.wait(
            lambda: self.exporter.scrape().value(SUCCESSFUL) == successful, "to show how it went"
        )
        return self.exporter.scrape()

    def post(self) -> httpx.Response:
        return httpx.post(f"{self.exporter.url}/-/reload", trust_env=False, timeout=30.0)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Reloadable]:
    file = tmp_path / "settings.toml"
    file.write_text("[monitoring]\nrequest_timeout = '1h'\ndevice_timeout = '1h'\n")
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        yield Reloadable(exporter, broker, file)


def counters(exposition: Exposition) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (name, labels): value
        for name, samples in exposition.series.items()
        if name.startswith("tickrmeter_") and name.endswith(("_total", "_count", "_sum", "_bucket"))
        for labels, value in samples.items()
    }


def test_a_new_timeout_applies_to_the_next_request_and_nothing_is_lost(program: Reloadable) -> None:
    asked = on_the_wire(request(0, device) for device in DEVICES)
    program.broker.publish(asked)
    program.broker.publish(on_the_wire(answer(0, device) for device in DEVICES[:2]))
    before = handled(program.exporter, 5)
    assert (before.total(REQUESTS), before.total(LATENCY_COUNT), before.value(PENDING)) == (3, 2, 1)
    assert before.value(SUCCESSFUL) == 1

    program.write("[monitoring]\nrequest_timeout = '300ms'\ndevice_timeout = '1h'\n[mqtt]\nqos = 1\n")
    log = program.hang_up(DONE)

    assert 'monitoring.request_timeout has "300ms" instead of "1h" now' in log
    assert "mqtt.qos has 1 instead of 0: takes effect after a restart" in log
    assert f"{DONE}: 1 change taken over, 1 until a restart" in log
    # Else there would be a client id for another port that nobody knows.
    assert "mqtt.client_id" not in log
    program.broker.publish(asked[:1])
    program.exporter.wait(lambda: program.exporter.scrape().total(TIMEOUTS) == 2, "the requests to time out")
    after = program.exporter.scrape()
    assert unaccounted(after) == 0
    assert after.total(RESPONSES) == after.total(LATENCY_COUNT) == 2
    assert after.value(SUCCEEDED_AT) > before.value(SUCCEEDED_AT)
    known, now = counters(before), counters(after)
    assert known.keys() - now.keys() == set()
    assert {key: value for key, value in known.items() if now[key] < value} == {}
    # The third settings that are read: what waits is named again, and nothing else has changed.
    assert f"{DONE}: 0 changes taken over, 1 until a restart" in program.hang_up(DONE)


def test_a_bad_file_changes_nothing_says_every_fault_and_shows(program: Reloadable) -> None:
    program.write(
        "[monitoring]\nrequest_timeout = 'soon'\nmax_devices = 0\n"
        f"[mqtt]\npassword = '{SECRET}'\nnonsense = 1\n"
    )

    log = program.hang_up("those of before stay")

    for place in (
        "settings.toml:2: monitoring.request_timeout",
        ":3: monitoring.max_devices",
        ":6: mqtt.nonsense",
    ):
        assert place in log
    assert ":5: mqtt.password: needs mqtt.username" in log
    assert "those of before stay: 4 faults" in log
    assert SECRET not in log
    bad = program.shows(successful=False)
    program.broker.publish(on_the_wire([request(0)]))
    assert handled(program.exporter, 1).value(PENDING) == 1

    program.write("[monitoring]\nrequest_timeout = '200ms'\n")
    program.hang_up(DONE)

    good = program.shows(successful=True)
    assert good.value(SUCCEEDED_AT) > bad.value(SUCCEEDED_AT)
    program.exporter.wait(lambda: program.exporter.scrape().total(TIMEOUTS) == 1, "the request to time out")


def test_over_http_it_is_off_until_it_is_allowed(program: Reloadable) -> None:
    refused = program.post()
    assert refused.status_code == httpx.codes.FORBIDDEN
    assert "prometheus.enable_reload" in refused.text
    assert DONE not in program.exporter.log
    assert program.exporter.get("/-/reload").status_code == httpx.codes.METHOD_NOT_ALLOWED

    program.write("[prometheus]\nenable_reload = true\n")
    program.hang_up(DONE)
    program.write("[prometheus]\nenable_reload = true\n[logging]\nlevel = 'debug'\n")
    done = program.post()
    assert (done.status_code, done.text) == (200, "settings read again\n")
    assert 'logging.level has "DEBUG" instead of "INFO" now' in program.exporter.log

    program.write("[prometheus]\nenable_reload = true\npath = 'x'\nnonsense = 2\n")
    failed = program.post()
    assert failed.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert [line.partition(": ")[2].partition(": ")[0] for line in failed.text.splitlines()] == [
        "prometheus.nonsense",
        "prometheus.path",
    ]
    program.shows(successful=False)

    program.write("")
    assert program.post().status_code == httpx.codes.OK
    assert program.post().status_code == httpx.codes.FORBIDDEN


def test_many_at_once_are_one_after_another_and_do_not_keep_it_from_stopping(program: Reloadable) -> None:
    program.write("[prometheus]\nenable_reload = true\n")
    program.hang_up(DONE)
    before = program.exporter.log.count(DONE)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(program.post().status_code)) for _ in range(4)]
    for thread in threads:
        thread.start()
        program.exporter.send(signal.SIGHUP)
    for thread in threads:
        thread.join()
    assert answers == [200] * 4
    program.exporter.wait(lambda: program.exporter.log.count(DONE) > before + 4, "to follow a signal too")
    for _ in range(3):
        program.exporter.send(signal.SIGHUP)
    program.exporter.send(signal.SIGTERM)
    assert program.exporter.wait_end(5.0) == 0, program.exporter.log
    assert "Traceback" not in program.exporter.log
