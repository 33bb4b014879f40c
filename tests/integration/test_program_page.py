"""The page in a real browser, from the real program with traffic of both fleets and a job."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser import Browser
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import on_the_wire, settings
from tests.support.job_desk import TOKENS, write_tokens
from tests.support.waiting import wait_until
from tests.support.wire import A, B, answer, message, request, status
from tools.job_client import JobClient
from tools.server_process import free_port

AXE = Path(__file__).parents[2] / "build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)>"
_, ADMIN = TOKENS
QUARTER = [{"step": "wait", "duration": duration} for duration in ("1ms", "1h", "1h", "1h")]
"""A scenario that stays at a quarter of its steps."""


@dataclass
class Scene:
    """What is running."""

    broker: Mosquitto
    exporter: Exporter
    browser: Browser
    job: str

    @property
    def url(self) -> str:
        return f"{self.exporter.url}/"

    def open(self, text: str) -> None:
        """Load the page, and wait until it shows the text."""
        self.browser.faults.clear()
        self.browser.open(self.url)
        self.wait(text)

    def wait(self, text: str) -> None:
        wait_until(lambda: text in self.browser.text(), f"the page to show {text!r}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("page")
    write_tokens(directory / "tokens")
    with Mosquitto(directory) as broker, Browser(directory) as browser:
        environment = settings(
            broker.url,
            AUTOCORE__ENABLED="true",
            AUTOCORE__DATABASE="false",
            PROMETHEUS__RUNBOOKS_URL="https://git.example/runbooks/",
            MONITORING__MIN_RANKED_REQUESTS="1",
            DAGDA__ENABLED="true",
            DAGDA__TOKENS_FILE="tokens",
            DAGDA__DIRECTORY="work",
        )
        # The same port after a restart: the browser knows no other.
        listening = ("--listen", f"127.0.0.1:{free_port()}")
        with Exporter(directory, environment, arguments=listening) as exporter:
            exporter.wait_ready()
            broker.publish(traffic())
            job = JobClient(exporter, ADMIN).create("fault", scenario=QUARTER, port=free_port())
            yield Scene(broker, exporter, browser, job)


def traffic() -> list[tuple[str, bytes]]:
    tickers = [
        *(
            message
            for symbol in ("AAPL", HOSTILE)
            for message in (request(0, A, symbol), answer(0, A, symbol))
        ),
        status(0, A, battery=55, charging=1, uptime=7200, fw=HOSTILE),
        status(0, B, battery=5, charging=0, fw="2.4.1"),
        message("STOCKPRICEUPDATE", b"<script>alert(1)</script>"),
    ]
    boards = [
        ("autocore/board-1/status", {"status": "online", "firmware_version": "1.0", "device_type": "relay"}),
        ("autocore/board-1/relay/3/status", {"state": True, "triggered_by": "manual"}),
        ("autocore/board-1/telemetry", {"temperature": 21.5}),
        ("autocore/board-2/status", {"status": "offline", "reason": "gone"}),
    ]
    return [*on_the_wire(tickers), *((topic, json.dumps(said).encode()) for topic, said in boards)]


def cells(browser: Browser, caption: str) -> list[list[str]]:
    """The body of a table."""
    titled = f"table => table.caption.textContent === {json.dumps(caption)}"
    found: list[list[str]] = browser.evaluate(
        f"""[...[...document.querySelectorAll('table')].find({titled})
            .tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent))"""
    )
    return found


def test_the_figures_of_both_fleets_are_there_and_the_console_is_silent(scene: Scene) -> None:
    scene.open("board-2")
    browser = scene.browser
    text = browser.text()
    assert text.count("Ready\n") == 1
    assert scene.broker.url in text
    assert {row[0] for row in cells(browser, "Slowest symbols")} == {"AAPL", HOSTILE}
    assert dict(cells(browser, "Firmware")) == {HOSTILE: "1", "2.4.1": "1"}
    assert dict(cells(browser, "Charging")) == {"charging": "1", "discharging": "1", "unknown": "0"}
    assert [row[:2] for row in cells(browser, "Devices")] == [["board-2", "offline"], ["board-1", "online"]]
    assert [row[:2] for row in cells(browser, "Relays that are on")] == [["board-1", "3"]]
    (note,) = cells(browser, "The last of each kind, at most one a minute")
    assert note[1:3] == ["stock_request", "bad_json"]
    assert "<script>alert(1)</script>" in note[5]
    assert browser.evaluate("document.querySelectorAll('main script, main img').length") == 0
    assert browser.faults == []


def drawn_share(browser: Browser, caption: str) -> float:
    """How long the first bar of a table is, of the room that it has."""
    titled = f"table => table.caption.textContent === {json.dumps(caption)}"
    found: float = browser.evaluate(
        f"""(bar => {{
            const cell = getComputedStyle(bar.parentElement);
            const padding = parseFloat(cell.paddingLeft) + parseFloat(cell.paddingRight);
            return bar.getBoundingClientRect().width / (bar.parentElement.clientWidth - padding);
        }})([...document.querySelectorAll('table')].find({titled}).querySelector('.bar'))"""
    )
    return found


def test_how_far_a_job_is_is_drawn_of_the_whole_and_read_as_a_percentage(scene: Scene) -> None:
    scene.open("25.0 %")
    (shown,) = cells(scene.browser, "Jobs")
    assert shown[:4] == [scene.job, "fault", "in_progress", "25.0 %"]
    assert drawn_share(scene.browser, "Jobs") == pytest.approx(0.25, abs=0.01)
    # Counts have no whole: the most is as long as there is room.
    assert drawn_share(scene.browser, "Firmware") == pytest.approx(1.0, abs=0.01)
    assert scene.browser.faults == []


def test_the_page_follows_what_happens_without_being_loaded_again(scene: Scene) -> None:
    scene.open("board-1")
    scene.browser.evaluate("window.here = 1")
    scene.broker.publish(on_the_wire([request(0, A, "LATER"), answer(0, A, "LATER")]))
    scene.wait("LATER")
    assert scene.browser.evaluate("window.here") == 1
    assert scene.browser.faults == []


def test_without_javascript_there_are_state_and_links(scene: Scene) -> None:
    scene.browser.scripts(on=False)
    try:
        scene.browser.open(scene.url)
        page = scene.exporter.get("/").text
    finally:
        scene.browser.scripts(on=True)
    assert "Ready" in page
    assert all(f'href="./{path}"' in page for path in ("metrics", "health", "-/ready"))
    assert "board-1" not in page


def violations(browser: Browser) -> list[Any]:
    browser.evaluate(AXE.read_text() + ";0")
    found: list[Any] = browser.evaluate(
        """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(
            each => [each.id, each.nodes.map(node => node.html.slice(0, 200))]))"""
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_keeps_nobody_out(scene: Scene, scheme: str, width: int) -> None:
    scene.browser.prefer(scheme)
    scene.browser.resize(width, 900)
    scene.open("board-1")
    scene.wait(scene.job)
    assert violations(scene.browser) == []
    # On a phone nothing but tables scrolls sideways.
    assert scene.browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # And no cell of theirs is so narrow that words are broken letter by letter.
    narrow = "[...document.querySelectorAll('tbody th, .sample')].filter(cell => cell.offsetWidth < 80)"
    assert scene.browser.evaluate(f"{narrow}.map(cell => cell.textContent)") == []
    background = scene.browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_search_for_barriers_finds_one(scene: Scene) -> None:
    scene.open("board-1")
    scene.browser.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert [rule for rule, _ in violations(scene.browser)] == ["image-alt"]


def test_when_the_broker_is_gone_the_page_says_so_and_which_runbook_helps(scene: Scene) -> None:
    scene.open("board-1")
    scene.broker.stop()
    try:
        scene.wait("Not ready: ")
        scene.wait("not connected since")
        runbook = "https://git.example/runbooks/exporter.md#tickrmetermqttdisconnected"
        scene.wait(runbook)
        assert scene.browser.evaluate("document.querySelector('#troubles a').href") == runbook
        assert violations(scene.browser) == []
        assert scene.browser.evaluate("document.querySelector('#troubles').hidden") is False
    finally:
        scene.broker.start()
    wait_until(
        lambda: scene.browser.evaluate("document.querySelector('#troubles').hidden"), "nothing to be wrong"
    )


def test_when_the_exporter_is_restarted_the_page_comes_back_by_itself(scene: Scene) -> None:
    scene.open("board-1")
    scene.browser.evaluate("window.here = 1")
    scene.exporter.stop()
    try:
        scene.wait("No figures come at the moment")
    finally:
        scene.exporter.start()
    # It was not loaded again, and the fleet that it shows is that of an exporter which has just begun.
    scene.wait("Figures come every two seconds")
    assert scene.browser.evaluate("window.here") == 1
    wait_until(lambda: "board-1" not in scene.browser.text(), "the fleet to be forgotten")
