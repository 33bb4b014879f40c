"""The parameters of a job: what is read, what is missing, and what is no parameter."""

import pytest

from otel_tickrmeter.jobs.blueprint import (
    FILE,
    Blueprint,
    BlueprintParameterError,
    Parameter,
    ParameterFault,
    read_parameters,
)
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import integer

JOB = Blueprint(
    "job",
    "",
    (
        Parameter("output", FILE, ""),
        Parameter("steps", integer(1, 9), "", 3),
        Parameter("note", FILE, "", None),
    ),
    lambda *_: {},
    check=lambda values, _: [ParameterFault("steps", "too many")] if values["steps"] == 9 else [],
)
NOWHERE = Surroundings("", "", "", allow_watched_broker=False, settings_files=(), memory_bytes=0)


def test_what_is_not_given_has_its_default_and_null_is_not_given() -> None:
    assert read_parameters(JOB, {"output": "a/b"}, NOWHERE) == {"output": "a/b", "steps": 3, "note": None}
    given = {"output": "b", "steps": None, "note": None}
    assert read_parameters(JOB, given, NOWHERE) == {"output": "b", "steps": 3, "note": None}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, ["output: must be given"]),
        ({"output": None}, ["output: must be given"]),
        ({"output": "a", "steps": 10, "x": 1}, ["x: there is no such parameter", "steps: must be a whole"]),
        ({"output": "a", "steps": 9}, ["steps: too many"]),
        *(
            ({"output": name}, ["output: must name a file below"])
            for name in (
                "",
                ".",
                "/etc/passwd",
                "../x",
                "a/../../x",
                ".workers.json",
                "a/.b",
                "a\0b",
                7,
                ["a"],
            )
        ),
    ],
)
def test_every_fault_is_named(given: dict[str, object], faults: list[str]) -> None:
    with pytest.raises(BlueprintParameterError) as caught:
        read_parameters(JOB, given, NOWHERE)
    assert len(caught.value.faults) == len(faults)
    assert all(str(found).startswith(fault) for found, fault in zip(caught.value.faults, faults, strict=True))
