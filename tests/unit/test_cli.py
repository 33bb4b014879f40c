"""The command line, in this process: what it refuses, and what it makes of `--listen`."""

import json
import tomllib
from pathlib import Path

import pytest

from otel_tickrmeter import cli
from otel_tickrmeter.cli import main
from otel_tickrmeter.demo import run as demo
from otel_tickrmeter.rows import all_rows
from tests.support.certificates import Authority


@pytest.fixture(autouse=True)
def _nothing_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nope"],
        ["run", "--nope"],
        ["nope"],
        ["run", "nope"],
        ["run", "--broker"],
        ["check-config", "--format", "json"],
        ["metrics", "--format", "xml"],
        ["dead-letters"],
        ["database"],
        ["database", "drop"],
        ["database", "status", "--device", "x"],
        ["database", "export", "--from", "yesterday"],
        ["database", "export", "--from", "0001-01-01T00:00:00+01:00"],
        ["database", "export", "--format", "json"],
        ["metrics", "--broker", "mqtt://x"],
        ["run", "check-config"],
    ],
)
def test_bad_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "error: " in shown.err


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("chekc", "; did you mean check-config?"),
        ("letters", "; did you mean dead-letters?"),
        ("completoin", "; did you mean completion?"),
        ("zzz", ""),
    ],
)
def test_a_command_that_there_is_not_names_the_nearest_and_all(
    given: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([given, "--config", "x"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"error: no such command: {given!r}{advice}\ncommands: run, check-config, simulate, " in said


@pytest.mark.parametrize(
    "listen",
    [
        *("", ":", "9464", ":9464", "host", "host:", "host:http", "::1", "::1:9464", "[::1]", "[]:1"),
        *("[[::1]]:1", "a:b:1", "http://x:1", "x:1/metrics", "x:-1", "x:1 ", "x:٣"),
    ],
)
def test_a_listen_without_host_and_port_is_bad_usage(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check-config", "--listen", listen])
    assert ended.value.code == 2
    expected = f"argument --listen: must be like 127.0.0.1:9464 or [::1]:9464, not {listen!r}"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("listen", "fault"),
    [
        ("127.0.0.1:65536", "option --listen: prometheus.port: must be a whole number from 0 to 65535"),
        ("no host:1", "option --listen: prometheus.host: must name a host"),
        ("*:1", "option --listen: prometheus.host: must name a host"),
        ("[::g]:1", "option --listen: prometheus.host: must have a valid IPv6 address"),
    ],
)
def test_a_host_or_port_that_cannot_be_is_a_fault(
    listen: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-config", "--listen", listen]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(fault)
    assert shown.err.endswith("\n1 fault in the settings\n")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:9464", "127.0.0.1", 9464),
        ("[::1]:9464", "::1", 9464),
        ("[::]:0", "::", 0),
        ("localhost:65535", "localhost", 65535),
        ("exporter.example.org:1", "exporter.example.org", 1),
    ],
)
def test_listen(listen: str, host: str, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "--listen", listen]) == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert (shown["prometheus"]["host"], shown["prometheus"]["port"]) == (host, port)


def test_options_reach_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.yaml").write_text("mqtt: {qos: 1, keepalive: 10s}\n")
    Path("b.toml").write_text("[mqtt]\nqos = 2\n")
    arguments = ["--config", "a.yaml", "--config", "b.toml", "--broker", "wss://b/x", "--log-level", "trace"]
    assert main(["check-config", *arguments]) == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert (shown["mqtt"]["qos"], shown["mqtt"]["keepalive"]) == (2, "10s")
    assert (shown["mqtt"]["broker"], shown["logging"]["level"]) == ("wss://b/x", "TRACE")


def test_notes_go_beside_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("settings.toml").write_text("[performance]\nworkers = 4\n")
    assert main(["check-config"]) == 0
    shown = capsys.readouterr()
    assert "workers = 4\n" in shown.out
    assert shown.err.startswith("note: performance.workers has no effect")


def test_a_certificate_that_has_ended_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    Authority(Path()).issue("old", days=-1)
    tls = "[mqtt.tls]\ncert_file = 'old.pem'\nkey_file = 'old.key'\n"
    Path("settings.toml").write_text(f"mqtt.broker = 'mqtts://b'\n{tls}")
    assert main(["check-config"]) == 0
    assert "note: mqtt.tls.cert_file: old.pem ended on " in capsys.readouterr().err


def test_a_run_with_bad_settings_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--broker", "http://x"]) == 2
    assert capsys.readouterr().err.startswith("option --broker: mqtt.broker: must have one of the schemes ")


def test_the_catalogue_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [row.exposed for row in all_rows()]


@pytest.mark.parametrize("arguments", [["--version"], ["-h"], ["--help"], ["run", "--help"]])
def test_what_is_asked_for_is_no_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(("otel-tickrmeter ", "usage: otel-tickrmeter "))


def test_the_demo_knows_every_fleet_that_can_be_made_up() -> None:
    for table in ("_FLEETS", "_WHEN"):
        known = getattr(demo, table)
        assert set(getattr(cli, "_FLEETS")) == known.keys(), f"{table} of demo/run.py wants an entry"  # noqa: B009  private
