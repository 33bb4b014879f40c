"""At the terminal: the manual page says what the command does, and shells complete it."""

import argparse
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from deploy.manual import manual
from otel_tickrmeter.cli import main, make_parser
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


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """What may stand behind the command, by name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found |= action.choices
    return found


def command_lines() -> list[tuple[str, ...]]:
    """Every command, and every action of one."""
    commands = subcommands(make_parser())
    actions = [(name, action) for name, parser in commands.items() for action in subcommands(parser)]
    return [*((name,) for name in commands), *actions]


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_help_has_an_example_of_the_command(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    examples = help_of(capsys, *words).partition("\nexample")[2]
    # Options of a command stand before its action, a variable of the environment before all.
    wanted = r"\n  (\S+ )?otel-tickrmeter " + r" (--\S+ \S+ )?".join(words)
    assert re.search(wanted, examples)


@pytest.mark.parametrize("words", [["database"], ["jobs"]], ids=" ".join)
def test_examples_can_be_run(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    examples = help_of(capsys, *words).partition("\nexamples:\n")[2]
    for line in examples.strip().splitlines():
        _, _, given = line.partition("otel-tickrmeter ")
        make_parser().parse_args(shlex.split(given.partition(" >")[0]))


def test_help_without_a_command_has_the_options_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    options = set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", help_of(capsys, "run"), re.MULTILINE))
    assert {"--config", "--broker"} < options
    assert options <= set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", help_of(capsys), re.MULTILINE))


def test_help_of_replay_says_what_mosquitto_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`mosquitto_sub -F %j`" in " ".join(help_of(capsys, "replay").split())
