"""The command line: what to run, from which settings, and the exit code.

0: stopped as asked; 1: failed; 2: bad usage or settings. (141, when nobody reads: __main__.py.)
"""

import argparse
import gc
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from loguru import logger

from otel_tickrmeter import __version__
from otel_tickrmeter.configuration import certificate_notices, effective_toml, load_settings
from otel_tickrmeter.jobs.command import options as job_options
from otel_tickrmeter.settings.durations import parse_duration
from otel_tickrmeter.settings.faults import SettingsError
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.load import settings_files
from otel_tickrmeter.settings.model import DEFAULT_PORT, Settings
from otel_tickrmeter.simulate.arguments import telling
from otel_tickrmeter.store import options as database_options

if TYPE_CHECKING:
    from otel_tickrmeter.jobs.blueprint import Blueprint

_COMMANDS = (
    "run",
    "check-config",
    "simulate",
    "demo",
    "dead-letters",
    "metrics",
    "database",
    "replay",
    "top",
    "jobs",
    "completion",
)
_FLEETS = ("tickrmeter", "autocore")
"""Those that can be made up; the first is meant without --fleet."""
_Loaded = tuple[Settings, Callable[[], Settings]]
"""The settings, and what reads them again from the same sources."""
_MOST_PORT = 65_535
_LISTEN = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]+):([0-9]+)")
_EXAMPLES = """\
options of run, also without a command (more: otel-tickrmeter run --help):
  --config FILE       settings file, TOML or YAML
  --broker URL        mqtt.broker
  --listen HOST:PORT  prometheus.host and prometheus.port
  --log-level LEVEL   logging.level
  --capture FILE      capture.file: keep what arrives, for replay

examples:
  otel-tickrmeter --broker mqtt://broker.example:1883
  otel-tickrmeter run --config exporter.toml --log-level DEBUG
  otel-tickrmeter check-config --config exporter.yaml
  otel-tickrmeter simulate --devices 200 --rate 50 --duration 2m
  otel-tickrmeter demo
  otel-tickrmeter dead-letters dead-letters.jsonl dead-letters.jsonl.1
  otel-tickrmeter run --capture capture.gz
  otel-tickrmeter replay capture.gz
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments (or those of the process) name; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser(_fleet_named(given))
    if given and given[0] not in _COMMANDS and not given[0].startswith("-"):
        parser.error(_no_such_command(given[0]))
    if not given or (given[0] not in _COMMANDS and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "run")
    options = parser.parse_args(given)
    run: Callable[[argparse.Namespace], int] = {
        "run": _run,
        "check-config": _check_config,
        "simulate": _simulate,
        "demo": _demo,
        "dead-letters": _dead_letters,
        "replay": _replay,
        "metrics": _metrics,
        "database": _database,
        "top": _top,
        "jobs": _jobs,
        "completion": _completion,
    }[options.command]
    return run(options)


def _no_such_command(given: str) -> str:
    # A command is meant by any of its words, too: "check" is nearer to "chekc" than "check-config" is.
    meant = {word: command for command in _COMMANDS for word in (*command.split("-"), command)}
    nearest = get_close_matches(given, meant, n=1)
    advice = f"; did you mean {meant[nearest[0]]}?" if nearest else ""
    return f"no such command: {given!r}{advice}\ncommands: {', '.join(_COMMANDS)}"


def _fleet_named(given: Sequence[str]) -> str:
    """The fleet that --fleet names, whatever it is: the other options of `simulate` depend on it."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--fleet", default=_FLEETS[0], nargs="?")
    return str(finder.parse_known_args(given)[0].fleet)


