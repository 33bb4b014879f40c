"""The command line: what to run, from which settings, and the exit code.

0: stopped as asked; 1: failed; 2: bad usage or settings. (141, when nobody reads: __main__.py.)
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio
from loguru import logger

from otel_tickrmeter import __version__
from otel_tickrmeter.configuration import effective_toml, load_settings
from otel_tickrmeter.settings.faults import SettingsError
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.load import settings_files
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.store import options as database_options

_COMMANDS = ("run", "check-config", "simulate", "demo", "dead-letters", "metrics", "database")
_FLEETS = ("tickrmeter", "autocore")
"""Those that can be made up; the first is meant without --fleet."""
_NOTICE_SECRETS = ("webhook_url", "webhook_token", "telegram_token")
_LISTEN = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]+):([0-9]+)")
_EXAMPLES = """\
examples:
  otel-tickrmeter --broker mqtt://broker.example:1883
  otel-tickrmeter run --config exporter.toml --log-level DEBUG
  otel-tickrmeter check-config --config exporter.yaml
  otel-tickrmeter simulate --devices 200 --rate 50 --duration 2m
  otel-tickrmeter demo
  otel-tickrmeter dead-letters dead-letters.jsonl dead-letters.jsonl.1
"""


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911  one for each command
    """Run the command that the arguments (or those of the process) name; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0] not in _COMMANDS and given[0] not in ("-h", "--help", "--version")):
        given.insert(0, "run")
    options = _parser(_fleet_named(given)).parse_args(given)
    match options.command:
        case "check-config":
            return _check_config(options)
        case "metrics":
            return _metrics(options)
        case "dead-letters":
            return _dead_letters(options)
        case "database":
            return _database(options)
        case "simulate":
            return _simulate(options)
        case "demo":
            return _demo(options)
        case _:
            return _run(options)


