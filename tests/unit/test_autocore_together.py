"""Several who are told what happened."""

import pytest

from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.together import Together

NAMES = [name for name in vars(Outcomes) if not name.startswith("_")]


def listener(name: str, told: list[str], who: str) -> Outcomes:
    """Return somebody who wants to know of one thing, and notes it."""

    def note(_: Outcomes, *what: object, **more: object) -> None:
        told.append(f"{who} {what} {more}")

    kind: type[Outcomes] = type("Listener", (Outcomes,), {name: note})
    return kind()


def call(outcomes: Outcomes, name: str) -> None:
    getattr(outcomes, name)("what", keep=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_each_is_told_once_and_in_order(name: str, number: int) -> None:
    told: list[str] = []
    call(Together(*(listener(name, told, str(who)) for who in range(number))), name)
    assert told == [f"{who} ('what',) {{'keep': True}}" for who in range(number)]


def test_nobody_is_told_what_he_does_not_override() -> None:
    told: list[str] = []
    together = Together(listener("noted", told, "a"), listener("forgotten", told, "b"))
    call(together, "forgotten")
    assert told == ["b ('what',) {'keep': True}"]
