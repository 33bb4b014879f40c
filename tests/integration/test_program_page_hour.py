"""A symbol's last hour on the page, in a real browser: an hour of a recording, so that none is waited for."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.browser import Browser
from tests.integration.child_environment import child_environment
from tests.integration.test_program_page import HOSTILE, cells, violations
from tests.support.waiting import wait_until
from tests.support.wire import A, answer, request

START = datetime(2026, 1, 31, 10, 0, 0, tzinfo=UTC)
SLOW = "SLOW/1"
SECONDS = {"AAPL": 1, SLOW: 4, HOSTILE: 2}
MINUTES = 62
SILENT = range(30, 35)
NOTHING = "\N{EN DASH}"


def heard(seconds: int, symbol: str, *, answered: bool) -> str:
    made = (answer if answered else request)(0, A, symbol)
    at = (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z+0000")
    return json.dumps({"tst": at, "topic": made.topic.decode(), "payload": made.payload.decode(), "qos": 0})


def recording() -> str:
    """Each symbol is asked for in each minute; SLOW/1 is silent for five, and then unanswered for one."""
    lines = []
    for minute in range(MINUTES):
        for place, (symbol, latency) in enumerate(SECONDS.items()):
            if symbol == SLOW and minute in SILENT:
                continue
            at = 60 * minute + 5 * place
            lines.append((at, heard(at, symbol, answered=False)))
            if symbol != SLOW or minute != SILENT.stop:
                lines.append((at + latency, heard(at + latency, symbol, answered=True)))
    return "\n".join(line for _, line in sorted(lines))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    directory = tmp_path_factory.mktemp("hour")
    (directory / "heard").write_text(recording())
    command = [
        sys.executable,
        "-m",
        "otel_tickrmeter",
        "replay",
        "--serve",
        "--listen",
        "127.0.0.1:0",
        "heard",
    ]
    wanted = {"MONITORING__LATENCY_WINDOW": "2h", "MONITORING__MIN_RANKED_REQUESTS": "1"}
    environment = {f"TICKRMETER_{key}": value for key, value in wanted.items()}
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**child_environment(measured=True), **environment},
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        try:
            assert served.stderr is not None
            found = next(filter(None, (re.search(r"http://127.0.0.1:\d+", said) for said in served.stderr)))
            with Browser(directory) as browser:
                browser.open(f"{found[0]}/")
                wait_shown(browser, SLOW)
                yield browser
        finally:
            served.send_signal(signal.SIGTERM)


def title(symbol: str) -> str:
    return f"The last hour of {symbol}"


def wait_shown(browser: Browser, symbol: str) -> None:
    wait_until(lambda: title(symbol) in browser.text(), f"the hour of {symbol}")


def attribute(browser: Browser, selector: str, name: str) -> str:
    found: str = browser.evaluate(
        f"document.querySelector({json.dumps(selector)}).getAttribute({json.dumps(name)})"
    )
    return found


def press(browser: Browser, key: str) -> None:
    text = "\r" if key == "Enter" else ""
    for kind in ("keyDown", "keyUp"):
        browser.command(
            "Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text, windowsVirtualKeyCode=13
        )


def test_the_slowest_is_drawn_and_its_table_is_behind_it(browser: Browser) -> None:
    choose(browser, SLOW)
    said = attribute(browser, ".course svg", "aria-label")
    assert said == (f"{title(SLOW)}: mean from 4.00 s to 4.00 s, last 4.00 s; timeout rate at most 100.0 %.")
    assert browser.evaluate("document.querySelectorAll('.course rect').length") == 1
    # It breaks where nothing was known, and where nothing was answered.
    assert attribute(browser, ".course .line", "d").count("M") == 2
    browser.evaluate("document.querySelector('.course summary').click()")
    rows = cells(browser, title(SLOW))
    assert len(rows) == 60
    assert rows[0][1:] == ["4.00 s", "0.0 %", "1", "0"]
    silent = [row for row in rows if row[1:] == [NOTHING, NOTHING, "0", "0"]]
    assert len(silent) == len(SILENT)
    assert sum(row[1:] == [NOTHING, "100.0 %", "0", "1"] for row in rows) == 1
    browser.evaluate("document.querySelector('.course summary').click()")


def choose(browser: Browser, symbol: str) -> None:
    """Choose a symbol with the keyboard alone."""
    named = f"each => each.textContent === {json.dumps(symbol)}"
    browser.evaluate(f"[...document.querySelectorAll('.choice')].find({named}).focus()")
    press(browser, "Enter")
    wait_shown(browser, symbol)


def test_another_is_chosen_with_the_keyboard_and_its_name_stays_text(browser: Browser) -> None:
    choose(browser, HOSTILE)
    wait_until(lambda: f"Shown: {HOSTILE}" in browser.text(), "to be told so")
    pressed = browser.evaluate(
        "[...document.querySelectorAll('.choice[aria-pressed=true]')].map(each => each.textContent)"
    )
    assert pressed == [HOSTILE]
    assert browser.evaluate("document.querySelectorAll('main img').length") == 0


def test_a_symbol_can_be_named_and_who_is_not_known_is_told(browser: Browser) -> None:
    for name, told in (("AAPL", "Shown: AAPL"), ("NOBODY", "There is no symbol NOBODY now.")):
        browser.evaluate("document.querySelector('.course input').focus()")
        browser.evaluate(f"document.activeElement.value = {json.dumps(name)}")
        press(browser, "Enter")
        wait_until(lambda told=told: told in browser.text(), told)  # type: ignore[misc]
    # What was shown before stays.
    assert title("AAPL") in browser.text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_hour_keeps_nobody_out(browser: Browser, scheme: str, width: int) -> None:
    browser.prefer(scheme)
    browser.resize(width, 900)
    browser.evaluate("document.querySelector('.course details').open = true")
    assert violations(browser) == []
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
