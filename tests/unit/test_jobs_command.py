"""`otel-tickrmeter jobs`: what it asks an exporter, what it shows of the answers, what it says without."""

import io
import json
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.cli import main
from otel_tickrmeter.jobs.asked import Caller, Role
from otel_tickrmeter.jobs.command.table import worker_table
from otel_tickrmeter.jobs.tokens import caller_of, read_tokens

ID = "5c0d1c2e-7b41-4a53-9a55-3a1e7d1f0c11"
WORKER: dict[str, Any] = {
    "id": ID,
    "blueprint": "retention",
    "status": "paused",
    "progress": {"current": 5, "total": 20, "ratio": 0.25},
    "owner": "ann",
    "shard": "0",
    "parameters": {"rest": 3},
    "ticks": 7,
    "created_at": "2026-01-31T10:00:00.000Z",
    "started_at": "2026-01-31T10:00:01.250Z",
    "ended_at": None,
    "outcome": None,
    "error": None,
    "summary": None,
}
FAILED = {
    **WORKER,
    "status": "stopped",
    "outcome": "failed",
    "error": "bad\x1b[2J",
    "ended_at": "2026-02-01T00:00:00.0Z",
}
KINDS = [
    {
        "name": "retention",
        "meaning": "Tidies up.",
        "resumable": True,
        "parameters": [
            {"name": "rest", "meaning": "how long", "required": False, "default": 1},
            {"name": "file", "meaning": "which", "required": True, "default": None},
            {"name": "end", "meaning": "when", "required": False, "default": None},
        ],
    }
]