def make_parser(fleet: str = _FLEETS[0]) -> argparse.ArgumentParser:
    """The command's parser; `simulate` has the options of a fleet."""
    parser = argparse.ArgumentParser(
        prog="otel-tickrmeter",
        description="Watches TickrMeter requests and answers on an MQTT broker and serves their timing "
        "to Prometheus. Without a command: run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"otel-tickrmeter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="run the exporter",
        epilog="examples:\n"
        "  otel-tickrmeter run --broker mqtts://broker.example:8883 --listen 127.0.0.1:9464\n"
        "  otel-tickrmeter run --config exporter.toml --capture capture.gz",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check = commands.add_parser(
        "check-config",
        help="validate the settings and print the effective ones, secrets masked",
        epilog="example:\n  otel-tickrmeter check-config --config exporter.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for command in (run, check):
        _add_settings_options(command)
        command.add_argument("--capture", metavar="FILE", help="capture.file: keep what arrives, for replay")
    simulate = commands.add_parser(
        "simulate",
        help="publish a realistic fleet and say exactly what was sent",
        epilog="examples:\n  otel-tickrmeter simulate --devices 200 --rate 50 --duration 2m\n"
        "  otel-tickrmeter simulate --fleet autocore --devices 24 --rate 20",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo = commands.add_parser(
        "demo",
        help="run a broker, a simulated fleet and the exporter on it",
        epilog="examples:\n  otel-tickrmeter demo\n  otel-tickrmeter demo --fleet autocore",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--port", type=_port, metavar="N", help="of the page; default: 9464, or one that is free"
    )
    for command in (simulate, demo):
        command.add_argument("--fleet", choices=_FLEETS, default=_FLEETS[0], help="default: %(default)s")
    # The imports are cheap, but the rest of what simulate needs is not wanted in the exporter's process.
    if fleet == "autocore":
        from otel_tickrmeter.fleets.autocore.simulate import options as autocore_options

        autocore_options.add_arguments(simulate)
    else:
        from otel_tickrmeter.fleets.tickrmeter.simulate import options as tickrmeter_options

        tickrmeter_options.add_arguments(simulate)
    letters = commands.add_parser(
        "dead-letters",
        help="show what messages.dead_letter_file has kept",
        description="Shows the messages that were set aside and kept, by reason and type: how many, when, on "
        "which topics, and a few of them. The files may be given in any order.",
        epilog="example:\n  otel-tickrmeter dead-letters /var/log/otel-tickrmeter/dead-letters.jsonl*",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    letters.add_argument("files", type=Path, nargs="+", metavar="FILE", help="the file, and rotated ones")
    _add_replay(commands.add_parser)
    _add_top(commands.add_parser)
    jobs = commands.add_parser(
        "jobs",
        help="create, list and control jobs of a running exporter",
        description="Asks a running exporter for jobs (docs/jobs.md), or makes a token for who is to ask. "
        f"The token is in a file, or in {job_options.TOKEN_VARIABLE}.",
        epilog=job_options.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    job_options.add_job_actions(jobs, f"http://127.0.0.1:{DEFAULT_PORT}")
    completion = commands.add_parser(
        "completion",
        help="print what makes a shell complete this command",
        description="Prints a script that makes a shell complete this command and its options.",
        epilog="examples:\n"
        "  otel-tickrmeter completion bash > ~/.local/share/bash-completion/completions/otel-tickrmeter\n"
        "  otel-tickrmeter completion zsh > ~/.zfunc/_otel-tickrmeter    # a directory of your fpath\n"
        "  otel-tickrmeter completion tcsh > ~/.otel-tickrmeter.tcsh    # and in ~/.tcshrc: source it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    metrics = commands.add_parser(
        "metrics",
        help="print the metric catalogue",
        epilog="examples:\n  otel-tickrmeter metrics\n  otel-tickrmeter metrics --format json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    metrics.add_argument("--format", choices=("markdown", "json"), default="markdown")
    database = commands.add_parser(
        "database",
        help="show, migrate, export or tidy up the AutoCore database",
        description="Works on the database that the exporter with these settings has: database.url, "
        "DATABASE_URL, or sqlite:///autocore.db.",
        epilog=database_options.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_config_option(database)
    database_options.add_actions(database)
    return parser


def _add_replay(add: Callable[..., argparse.ArgumentParser]) -> None:
    replay = add(
        "replay",
        help="play what was captured, and print the metrics at its end",
        description="Plays what `run --capture` has kept, by its recorded times, as fast as it can, and "
        "prints the metrics that the exporter would have shown at its end. Also reads what "
        "`mosquitto_sub -F %j` printed, and dead-letter files. Parts of a capture may come in any order.",
        epilog="examples:\n  otel-tickrmeter replay capture.gz capture.gz.1\n"
        "  otel-tickrmeter replay --until 90s --serve capture.gz\n"
        "  otel-tickrmeter replay --anonymise for-the-developers.gz capture.gz",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("files", type=Path, nargs="+", metavar="FILE")
    _add_config_option(replay)
    replay.add_argument(
        "--until",
        type=_moment,
        metavar="TIME",
        help="stop there: 90s after the beginning, or at 2026-01-31T12:00:00Z",
    )
    replay.add_argument(
        "--anonymise",
        type=Path,
        metavar="OUTPUT",
        help="write a capture in which names of devices, symbols and all else are replaced, and play nothing",
    )
    replay.add_argument("--serve", action="store_true", help="serve the page and the metrics of that moment")
    there = f"127.0.0.1:{DEFAULT_PORT}"
    replay.add_argument(
        "--listen",
        type=_host_and_port,
        default=there,
        metavar="HOST:PORT",
        help="where; default: %(default)s",
    )
    forms = ("text", "openmetrics")
    replay.add_argument("--format", choices=forms, default="text", help="default: %(default)s")


def _add_top(add: Callable[..., argparse.ArgumentParser]) -> None:
    top = add(
        "top",
        help="show an exporter at a glance, again and again",
        description="Shows what an exporter's JSON interface says: how it is, the slowest symbols, AutoCore "
        "devices, what was set aside. Ctrl-C ends it.",
        epilog="examples:\n  otel-tickrmeter top\n  otel-tickrmeter top --url https://exporter.example:9464 "
        "--ca-file ca.pem --username me --password-file secret",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", help="default: %(default)s")
    top.add_argument(
        "--interval", type=telling(parse_duration), default=2.0, metavar="TIME", help="default: 2s"
    )
    top.add_argument("--lines", type=int, choices=range(1, 101), default=10, metavar="N", help="default: 10")
    top.add_argument("--once", action="store_true", help="print it once")
    top.add_argument("--username")
    top.add_argument("--password-file", type=Path, metavar="FILE")
    top.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to trust; else the system's")


def _moment(text: str) -> float | datetime:
    try:
        return parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"must be like 90s, or a time and its zone like 2026-01-31T12:00:00Z, not {text!r}"
        )
    return moment


def _add_settings_options(parser: argparse.ArgumentParser) -> None:
    _add_config_option(parser)
    parser.add_argument("--broker", metavar="URL", help="mqtt.broker")
    parser.add_argument(
        "--listen", type=_host_and_port, metavar="HOST:PORT", help="prometheus.host and prometheus.port"
    )
    parser.add_argument("--log-level", metavar="LEVEL", help="logging.level")


def _add_config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="settings file, TOML or YAML; may be given several times, later ones win",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_PORT):
        raise argparse.ArgumentTypeError(f"must be a port, 1 to {_MOST_PORT}, not {text!r}")
    return int(text)


def _host_and_port(text: str) -> tuple[str, str]:
    # Not the last colon alone: "::1" would be port 1. What the two parts may be, the settings say.
    match = _LISTEN.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be like 127.0.0.1:9464 or [::1]:9464, not {text!r}")
    return match[1], match[2]


def _load(options: argparse.Namespace) -> _Loaded | None:
    overrides: dict[str, Found] = {}
    if options.broker is not None:
        overrides["mqtt.broker"] = Found(options.broker, "option --broker")
    if options.listen is not None:
        host, port = options.listen
        overrides["prometheus.host"] = Found(host, "option --listen")
        overrides["prometheus.port"] = Found(port, "option --listen")
    if options.log_level is not None:
        overrides["logging.level"] = Found(options.log_level, "option --log-level")
    if options.capture is not None:
        overrides["capture.file"] = Found(options.capture, "option --capture")
    return _loaded(options.config, overrides)


def _loaded(files: Sequence[Path], overrides: Mapping[str, Found]) -> _Loaded | None:
    """Load the settings; None when they are at fault, which is told."""
    try:
        directory = Path.cwd()
    except OSError as error:
        print(f"the working directory cannot be used: {error.strerror}", file=sys.stderr)
        return None
    # A copy of the environment: some parts change the process's own for a moment.
    read = partial(load_settings, files, overrides, dict(os.environ), directory, secrets.token_hex(4))
    try:
        return read(), read
    except SettingsError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        count = len(error.faults)
        print(f"{count} fault{'s' if count > 1 else ''} in the settings", file=sys.stderr)
        return None


def _sources(files: Iterable[Path]) -> str:
    # A file that is in another directory than one believes is the commonest cause of "it is not obeyed".
    names = ", ".join(repr(str(path)) for path in files)
    return f"Settings read from {names or 'no file'}, the environment and the options"


def _check_config(options: argparse.Namespace) -> int:
    from otel_tickrmeter.settings.notices import notices

    loaded = _load(options)
    if loaded is None:
        return 2
    settings, _ = loaded
    print(f"# {_sources(settings_files(options.config, Path.cwd()))}\n{effective_toml(settings)}", end="")
    for notice in (*notices(settings, os.environ), *certificate_notices(settings, datetime.now(UTC))):
        print(f"note: {notice}", file=sys.stderr)
    return 0


def _run(options: argparse.Namespace) -> int:
    loaded = _load(options)
    if loaded is None:
        return 2
    # Here, so that bad usage and bad settings are told at once.
    from otel_tickrmeter.logs import end_logging

    try:
        return _run_with(*loaded, settings_files(options.config, Path.cwd()))
    finally:
        end_logging()


def _run_with(settings: Settings, read: Callable[[], Settings], files: Sequence[Path]) -> int:
    from otel_tickrmeter.app import App
    from otel_tickrmeter.capture.writer import CaptureFileError
    from otel_tickrmeter.http.sockets import ListenError
    from otel_tickrmeter.jobs.directory import JobDirectoryError
    from otel_tickrmeter.letters.writer import LetterFileError
    from otel_tickrmeter.logs import configure_logging
    from otel_tickrmeter.settings.known_secrets import known_secrets
    from otel_tickrmeter.settings.notices import notices
    from otel_tickrmeter.store.spool import SpoolError
    from otel_tickrmeter.systemd.activation import take_sockets
    from otel_tickrmeter.systemd.manager import ServiceManager
    from otel_tickrmeter.systemd.notify_socket import notify_socket, watchdog_seconds

    try:
        log = configure_logging(settings.logging, secrets=known_secrets(settings))
    except OSError as error:
        logger.error("The log file cannot be opened: {}", error)
        return 1
    logger.info("otel-tickrmeter {} watches {}", __version__, settings.mqtt.broker)
    logger.info(_sources(files))
    for notice in notices(settings, os.environ):
        logger.warning(notice)
    blueprints: Mapping[str, Blueprint] = {}
    if settings.dagda.enabled:
        # What jobs do, and all that it takes: only this needs it.
        from otel_tickrmeter.blueprints import roster

        blueprints = roster.blueprints()
    code = 0
    # Before anything is started that would inherit the variables.
    handed = take_sockets(os.environ, os.getpid())
    try:
        told = notify_socket(os.environ)
        seconds = watchdog_seconds(os.environ, os.getpid())
        manager = None if told is None else ServiceManager(told.send, seconds)
        app = App(settings, log, read, manager, handed, files=files, blueprints=blueprints)
        gc.freeze()  # what is alive now stays so: no collection has to look at it again
        anyio.run(app.run)
    except* (CaptureFileError, JobDirectoryError, LetterFileError, ListenError, SpoolError) as group:
        code = 1 if group.subgroup(ListenError) else 2
        for reason in _reasons(group):
            logger.error("{}", reason)
    except* Exception:  # noqa: BLE001  the last line of defence: said in the log, not as a bare traceback
        code = 1
        logger.exception("The exporter failed")
    if not code:
        logger.info("Stopped")
    return code


def _reasons(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _reasons(error)
        else:
            yield error


def _simulate(options: argparse.Namespace) -> int:
    from otel_tickrmeter.fleets.autocore.simulate import options as autocore_options
    from otel_tickrmeter.fleets.autocore.simulate import run as autocore
    from otel_tickrmeter.fleets.tickrmeter.simulate import options as tickrmeter_options
    from otel_tickrmeter.fleets.tickrmeter.simulate import run as tickrmeter
    from otel_tickrmeter.simulate.control import RunControl
    from otel_tickrmeter.simulate.run import run

    try:
        if options.fleet == "autocore":
            boards = autocore_options.from_arguments(options, time.time())
            return run(lambda stop: autocore.simulate(boards, RunControl(stop)), boards.summary)
        tickers = tickrmeter_options.from_arguments(options)
        return run(lambda stop: tickrmeter.simulate(tickers, RunControl(stop)), tickers.summary)
    except ValueError as error:
        print(f"otel-tickrmeter simulate: {error}", file=sys.stderr)
        return 2


def _demo(options: argparse.Namespace) -> int:
    from otel_tickrmeter.demo.run import demo

    return demo(options.fleet, options.port)


def _dead_letters(options: argparse.Namespace) -> int:
    from otel_tickrmeter.letters.show import show_files

    return show_files(options.files)


def _database(options: argparse.Namespace) -> int:
    from otel_tickrmeter.fleets.autocore.exported import gauges
    from otel_tickrmeter.store.command import Wanted, export_history, run_database_command, vacuum_database

    loaded = _loaded(options.config, {})
    if loaded is None:
        return 2
    url = loaded[0].database.url
    where = {} if url is None else {"DATABASE_URL": url}
    if options.action == "vacuum":
        return vacuum_database(where, datetime.now(UTC))
    if options.action == "export":
        of = (options.device, options.sensor, options.start, options.end)
        return export_history(where, Wanted(options.format, *of, options.output), gauges())
    return run_database_command(options.action, where)


def _replay(options: argparse.Namespace) -> int:
    loaded = _loaded(options.config, {})
    if loaded is None:
        return 2
    from otel_tickrmeter.logs import configure_logging, end_logging
    from otel_tickrmeter.replay import anonymise, replay
    from otel_tickrmeter.settings.known_secrets import known_secrets

    settings, _ = loaded
    # Its log is no part of what is replayed, and the file of the settings is another machine's.
    quiet = replace(settings.logging, level="WARNING", file=None)
    configure_logging(quiet, secrets=known_secrets(settings))
    try:
        if options.anonymise is not None:
            return anonymise(settings, options.files, options.anonymise)
        host, port = options.listen
        address = (host.strip("[]"), int(port)) if options.serve else None
        return replay(settings, options.files, options.until, options.format, address)
    finally:
        end_logging()


def _top(options: argparse.Namespace) -> int:
    from otel_tickrmeter.client.ask import Asker, AskError
    from otel_tickrmeter.settings.extras import ExtraMissingError, require_extra
    from otel_tickrmeter.settings.secret import read_secret

    try:
        require_extra("otel-tickrmeter top", "top", ("rich",))
        user = None
        if options.username is not None:
            file = options.password_file
            user = (options.username, "" if file is None else read_secret(file))
        asker = Asker(options.url, user, options.ca_file)
    except (AskError, ExtraMissingError, ValueError) as error:
        print(f"otel-tickrmeter top: {error}", file=sys.stderr)
        return 2
    # Of an optional part.
    from otel_tickrmeter.top.run import show

    try:
        return show(asker, options.lines, options.interval, once=options.once)
    except KeyboardInterrupt:
        return 0


def _jobs(options: argparse.Namespace) -> int:
    from otel_tickrmeter.jobs.command.run import run_jobs_command

    return run_jobs_command(options, os.environ)


def _completion(options: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(make_parser(), options.shell))
    return 0


def _metrics(options: argparse.Namespace) -> int:
    from otel_tickrmeter.catalogue.document import as_json, as_markdown
    from otel_tickrmeter.rows import all_rows

    document = as_json if options.format == "json" else as_markdown
    print(document(all_rows()), end="")
    return 0
