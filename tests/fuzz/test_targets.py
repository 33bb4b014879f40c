"""Every target holds for what it begins with, and for what a little damage makes of that."""

import random
from collections.abc import Iterator

import pytest

from tests.fuzz.targets import TARGETS

_DAMAGED = 150
_SLOW = {"state_cells": 30}
"""Targets that are tried less often."""


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """The same with bytes changed, cut out, or repeated."""
    found = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(4):
            case 0:
                found[at : at + 1] = chance.randbytes(1)
            case 1:
                del found[at : at + chance.randint(1, 20)]
            case 2:
                found[at:at] = found[at : at + chance.randint(1, 20)]
            case _:
                found[at:at] = chance.choice(
                    [b"\x00", b"\xff", b'"', b"\r\n", b"{", b"-1", b"1e999", b"\xc3"]
                )
    return bytes(found)


def inputs(name: str) -> Iterator[bytes]:
    seeds = TARGETS[name].seeds
    chance = random.Random(7)  # noqa: S311  the same in every run
    yield from (b"", *seeds)
    for _ in range(_SLOW.get(name, _DAMAGED)):
        yield damaged(chance.choice(seeds), chance)


@pytest.mark.parametrize("name", TARGETS)
def test_the_law_holds(name: str) -> None:
    for data in inputs(name):
        try:
            TARGETS[name].run(data)
        except Exception as error:
            error.add_note(f"for {data!r}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_it_begins_with_something_that_is_read(name: str) -> None:
    assert any(TARGETS[name].run(seed) for seed in TARGETS[name].seeds)
