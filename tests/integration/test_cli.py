"""The command as a process that ends: exit codes, and what goes to which stream."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_tickrmeter import __version__
from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter

SECRET = "hunter2-and-more"  # noqa: S105  made up


def command(
    directory: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "otel_tickrmeter", *arguments],
        cwd=directory,
        env={**child_environment(measured=True), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_installed_command_is_the_same(tmp_path: Path) -> None:
    installed = subprocess.run(
        [str(Path(sys.executable).parent / "otel-tickrmeter"), "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    module = command(tmp_path, "--version")
    assert (module.returncode, module.stdout, module.stderr) == (0, f"otel-tickrmeter {__version__}\n", "")
    assert installed.stdout == module.stdout


def test_help_has_examples(tmp_path: Path) -> None:
    shown = command(tmp_path, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    _, _, examples = shown.stdout.partition("examples:\n")
    assert examples.count("otel-tickrmeter ") >= 4
    for name in ("run", "check-config", "simulate", "demo", "dead-letters", "metrics", "database"):
        assert f"\n    {name} " in shown.stdout or f"\n    {name}\n" in shown.stdout
        assert command(tmp_path, name, "--help").returncode == 0


def test_a_port_in_use_is_a_failure_that_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command(tmp_path, "run", "--listen", f"127.0.0.1:{port}")
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Stopped" not in ended.stderr


def test_a_log_file_that_cannot_be_opened_is_a_failure_that_says_so(tmp_path: Path) -> None:
    env = {"TICKRMETER_LOGGING__FILE": "/proc/x.log"}
    ended = command(tmp_path, "run", "--listen", "127.0.0.1:0", env=env)
    assert ended.returncode == 1
    assert "The log file cannot be opened" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_working_directory_that_is_gone_is_a_fault_that_says_so(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$@"'
    for name in ("run", "check-config"):
        gone.mkdir(exist_ok=True)
        ended = subprocess.run(
            ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "otel_tickrmeter", name],
            cwd=gone,
            env=child_environment(measured=False),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        said = "the working directory cannot be used: No such file or directory\n"
        assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", said)


@pytest.mark.parametrize("name", ["run", "check-config"])
def test_a_log_file_without_a_directory_is_a_fault_and_makes_none(tmp_path: Path, name: str) -> None:
    ended = command(tmp_path, name, env={"TICKRMETER_LOGGING__FILE": "new/x.log"})
    assert ended.returncode == 2
    assert "logging.file: new/x.log is in a directory that does not exist" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [["metrics"], ["metrics", "--format", "json"], ["check-config"]],
)
def test_a_reader_that_has_left_ends_it_quietly(tmp_path: Path, arguments: list[str], both: bool) -> None:  # noqa: FBT001  pytest's way
    assert ended_unread(tmp_path, arguments, both=both) == (141, "")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_that_nobody_reads_ends_quietly(tmp_path: Path, arguments: list[str]) -> None:
    code, said = ended_unread(tmp_path, arguments, both=False)
    assert (code in (0, 141), said) == (True, "")  # some versions of argparse take it for read


def test_a_reader_of_faults_that_has_left_ends_it_quietly(tmp_path: Path) -> None:
    assert ended_unread(tmp_path, ["run", "--log-level", "LOUD"], both=True) == (141, "")


def test_a_full_disk_under_what_is_printed_is_told(tmp_path: Path) -> None:
    for arguments in (["metrics"], ["check-config"]):
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            done = subprocess.run(
                [sys.executable, "-m", "otel_tickrmeter", *arguments],
                cwd=tmp_path,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        message = "otel-tickrmeter: the output cannot be written: [Errno 28] No space left on device\n"
        assert (done.returncode, done.stderr) == (1, message)


def ended_unread(directory: Path, arguments: list[str], *, both: bool) -> tuple[int, str]:
    """Exit code, and what went to standard error; its output, or `both`, go to a pipe nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    said = directory / "said"
    try:
        with said.open("wb") as stderr:
            code = subprocess.run(
                [sys.executable, "-m", "otel_tickrmeter", *arguments],
                cwd=directory,
                env=child_environment(measured=False),
                stdout=writing,
                stderr=writing if both else stderr,
                check=False,
                timeout=60,
            ).returncode
    finally:
        os.close(writing)
    return code, said.read_text()


BAD_SETTINGS = """\
[mqtt]
brokr = "mqtt://x"
qos = 3
password = "hunter2-and-more"

[prometheus]
path = "metrics"
"""


