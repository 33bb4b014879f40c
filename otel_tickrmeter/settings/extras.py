"""Optional parts of the package: what needs one that is not installed says so before anything runs."""

from collections.abc import Iterable
from importlib.util import find_spec


class ExtraMissingError(Exception):
    """An optional part is not installed; the text says how to get it."""


def require_extra(what: str, extra: str, libraries: Iterable[str]) -> None:
    """Make sure of libraries before a module is imported that needs them.

    Args:
        what: What needs them, in words.
        extra: The optional part that brings them.
        libraries: Names of top-level packages.

    Raises:
        ExtraMissingError: One of them is missing.
    """
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        raise ExtraMissingError(f"{what} needs {', '.join(missing)}: pip install 'otel-tickrmeter[{extra}]'")