class Exporter:
    """Answers each request with the next of `answers`; `asked` has method, path, body and Authorization."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self._answers = iter(answers)
        self.asked: list[tuple[str, str, Any, str | None]] = []
        self.url = ""

    def next_answer(self) -> tuple[int, bytes]:
        status, content = next(self._answers)
        return status, content if isinstance(content, bytes) else json.dumps(content).encode()


@contextmanager
def exporter(*answers: tuple[int, object]) -> Iterator[Exporter]:
    scripted = Exporter(*answers)

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            assert body is None or self.headers["Content-Type"] == "application/json"
            scripted.asked.append((self.command, self.path, body, self.headers["Authorization"]))
            status, content = scripted.next_answer()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = _serve  # noqa: N815  the names that the class looks for

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    scripted.url = f"http://127.0.0.1:{made.server_port}"
    try:
        yield scripted
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGDA_TOKEN", "anns-token")


def run(site: Exporter, *arguments: str) -> int:
    return main(["jobs", *arguments, "--url", site.url])


def test_jobs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with exporter((200, {"total": 2, "items": [WORKER, FAILED]}), (200, {"total": 0, "items": []})) as site:
        assert run(site, "list") == 0
        assert capsys.readouterr().out == (
            f"{'ID':36}  BLUEPRINT  STATUS  DONE  OWNER  {'STARTED':20}  {'ENDED':20}  ERROR\n"
            f"{ID}  retention  paused  25%   ann    2026-01-31T10:00:01Z  -\n"
            f"{ID}  retention  failed  25%   ann    2026-01-31T10:00:01Z  2026-02-01T00:00:00Z  bad?[2J\n"
        )
        assert run(site, "list", "--status", "paused") == 0
        assert capsys.readouterr().out == "ID  BLUEPRINT  STATUS  DONE  OWNER  STARTED  ENDED  ERROR\n"
    assert site.asked == [
        ("GET", "/api/v1/dagda/workers", None, "Bearer anns-token"),
        ("GET", "/api/v1/dagda/workers?status=paused", None, "Bearer anns-token"),
    ]


def test_a_long_reason_is_cut() -> None:
    _, line = worker_table([{**FAILED, "error": "x" * 81}]).splitlines()
    assert line.endswith(f"  {'x' * 79}…")
    assert worker_table([{**FAILED, "error": "x" * 80}]).endswith(f"  {'x' * 80}\n")


def test_one_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with exporter((200, FAILED), (200, WORKER)) as site:
        assert run(site, "show", ID) == 0
        shown = capsys.readouterr().out
        assert shown.splitlines() == [
            f"id:          {ID}",
            "blueprint:   retention",
            "status:      stopped",
            "progress:    5 of 20 (25%)",
            "owner:       ann",
            "shard:       0",
            'parameters:  {"rest": 3}',
            "ticks:       7",
            "created_at:  2026-01-31T10:00:00.000Z",
            "started_at:  2026-01-31T10:00:01.250Z",
            "ended_at:    2026-02-01T00:00:00.0Z",
            "outcome:     failed",
            "error:       bad?[2J",
        ]
        assert run(site, "show", "../x y", "--json") == 0
        assert json.loads(capsys.readouterr().out) == WORKER
    assert [path for _, path, _, _ in site.asked] == [
        f"/api/v1/dagda/workers/{ID}",
        "/api/v1/dagda/workers/..%2Fx%20y",
    ]


def test_one_is_created(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "parameters.json"
    file.write_text('{"devices": 20, "fleet": "autocore"}')
    with exporter((201, WORKER), (201, WORKER), (201, WORKER)) as site:
        words = ["-p", "broker=mqtt://b?x=1", "-p", "rate=1e3", "-p", 'topic_prefix="7"', "-p", "settle=true"]
        assert run(site, "create", "simulate", *words, "--parameters", str(file), "--start") == 0
        assert "25%" in capsys.readouterr().out
        assert run(site, "create", "retention", "--json") == 0
        assert json.loads(capsys.readouterr().out)["id"] == ID
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"rest": 2}')))
        assert run(site, "create", "retention", "--parameters", "-") == 0
    assert [body for _, _, body, _ in site.asked] == [
        {
            "blueprint": "simulate",
            "parameters": {
                "devices": 20,
                "fleet": "autocore",
                "broker": "mqtt://b?x=1",
                "rate": 1000.0,
                "topic_prefix": "7",
                "settle": True,
            },
            "start": True,
        },
        {"blueprint": "retention", "parameters": {}, "start": False},
        {"blueprint": "retention", "parameters": {"rest": 2}, "start": False},
    ]


def test_of_several_what_can_be_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    conflict = {"title": "Conflict", "status": 409, "detail": "a worker that is idle does not take pause."}
    with exporter((200, WORKER), (409, conflict), (200, WORKER), (200, WORKER)) as site:
        assert run(site, "pause", "a", "b", "c") == 1
        shown = capsys.readouterr()
        assert shown.out.count("retention") == 2
        assert shown.err == "otel-tickrmeter jobs: b: a worker that is idle does not take pause.\n"
        assert run(site, "stop", "a", "--json") == 0
        assert json.loads(capsys.readouterr().out) == [WORKER]
    assert [(method, path.rpartition("workers/")[2]) for method, path, _, _ in site.asked] == [
        *(("PUT", f"{name}/pause") for name in "abc"),
        ("PUT", "a/stop"),
    ]


def test_kinds_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    answer = (200, {"total": 1, "items": KINDS})
    with exporter(answer, answer, answer, answer) as site:
        assert run(site, "blueprints") == 0
        assert capsys.readouterr().out == "BLUEPRINT  MEANING\nretention  Tidies up.\n"
        assert run(site, "blueprints", "retention") == 0
        assert capsys.readouterr().out.splitlines() == [
            "Tidies up.",
            "",
            "PARAMETER  DEFAULT   MEANING",
            "rest       1         how long",
            "file       required  which",
            "end        -         when",
        ]
        assert run(site, "blueprints", "retention", "--json") == 0
        assert json.loads(capsys.readouterr().out) == KINDS[0]
        assert run(site, "blueprints", "x") == 1
        assert "there is no blueprint x: there are retention" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "content", "lines"),
    [
        (400, {"detail": "a; b.", "faults": ["a", "b\x1b"]}, ["a", "b?"]),
        (401, {"detail": "dagda.tokens_file does not know this token."}, ["dagda.tokens_file does not know"]),
        (503, {"detail": "too many are waiting."}, ["too many are waiting."]),
        (404, b"not found\n", [" has no jobs: it needs dagda.enabled and dagda.tokens_file"]),
        (413, b"request entity too large\n", ["the parameters are longer than 64 KiB"]),
        (500, b"x", ["answers 500: is it an exporter of this version?"]),
        (200, b"<html>", ["answers 200: is it an exporter of this version?"]),
    ],
)
def test_what_the_exporter_refuses_is_told(
    capsys: pytest.CaptureFixture[str], status: int, content: object, lines: Sequence[str]
) -> None:
    with exporter((status, content)) as site:
        assert run(site, "create", "retention") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    told = shown.err.splitlines()
    assert len(told) == len(lines)
    for line, wanted in zip(told, lines, strict=True):
        assert line.startswith("otel-tickrmeter jobs: ")
        assert wanted in line
    assert "anns-token" not in shown.err


def test_who_does_not_answer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "list", "--url", "http://127.0.0.1:1"]) == 1
    assert "http://127.0.0.1:1 does not answer: " in capsys.readouterr().err


def test_a_token_comes_from_a_file_or_the_environment(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("roots-token\n")
    with exporter((200, {"total": 0, "items": []})) as site:
        assert run(site, "list", "--token-file", str(file)) == 0
        assert site.asked[0][3] == "Bearer roots-token"
        capsys.readouterr()
        file.write_text("two words")
        for arguments, variable, words in (
            (["--token-file", str(file)], "x", f"{file} must be printable ASCII without blanks"),
            (["--token-file", str(tmp_path / "none")], "x", "none cannot be read: No such file"),
            ([], "", "DAGDA_TOKEN must be printable ASCII"),
            ([], "two words", "DAGDA_TOKEN must be printable ASCII"),
            ([], None, "no token: give --token-file, or DAGDA_TOKEN in the environment"),
        ):
            if variable is None:
                monkeypatch.delenv("DAGDA_TOKEN")
            else:
                monkeypatch.setenv("DAGDA_TOKEN", variable)
            assert run(site, "list", *arguments) == 2
            shown = capsys.readouterr()
            assert words in shown.err
            assert "two words" not in shown.err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://exporter.example:9464", "would show the token to the network: use https://"),
        ("http://192.0.2.1:9464", "would show the token to the network: use https://"),
        ("http://127.0.0.1:port", "is no address such as"),
        ("ftp://localhost", "is no address such as"),
        ("http://[::1", "is no address such as"),
    ],
)
def test_a_token_is_not_sent_for_all_to_read(
    capsys: pytest.CaptureFixture[str], url: str, words: str
) -> None:
    assert main(["jobs", "list", "--url", url]) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert "anns-token" not in shown.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "must be a JSON object"),
        ("{", "is not JSON"),
        ('{"rest": 1}', "the parameter rest is given twice"),
    ],
)
def test_parameters_that_cannot_be_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, words: str
) -> None:
    file = tmp_path / "parameters.json"
    file.write_text(content)
    assert main(["jobs", "create", "retention", "-p", "rest=2", "--parameters", str(file)]) == 2
    assert words in capsys.readouterr().err
    assert main(["jobs", "create", "retention", "--parameters", str(tmp_path / "none")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explode"],
        ["list", "--status", "ended"],
        ["list", "--token", "secret"],
        ["start"],
        ["create"],
        ["create", "x", "-p", "rate"],
        ["create", "x", "-p", "=1"],
        ["token"],
        ["token", "ann"],
        ["token", "a b", "--role", "admin"],
        ["token", "system", "--role", "admin"],
        ["token", "ann", "--role", "root"],
    ],
)
def test_bad_usage_of_jobs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["jobs", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_a_token_is_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["jobs", "token", "ann", "--role", "operate"]) == 0
    shown = capsys.readouterr()
    token, line = shown.out.splitlines()
    assert token not in line + shown.err
    assert len(token) == 43
    file = tmp_path / "token"
    assert main(["jobs", "token", "root", "--role", "admin", "--output", str(file)]) == 0
    other = capsys.readouterr().out
    written = file.read_text().removesuffix("\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert other.count("\n") == 1
    entries = read_tokens(f"{line}\n{other}".encode(), "f")
    assert caller_of(entries, token) == Caller("ann", Role.OPERATE)
    assert caller_of(entries, written) == Caller("root", Role.ADMIN)
    assert main(["jobs", "token", "root", "--role", "admin", "--output", str(file)]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"otel-tickrmeter jobs: {file} cannot be made: File exists\n")
    assert file.read_text().removesuffix("\n") == written


@pytest.mark.parametrize(
    "action", ["", "list", "show", "create", "start", "pause", "resume", "stop", "blueprints", "token"]
)
def test_help_has_an_example_that_can_be_typed(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["jobs", *filter(None, [action]), "--help"])
    _, _, examples = capsys.readouterr().out.partition("example")
    assert f"otel-tickrmeter jobs {action}" in examples