def _fleet_named(given: Sequence[str]) -> str:
    """The fleet that --fleet names, whatever it is: the other options of `simulate` depend on it."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--fleet", default=_FLEETS[0], nargs="?")
    return str(finder.parse_known_args(given)[0].fleet)


def _parser(fleet: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="otel-tickrmeter",
        description="Watches TickrMeter requests and answers on an MQTT broker and serves their timing "
        "to Prometheus. Without a command: run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"otel-tickrmeter {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the exporter")
    check = commands.add_parser(
        "check-config", help="validate the settings and print the effective ones, secrets masked"
    )
    for command in (run, check):
        _add_settings_options(command)
    simulate = commands.add_parser("simulate", help="publish a realistic fleet and say exactly what was sent")
    demo = commands.add_parser("demo", help="run a broker, a simulated fleet and the exporter on it")
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
    metrics = commands.add_parser("metrics", help="print the metric catalogue")
    metrics.add_argument("--format", choices=("markdown", "json"), default="markdown")
    database = commands.add_parser(
        "database",
        help="show, migrate, export or tidy up the AutoCore database",
        description="Works on the database that DATABASE_URL names; without it, sqlite:///autocore.db.",
    )
    database_options.add_actions(database)
    return parser


def _add_settings_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="settings file, TOML or YAML; may be given several times, later ones win",
    )
    parser.add_argument("--broker", metavar="URL", help="mqtt.broker")
    parser.add_argument(
        "--listen", type=_host_and_port, metavar="HOST:PORT", help="prometheus.host and prometheus.port"
    )
    parser.add_argument("--log-level", metavar="LEVEL", help="logging.level")


def _host_and_port(text: str) -> tuple[str, str]:
    # Not the last colon alone: "::1" would be port 1. What the two parts may be, the settings say.
    match = _LISTEN.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be like 127.0.0.1:9464 or [::1]:9464, not {text!r}")
    return match[1], match[2]


def _load(options: argparse.Namespace) -> Settings | None:
    overrides: dict[str, Found] = {}
    if options.broker is not None:
        overrides["mqtt.broker"] = Found(options.broker, "option --broker")
    if options.listen is not None:
        host, port = options.listen
        overrides["prometheus.host"] = Found(host, "option --listen")
        overrides["prometheus.port"] = Found(port, "option --listen")
    if options.log_level is not None:
        overrides["logging.level"] = Found(options.log_level, "option --log-level")
    try:
        directory = Path.cwd()
    except OSError as error:
        print(f"the working directory cannot be used: {error.strerror}", file=sys.stderr)
        return None
    try:
        return load_settings(options.config, overrides, os.environ, directory)
    except SettingsError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)
        count = len(error.faults)
        print(f"{count} fault{'s' if count > 1 else ''} in the settings", file=sys.stderr)
        return None


def _sources(options: argparse.Namespace) -> str:
    # A file that is in another directory than one believes is the commonest cause of "it is not obeyed".
    files = [repr(str(path)) for path in settings_files(options.config, Path.cwd())]
    return f"Settings read from {', '.join(files) or 'no file'}, the environment and the options"


def _check_config(options: argparse.Namespace) -> int:
    from otel_tickrmeter.settings.notices import notices

    settings = _load(options)
    if settings is None:
        return 2
    print(f"# {_sources(options)}\n{effective_toml(settings)}", end="")
    for notice in notices(settings, os.environ):
        print(f"note: {notice}", file=sys.stderr)
    return 0


def _run(options: argparse.Namespace) -> int:
    settings = _load(options)
    if settings is None:
        return 2
    # Here, so that bad usage and bad settings are told at once.
    from otel_tickrmeter.logs import end_logging

    try:
        return _run_with(settings, _sources(options))
    finally:
        end_logging()


def _run_with(settings: Settings, sources: str) -> int:
    from otel_tickrmeter.app import App
    from otel_tickrmeter.http.sockets import ListenError
    from otel_tickrmeter.letters.writer import LetterFileError
    from otel_tickrmeter.logs import configure_logging
    from otel_tickrmeter.settings.database import password_in
    from otel_tickrmeter.settings.notices import notices
    from otel_tickrmeter.store.spool import SpoolError

    query = settings.mqtt.broker.partition("?")[2]
    secrets = [
        *(settings.mqtt.password or "", query, password_in(settings.database.url or "")),
        *(settings.otlp.headers or {}).values(),
        *(getattr(settings.notifications, name) or "" for name in _NOTICE_SECRETS),
    ]
    try:
        log = configure_logging(settings.logging, secrets=[secret for secret in secrets if secret])
    except OSError as error:
        logger.error("The log file cannot be opened: {}", error)
        return 1
    logger.info("otel-tickrmeter {} watches {}", __version__, settings.mqtt.broker)
    logger.info(sources)
    for notice in notices(settings, os.environ):
        logger.warning(notice)
    code = 0
    try:
        anyio.run(App(settings, log).run)
    except* (LetterFileError, ListenError, SpoolError) as group:
        code = 2 if group.subgroup((LetterFileError, SpoolError)) else 1
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
    from otel_tickrmeter.simulate.run import run

    try:
        if options.fleet == "autocore":
            boards = autocore_options.from_arguments(options, time.time())
            return run(lambda stop: autocore.simulate(boards, stop), boards.summary)
        tickers = tickrmeter_options.from_arguments(options)
        return run(lambda stop: tickrmeter.simulate(tickers, stop), tickers.summary)
    except ValueError as error:
        print(f"otel-tickrmeter simulate: {error}", file=sys.stderr)
        return 2


def _demo(options: argparse.Namespace) -> int:
    from otel_tickrmeter.demo.run import demo

    return demo(options.fleet)


def _dead_letters(options: argparse.Namespace) -> int:
    from otel_tickrmeter.letters.show import show_files

    return show_files(options.files)


def _database(options: argparse.Namespace) -> int:
    from otel_tickrmeter.fleets.autocore.exported import gauges
    from otel_tickrmeter.store.command import Wanted, export_history, run_database_command, vacuum_database

    if options.action == "vacuum":
        return vacuum_database(os.environ, datetime.now(UTC))
    if options.action == "export":
        of = (options.device, options.sensor, options.start, options.end)
        return export_history(os.environ, Wanted(options.format, *of, options.output), gauges())
    return run_database_command(options.action, os.environ)


def _metrics(options: argparse.Namespace) -> int:
    from otel_tickrmeter.catalogue.document import as_json, as_markdown
    from otel_tickrmeter.rows import all_rows

    document = as_json if options.format == "json" else as_markdown
    print(document(all_rows()), end="")
    return 0
