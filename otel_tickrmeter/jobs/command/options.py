"""The actions of `otel-tickrmeter jobs` and their options."""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from otel_tickrmeter.jobs.asked import Role
from otel_tickrmeter.jobs.state import Command, State
from otel_tickrmeter.jobs.tokens import check_name

TOKEN_VARIABLE = "DAGDA_TOKEN"  # noqa: S105  its name
_ASSIGNMENT = re.compile(r"([A-Za-z0-9_]+)=(.*)", re.DOTALL)
_MEANINGS: Mapping[Command, str] = {
    Command.START: "have idle jobs begin",
    Command.PAUSE: "have jobs wait at their next checkpoint",
    Command.RESUME: "have paused jobs go on",
    Command.STOP: "end jobs, for good",
}
EXAMPLES = """\
examples:
  otel-tickrmeter jobs token ann --role operate --output ann.token >> /etc/otel-tickrmeter/tokens
  otel-tickrmeter jobs blueprints simulate
  otel-tickrmeter jobs create simulate --start --token-file ann.token -p broker=mqtt://b.example -p rate=99
  otel-tickrmeter jobs list --status in_progress
  otel-tickrmeter jobs stop 5c0d1c2e-7b41-4a53-9a55-3a1e7d1f0c11
  DAGDA_TOKEN=$(cat ann.token) otel-tickrmeter jobs list --url https://exporter.example:9464 --json
"""


def add_job_actions(parser: argparse.ArgumentParser, url: str) -> None:
    """Add what can be done with jobs; which is chosen is in `action`.

    Args:
        parser: Of `jobs`.
        url: Where an exporter is as a rule.
    """
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def asking(name: str, meaning: str, epilog: str) -> argparse.ArgumentParser:
        made = actions.add_parser(
            name,
            help=meaning,
            description=f"{meaning[0].upper()}{meaning[1:]}.",
            epilog=f"example:\n  otel-tickrmeter jobs {epilog}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,  # else --token would be --token-file, and take what must not be here
        )
        made.add_argument("--url", default=url, help="of the exporter; default: %(default)s")
        made.add_argument(
            "--token-file", type=Path, metavar="FILE", help=f"the token; default: what is in {TOKEN_VARIABLE}"
        )
        made.add_argument(
            "--ca-file", type=Path, metavar="FILE", help="certificates to trust; else the system's"
        )
        made.add_argument("--json", action="store_true", help="print what the exporter answers")
        return made

    listing = asking("list", "list jobs", "list --status in_progress")
    listing.add_argument("--status", choices=[state.value for state in State], help="only those")
    showing = asking("show", "show all of a job", "show 5c0d1c2e-7b41-4a53-9a55-3a1e7d1f0c11")
    showing.add_argument("id", metavar="ID")
    creating = asking(
        "create",
        "create a job",
        "create replay --start -p files='[\"capture.gz\"]' -p output=at-the-end.txt",
    )
    creating.add_argument("blueprint", metavar="BLUEPRINT", help="what kind of job: see `jobs blueprints`")
    creating.add_argument(
        "-p",
        "--parameter",
        type=_assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter; the value is JSON, or else the text itself; may be given several times",
    )
    creating.add_argument(
        "--parameters", type=Path, metavar="FILE", help="a JSON object of parameters; - is standard input"
    )
    creating.add_argument("--start", action="store_true", help="at once; else it is idle")
    for command, meaning in _MEANINGS.items():
        changing = asking(command.value, meaning, f"{command.value} 5c0d1c2e-7b41-4a53-9a55-3a1e7d1f0c11")
        changing.add_argument("ids", nargs="+", metavar="ID")
    kinds = asking("blueprints", "list kinds of jobs, or show one of them", "blueprints simulate")
    kinds.add_argument("name", nargs="?", metavar="BLUEPRINT")
    _add_token(actions)


def _add_token(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    made = actions.add_parser(
        "token",
        help="make a token",
        description="Makes a new token, and the line that dagda.tokens_file needs for it. The exporter keeps "
        "nothing of the token but its hash: it cannot be shown again.",
        epilog="example:\n  otel-tickrmeter jobs token ann --role operate --output ann.token >> tokens",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("name", type=_name, metavar="NAME", help="whose it is")
    roles = [role.value for role in Role]
    made.add_argument(
        "--role", choices=roles, required=True, help="operate: his own jobs; admin: everybody's"
    )
    made.add_argument(
        "--output", type=Path, metavar="FILE", help="write the token to a new file, and print the line alone"
    )


def _name(text: str) -> str:
    try:
        return check_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _assignment(text: str) -> tuple[str, Any]:
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"must be like rate=1000 or broker=mqtt://test.example, not {text!r}"
        )
    name, value = match.groups()
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
