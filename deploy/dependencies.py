"""What is installed with the program: versions and licences, as the libraries say themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from otel_tickrmeter import __version__

PROGRAM = "otel-tickrmeter"
EXTRAS = ("database", "grpc", "tls")
"""The optional parts that the image and the Debian package have."""

_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License, Version 2.0": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
}
"""What some say in words of their own."""


@dataclass(frozen=True)
class Library:
    """An installed library: `licence` is an SPDX expression, `needs` are the names of those it depends on."""

    name: str
    version: str
    licence: str
    needs: tuple[str, ...]


def dependencies(extras: Iterable[str] = EXTRAS) -> tuple[Library, ...]:
    """Return the program, then all that it needs with those optional parts, by name.

    Raises:
        LookupError: One of them is not installed, or says nothing of its licence.
    """
    wanted: dict[str, set[str]] = {}
    needs: dict[str, set[str]] = {}
    open_ends = [(PROGRAM, frozenset(extras))]
    while open_ends:
        name, parts = open_ends.pop()
        if name in wanted and parts <= wanted[name]:
            continue
        wanted.setdefault(name, set()).update(parts)
        for need in _needs(name, parts):
            needs.setdefault(name, set()).add(canonicalize_name(need.name))
            open_ends.append((canonicalize_name(need.name), frozenset(need.extras)))
    # Its own optional parts name the program itself.
    return tuple(
        Library(name, _version(name), _licence(name), tuple(sorted(needs.get(name, set()) - {name})))
        for name in sorted(wanted, key=lambda each: (each != PROGRAM, each))
    )


def _needs(name: str, extras: Iterable[str]) -> list[Requirement]:
    read = [Requirement(text) for text in metadata.requires(name) or ()]
    environments = [{"extra": extra} for extra in ("", *extras)]
    return [
        need
        for need in read
        if need.marker is None or any(need.marker.evaluate(environment) for environment in environments)
    ]


def _version(name: str) -> str:
    # An installation from this tree says which version the tree had when it was made.
    return __version__ if name == PROGRAM else metadata.version(name)


def _licence(name: str) -> str:
    said = metadata.metadata(name)
    classifiers = [text for text in said.get_all("Classifier", []) if text.startswith("License ::")]
    for text in (said["License-Expression"], said["License"], *classifiers):
        if text:
            return _SPDX.get(str(text), str(text))
    raise LookupError(f"{name} says nothing of its licence")
