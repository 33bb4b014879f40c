"""Asks a running exporter for jobs, and shows what it answers."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from otel_tickrmeter.client.ask import Asker, AskError, Reply
from otel_tickrmeter.jobs.asked import Caller, Role
from otel_tickrmeter.jobs.command.new_token import make_token
from otel_tickrmeter.jobs.command.options import TOKEN_VARIABLE
from otel_tickrmeter.jobs.command.table import (
    blueprint_table,
    blueprint_text,
    fault_text,
    worker_table,
    worker_text,
)
from otel_tickrmeter.jobs.state import Command
from otel_tickrmeter.settings.secret import check_token, read_token

_ROOT = "dagda"
_LONGEST_BODY = 65_536


class UsageError(Exception):
    """What was asked for cannot be; the text says why."""


class RefusedError(Exception):
    """The exporter did not do it; the text says why."""


def run_jobs_command(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Carry out an action; the exit code.

    0: done; 1: the exporter does not answer, or has not done it; 2: bad usage.
    """
    if options.action == "token":
        return make_token(Caller(options.name, Role(options.role)), options.output)
    try:
        asker = _asker(options, environment)
        body = _wanted(options) if options.action == "create" else None
    except (AskError, UsageError) as error:
        _tell(error)
        return 2
    try:
        return _act(options, asker, body)
    except (AskError, RefusedError) as error:
        _tell(error)
        return 1


def _asker(options: argparse.Namespace, environment: Mapping[str, str]) -> Asker:
    file: Path | None = options.token_file
    place = TOKEN_VARIABLE if file is None else str(file)
    try:
        token = check_token(environment.get(TOKEN_VARIABLE, "")) if file is None else read_token(file)
    except ValueError as error:
        if file is None and TOKEN_VARIABLE not in environment:
            raise UsageError(
                f"no token: give --token-file, or {TOKEN_VARIABLE} in the environment; "
                "`otel-tickrmeter jobs token` makes one"
            ) from None
        raise UsageError(f"{place} {error}") from None
    return Asker(options.url, None, options.ca_file, token=token)


def _wanted(options: argparse.Namespace) -> Mapping[str, Any]:
    parameters = {} if options.parameters is None else _read_object(options.parameters)
    for name, value in options.parameter:
        if name in parameters:
            raise UsageError(f"the parameter {name} is given twice")
        parameters[name] = value
    return {"blueprint": options.blueprint, "parameters": parameters, "start": options.start}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(_LONGEST_BODY)
        else:
            with path.open("rb") as file:
                raw = file.read(_LONGEST_BODY)
        found = json.loads(raw)
    except OSError as error:
        raise UsageError(f"--parameters {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"--parameters {path} is not JSON") from None
    if not isinstance(found, dict):
        raise UsageError(f"--parameters {path} must be a JSON object")
    return found


def _act(options: argparse.Namespace, asker: Asker, body: Mapping[str, Any] | None) -> int:
    as_json: bool = options.json
    if options.action == "list":
        query = "" if options.status is None else f"?status={options.status}"
        found = _ask(asker, "GET", f"workers{query}")
        _show(found, as_json, lambda told: worker_table(told["items"]))
    elif options.action == "show":
        _show(_ask(asker, "GET", f"workers/{_segment(options.id)}"), as_json, worker_text)
    elif options.action == "create":
        made = _ask(asker, "POST", "workers", body)
        _show(made, as_json, lambda told: worker_table([told]))
    elif options.action == "blueprints":
        _show_blueprints(_ask(asker, "GET", "blueprints"), options.name, as_json)
    else:
        return _change_all(asker, Command(options.action), options.ids, as_json)
    return 0


def _change_all(asker: Asker, command: Command, names: Sequence[str], as_json: bool) -> int:  # noqa: FBT001  an option
    """Do what can be done; say of each what cannot."""
    done, refused = [], 0
    for name in names:
        try:
            done.append(_ask(asker, "PUT", f"workers/{_segment(name)}/{command.value}"))
        except RefusedError as error:
            _tell(f"{name}: {error}")
            refused += 1
    if done:
        _show(done, as_json, worker_table)
    return 1 if refused else 0


def _show_blueprints(found: Any, name: str | None, as_json: bool) -> None:  # noqa: ANN401, FBT001  JSON; an option
    if name is None:
        _show(found, as_json, lambda told: blueprint_table(told["items"]))
        return
    for blueprint in found["items"]:
        if blueprint["name"] == name:
            _show(blueprint, as_json, blueprint_text)
            return
    names = ", ".join(blueprint["name"] for blueprint in found["items"])
    raise RefusedError(f"there is no blueprint {name}: there are {names}")


def _ask(asker: Asker, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  whatever JSON holds
    reply = asker.send(method, f"{_ROOT}/{path}", body)
    if reply.status in {HTTPStatus.OK, HTTPStatus.CREATED} and reply.content is not None:
        return reply.content
    raise RefusedError(_reason(asker.url, reply))


def _reason(url: str, reply: Reply) -> str:
    if isinstance(reply.content, dict) and "detail" in reply.content:
        return fault_text(reply.content)
    if reply.status == HTTPStatus.NOT_FOUND:
        return f"{url} has no jobs: it needs dagda.enabled and dagda.tokens_file"
    if reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "the parameters are longer than 64 KiB"
    return f"{url} answers {reply.status}: is it an exporter of this version?"


def _show(found: Any, as_json: bool, show: Callable[[Any], str]) -> None:  # noqa: ANN401, FBT001  JSON; an option
    sys.stdout.write(f"{json.dumps(found, indent=2)}\n" if as_json else show(found))


def _segment(name: str) -> str:
    return quote(name, safe="")


def _tell(what: object) -> None:
    for line in str(what).splitlines():
        sys.stderr.write(f"otel-tickrmeter jobs: {line}\n")
