"""At the terminal: the manual page says what the command does, and shells complete it."""

import subprocess
from pathlib import Path

import pytest

from deploy.manual import manual
from otel_tickrmeter.cli import main
from tests.contract.deployed import DEPLOY

COMMANDS = (
    "run",
    "check-config",
    "simulate",
    "demo",
    "dead-letters",
    "replay",
    "metrics",
    "database",
    "jobs",
)


def test_the_manual_page_is_that_of_the_command() -> None:
    page = (DEPLOY / "otel-tickrmeter.1").read_text()
    assert page == manual(), "./scripts/generate"
    # whatis finds nothing on a page without it.
    assert ".SH NAME\notel\\-tickrmeter \\- Prometheus exporter" in page
    for command in COMMANDS:
        assert f"COMMAND \\fI\\,'otel\\-tickrmeter {command.replace('-', chr(92) + '-')}'" in page


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["re"], {"replay"}),
        (["database", "ex"], {"export"}),
        (["replay", "--an"], {"--anonymise"}),
        (["jobs", "cr"], {"create"}),
        (["jobs", "list", "--to"], {"--token-file"}),
    ],
)
def test_bash_completes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: set[str]
) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion"
    script.write_text(capsys.readouterr().out)
    line = " ".join(["otel-tickrmeter", *words])
    ask = (
        f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; "
        "_shtab_otel_tickrmeter; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in COMMANDS)


@pytest.mark.parametrize(
    "command", ["run", "check-config", "simulate", "demo", "replay", "top", "dead-letters"]
)
def test_help_has_an_example_of_the_command(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"\n  otel-tickrmeter {command}" in capsys.readouterr().out.partition("\nexample")[2]


def test_help_of_replay_says_what_mosquitto_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replay", "--help"])
    assert "`mosquitto_sub -F %j`" in " ".join(capsys.readouterr().out.split())