@pytest.mark.parametrize("name", ["run", "check-config"])
def test_every_fault_is_told_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "settings.toml").write_text(BAD_SETTINGS)
    (tmp_path / "more.yaml").write_text("monitoring:\n  request_timeout: soon\n")
    env = {"TICKRMETER_METRICS__DETAIL": "all", "TICKRMETER_MQTT__PASWORD": SECRET}
    ended = command(
        tmp_path,
        *(name, "--config", "more.yaml", "--config", "none.toml", "--listen", "127.0.0.1:99999"),
        *("--log-level", "LOUD"),
        env=env,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert SECRET not in ended.stderr
    *faults, count = ended.stderr.splitlines()
    assert count == f"{len(faults)} faults in the settings"
    places = [fault.split(": ")[0].replace(f"{tmp_path}/", "") for fault in faults]
    assert sorted(places) == sorted(
        [
            "settings.toml:2",
            "settings.toml:3",
            "settings.toml:4",  # without a user name
            "settings.toml:7",
            "more.yaml:2",
            "none.toml",
            "environment variable TICKRMETER_METRICS__DETAIL",
            "environment variable TICKRMETER_MQTT__PASWORD",
            "option --listen",
            "option --log-level",
        ]
    )


@pytest.mark.parametrize("source", ["environment", "file", "password file", "secrets"])
def test_check_config_prints_no_secret(tmp_path: Path, source: str) -> None:
    env = {"TICKRMETER_MQTT__USERNAME": "exporter", "TICKRMETER_MQTT__BROKER": "mqtt://broker.example"}
    arguments: list[str] = []
    if source == "environment":
        env |= {"TICKRMETER_MQTT__PASSWORD": SECRET, "TICKRMETER_OTLP__HEADERS": f"api-key={SECRET}"}
    elif source == "file":
        (tmp_path / "a.toml").write_text(
            f'[mqtt]\npassword = "{SECRET}"\n[otlp]\nenabled = true\nheaders = {{api-key = "{SECRET}"}}\n'
        )
        arguments = ["--config", "a.toml"]
    elif source == "secrets":
        (tmp_path / ".secrets.toml").write_text(f'mqtt.password = "{SECRET}"\n')
    else:
        (tmp_path / "password").write_text(f"{SECRET}\n")
        env |= {"TICKRMETER_MQTT__PASSWORD_FILE": "password"}
    ended = command(tmp_path, "check-config", *arguments, env=env)
    assert ended.returncode == 0, ended.stderr
    assert 'broker = "mqtt://broker.example"' in ended.stdout
    assert 'username = "exporter"' in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr
    assert ("********" in ended.stdout) == (source != "password file")
    assert "note: mqtt.password goes over the network in clear" in ended.stderr


def test_what_check_config_prints_is_a_settings_file(tmp_path: Path) -> None:
    first = command(tmp_path, "check-config", "--broker", "ws://b:1/x", "--listen", "[::1]:9")
    (tmp_path / "printed.toml").write_text(first.stdout)
    second = command(tmp_path, "check-config", "--config", "printed.toml")
    assert (second.returncode, second.stderr) == (0, "")
    _, _, settings = first.stdout.partition("\n")
    assert second.stdout.partition("\n") == (
        "# Settings read from 'printed.toml', the environment and the options",
        "\n",
        settings,
    )
    assert 'host = "::1"\nport = 9\n' in first.stdout


def test_the_files_that_were_read_are_named(tmp_path: Path) -> None:
    source = "Settings read from {}, the environment and the options"
    assert command(tmp_path, "check-config").stdout.startswith(f"# {source.format('no file')}\n")
    for name in ("settings.toml", ".secrets.toml", "odd\nname.toml"):
        (tmp_path / name).touch()
    shown = command(tmp_path, "check-config", "--config", "odd\nname.toml").stdout
    names = f"'{tmp_path}/settings.toml', '{tmp_path}/.secrets.toml', 'odd\\nname.toml'"
    assert shown.startswith(f"# {source.format(names)}\n")
    with Exporter(tmp_path, {}) as exporter:
        usual = f"'{tmp_path}/settings.toml', '{tmp_path}/.secrets.toml'"
        exporter.wait_logged(source.format(usual))


def test_the_catalogue_is_printed(tmp_path: Path) -> None:
    shown = command(tmp_path, "metrics", "--format", "json")
    assert (shown.returncode, shown.stderr) == (0, "")
    names = {row["name"] for row in json.loads(shown.stdout)}
    assert {"tickrmeter_devices_online_total", "tickrmeter_stock_update_latency_seconds"} <= names
    markdown = command(tmp_path, "metrics").stdout
    assert all(f"| `{name}` |" in markdown for name in names)


def test_options_win_over_variables_and_those_over_files(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[logging]\nlevel = "ERROR"\nformat = "json"\n[mqtt]\nqos = 1\n')
    (tmp_path / "later.toml").write_text("[mqtt]\nqos = 2\nkeepalive = 7\n")
    env = {"TICKRMETER_LOGGING__LEVEL": "WARNING", "TICKRMETER_MQTT__KEEPALIVE": "8", "MQTT_KEEPALIVE": "9"}
    shown = command(
        tmp_path, "check-config", "--config", "later.toml", "--log-level", "DEBUG", env=env
    ).stdout
    for line in ('level = "DEBUG"', 'format = "json"', "qos = 2", 'keepalive = "8s"'):
        assert f"\n{line}\n" in shown
