"""The environment of the programs that tests start."""

import os

_FOREIGN = ("COVERAGE_", "OTEL_", "TICKRMETER_")
"""Beginnings of variables that would change what is tested."""


def child_environment(*, measured: bool) -> dict[str, str]:
    """This process' own, without what would change the program's settings.

    A coverage measurement reaches a child by `COVERAGE_PROCESS_CONFIG`, and makes it take half as much CPU
    again: only where `measured`.
    """

    def foreign(name: str) -> bool:
        return name.startswith(_FOREIGN) and not (measured and name.startswith("COVERAGE_"))

    return {name: value for name, value in os.environ.items() if not foreign(name)}
