"""What a kind of job is: its parameters, and its work. The kinds themselves stand in `blueprints/`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import ValueKind


class Need(Enum):
    """What stands for a value that must be given."""

    REQUIRED = "required"


class Stopped(BaseException):
    """The worker is to end; raised by `Work.checkpoint`."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. Kinds are those of settings; `default` is what the kind would read."""

    name: str
    kind: ValueKind
    meaning: str
    default: Any = Need.REQUIRED


class Work(Protocol):
    """What a blueprint has to do with while it works, in a process and a thread of its own.

    Attributes:
        surroundings: Where it is.
        resumed_at: The checkpoint at which it goes on; None: at the beginning.
    """

    surroundings: Surroundings
    resumed_at: Mapping[str, Any] | None

    def report(self, current: int, total: int) -> None:
        """Say how much of the work is done; may be said as often as one likes."""

    def checkpoint(self, mark: Mapping[str, Any] | None = None) -> None:
        """To be called between two steps, several times a second: waits here while the worker is paused.

        Args:
            mark: Where a new run could go on; of blueprints that are `resumable`.

        Raises:
            Stopped: The worker is to end.
        """

    def file(self, name: str) -> Path:
        """The file below the directory of the jobs.

        Raises:
            ValueError: It would be elsewhere.
        """


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """What is wrong with a parameter; `name` is None where it is several together."""

    name: str | None
    what: str

    def __str__(self) -> str:
        """Give it as a line."""
        return self.what if self.name is None else f"{self.name}: {self.what}"


def _nothing(_: Mapping[str, Any], __: Surroundings) -> Sequence[ParameterFault]:
    return ()


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A kind of job.

    Attributes:
        name: The label; as in `dagda_worker_progress_ratio`.
        meaning: What it does, in a sentence.
        work: Does it; returns its summary, as JSON. What it raises is the worker's failure.
        resumable: Whether it keeps checkpoints, and a new run can go on at one.
        check: What is wrong with parameters that are right each for itself, before anything runs.
    """

    name: str
    meaning: str
    parameters: tuple[Parameter, ...]
    work: Callable[[Mapping[str, Any], Work], Mapping[str, Any]]
    resumable: bool = False
    check: Callable[[Mapping[str, Any], Surroundings], Sequence[ParameterFault]] = _nothing


class BlueprintParameterError(Exception):
    """Parameters are at fault; `faults` has all that is wrong."""

    def __init__(self, faults: Sequence[ParameterFault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


def read_parameters(
    blueprint: Blueprint, given: Mapping[str, Any], surroundings: Surroundings
) -> Mapping[str, Any]:
    """Every parameter of the blueprint, read.

    Raises:
        BlueprintParameterError: Some are at fault, unknown or missing.
    """
    known = {parameter.name: parameter for parameter in blueprint.parameters}
    faults = [ParameterFault(name, "there is no such parameter") for name in given if name not in known]
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        if value is None:  # as if it had not been said; a default of None stands for nothing
            value = parameter.default
        if value is Need.REQUIRED:
            faults.append(ParameterFault(name, "must be given"))
        elif value is None:
            values[name] = None
        else:
            try:
                values[name] = parameter.kind.read(value)
            except ValueError as error:
                faults.append(ParameterFault(name, str(error)))
    if not faults:
        faults += blueprint.check(values, surroundings)
    if faults:
        raise BlueprintParameterError(faults)
    return values


def _read_file_name(value: object) -> str:
    path = PurePosixPath(value) if isinstance(value, str) and value and "\0" not in value else None
    # Those that begin with a dot are the controller's own.
    if path is None or path.is_absolute() or not path.name or any(part[0] == "." for part in path.parts):
        raise ValueError("must name a file below the directory of the jobs, no part beginning with a dot")
    return str(path)


FILE = ValueKind(_read_file_name)
"""The name of a file for `Work.file`."""
