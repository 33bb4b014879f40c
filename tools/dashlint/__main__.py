"""The command `python -m tools.dashlint FILE...`: prints what is wrong with dashboards, a fault a line."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from grafana.committed import Json, dashboards
from tools.dashlint.lint import faults
from tools.dashlint.project import known
from tools.dashlint.schema import GrafanaSchema, install, units
from tools.dashlint.shape import misshapen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 1 if there are faults.

    Raises:
        CalledProcessError: Grafana's types are not there and cannot be fetched.
    """
    parser = argparse.ArgumentParser(
        prog="dashlint", description="Finds what is wrong with dashboards; says nothing of good ones."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a dashboard as JSON")
    files: list[Path] = parser.parse_args(arguments).files
    found: list[str] = []
    given: dict[Path, Json] = {}
    for file in files:
        try:
            dashboard = _read(file)
        except ValueError as error:
            found.append(f"{file}: {error}")
            continue
        shape = [f"{file}: {fault}" for fault in misshapen(dashboard)]
        found.extend(shape)
        if not shape:
            given[file] = dashboard
    installed = install()
    schema = GrafanaSchema(installed)
    # They may link to the committed ones and to one another.
    everything = known([*dashboards().values(), *given.values()], units(installed))
    for file, dashboard in given.items():
        found.extend(f"{file}: {fault}" for fault in faults(dashboard, schema, everything))
    print("".join(f"{line}\n" for line in found), end="")  # noqa: T201  the command's own output
    return 1 if found else 0


def _read(file: Path) -> Json:
    """Return what a file has.

    Raises:
        ValueError: It cannot be read, or is no JSON.
    """
    try:
        read: Json = json.loads(file.read_bytes())
    except OSError as error:
        raise ValueError(error.strerror) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return read


if __name__ == "__main__":
    sys.exit(main())
