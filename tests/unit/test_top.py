"""What `top` shows of the answers, and what it says when there are none."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from otel_tickrmeter.cli import main
from otel_tickrmeter.client.ask import Asker, AskError
from otel_tickrmeter.settings import extras
from otel_tickrmeter.top.screen import Thing, screen

STATUS: dict[str, Any] = {
    "title": "otel-tickrmeter",
    "version": "1.2.3",
    "not_ready_reason": None,
    "broker": "mqtt://b",
    "connected_since": "2026-01-31T10:00:00.000Z",
    "disconnected_since": None,
    "messages_per_second": 1234.56,
    "errors_per_second": None,
    "messages_processed": 9_000,
    "queue_sizes": {"receive": 3},
    "uptime": 93_784.0,
    "connection_uptime_share": 0.5,
    "troubles": [{"text": "the disk is full", "runbook": "docs/x.md"}],
    "set_aside": [],
}


def shown(status: Thing, symbols: Sequence[Thing] | None, boards: Sequence[Thing] | None) -> str:
    output = io.StringIO()
    Console(width=160, file=output).print(screen(status, symbols, boards))
    return output.getvalue()


def test_how_it_is() -> None:
    text = shown(STATUS, None, None)
    assert "otel-tickrmeter 1.2.3  connected to mqtt://b since 2026-01-31 " in text
    assert "1,234.6 messages/s, - set aside/s, 9,000 in all; 3 wait (receive); up 1 d 2 h" in text
    assert "connected for 50.00% of it" in text
    assert "! the disk is full  docs/x.md" in text
    assert "Slowest" not in text
    assert "AutoCore" not in text


def test_one_that_is_not_ready() -> None:
    changes = {"not_ready_reason": "no broker", "queue_sizes": {}, "uptime": 65, "connected_since": None}
    text = shown({**STATUS, **changes}, [], [])
    assert "not ready: no broker\n" in text
    assert "not connected" not in text
    assert "nothing waits; up 1 min" in text
    assert "up 1 h 1 min" in shown({**STATUS, "uptime": 3_661}, None, None)
    gone = {**STATUS, **changes, "disconnected_since": "2026-01-31T10:00:00.000Z"}
    assert "not ready: no broker; not connected since 2026-01-31 " in shown(gone, None, None)
    del gone["disconnected_since"]
    assert "not ready: no broker\n" in shown(gone, None, None)
    assert "connected to mqtt://b\n" in shown({**STATUS, "connected_since": None}, None, None)


def test_symbols_and_boards() -> None:
    symbol = {
        "symbol": "AAPL",
        "mean_seconds": 1.234,
        "timeout_rate": 0.25,
        "requests": 1_000,
        "unusual": True,
    }
    board = {"device_id": "E1", "status": None, "last_seen": "soon"}
    text = shown(STATUS, [symbol], [board])
    cells = [
        [cell.strip() for cell in line.split("\u2502")[1:-1]]
        for line in text.splitlines()
        if "\u2502" in line
    ]
    assert cells == [
        ["AAPL", "1.23 s", "-", "25.0%", "1,000", "-", "yes"],
        ["E1", "-", "-", "-", "-", "-", "soon"],
    ]


def test_what_a_publisher_sent_cannot_speak_to_the_terminal() -> None:
    note = {"reason": "bad\x1b[2Jid", "sample": "x" * 500, "device": "[red]", "at": None}
    text = shown({**STATUS, "set_aside": [note]}, None, None)
    assert "\x1b" not in text
    assert "bad?[2Jid" in text
    assert "[red]" in text
    assert "x" * 61 not in text


@contextmanager
def server(status: int, body: bytes) -> Iterator[tuple[str, list[str | None]]]:
    """Serves one answer to everything; gives its address, and what came as Authorization."""
    asked: list[str | None] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}", asked
    finally:
        made.shutdown()
        made.server_close()


def test_a_name_and_a_password_are_sent() -> None:
    with server(200, b'{"a": 1}') as (url, asked):
        assert Asker(url, ("me", "secret")).get("status") == {"a": 1}
    assert asked == ["Basic bWU6c2VjcmV0"]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "asks for a name and a password"),
        (404, b"", "answers 404: is it an exporter of this version?"),
        (200, b"<html>", "does not answer with JSON"),
    ],
)
def test_what_is_no_answer_is_told(status: int, body: bytes, words: str) -> None:
    with server(status, body) as (url, _), pytest.raises(AskError, match=words):
        Asker(url).get("status")


@pytest.mark.parametrize("url", ["ftp://h", "127.0.0.1:9464", "http://"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(AskError, match="is no address such as"):
        Asker(url)


def test_faults_of_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    for arguments, code, words in (
        (["--url", nobody, "--once"], 1, f"{nobody} does not answer: [Errno 111] Connection refused"),
        (["--url", "ftp://h"], 2, "is no address"),
        (["--url", "https://h", "--ca-file", str(tmp_path / "none")], 2, "No such file"),
        (["--username", "u", "--password-file", str(tmp_path / "none")], 2, "cannot be read"),
    ):
        assert main(["top", *arguments]) == code
        assert words in capsys.readouterr().err


def test_without_its_library(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    assert main(["top", "--once"]) == 2
    assert "pip install 'otel-tickrmeter[top]'" in capsys.readouterr().err
