"""Captures, played through the pipeline of the exporter; what the metrics were at their end."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_tickrmeter.blueprints.kinds import FILES
from otel_tickrmeter.blueprints.output import write_output
from otel_tickrmeter.blueprints.settings import settings_of
from otel_tickrmeter.blueprints.timeline import Timeline
from otel_tickrmeter.jobs.blueprint import FILE, Blueprint, Parameter, ParameterFault, Work
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import DURATION, choice

if TYPE_CHECKING:
    from otel_tickrmeter.capture.chunk import Captured

_RECORDED = "recorded"


def replay_blueprint() -> Blueprint:
    """What `otel-tickrmeter replay` does, as a job."""
    return Blueprint(
        "replay",
        "Plays captures through the pipeline, and writes the metrics that were shown at their end.",
        (
            Parameter("files", FILES, "the parts of a capture, or files of lines, as `replay` reads them"),
            Parameter("output", FILE, "the exposition, written anew"),
            Parameter("format", choice("text", "openmetrics"), "of the exposition", "text"),
            Parameter(
                "pace",
                choice("fast", _RECORDED),
                "as fast as it goes, or by the recorded times",
                "fast",
            ),
            Parameter("until", DURATION, "how long after its beginning it stops; all of it is usual", None),
        ),
        _play,
        check=_faults,
    )


def _faults(parameters: Mapping[str, Any], _: Surroundings) -> Sequence[ParameterFault]:
    if parameters["output"] in parameters["files"]:
        return (ParameterFault("output", "must be none of the files"),)
    return ()


def _play(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    import anyio

    from otel_tickrmeter.capture.recording import RecordingError, size_of
    from otel_tickrmeter.replay import play_files

    paths = [work.file(name) for name in parameters["files"]]
    output = work.file(parameters["output"])
    if output in paths:
        raise ValueError("output is one of the files")
    settings = settings_of(work.surroundings)
    notes: list[str] = []
    timeline = Timeline(work)
    read = 0
    try:
        size = size_of(paths)

        def advance(count: int) -> None:
            nonlocal read
            read += count
            work.report(read, size)
            timeline.checkpoint()

        def through(items: "Iterator[Captured]") -> "Iterator[Captured]":
            return _paced(items, timeline, recorded=parameters["pace"] == _RECORDED)

        made = play_files(settings, paths, parameters["until"], advance, notes.append, through=through)
    except RecordingError as error:
        raise RecordingError(_without_directory(str(error), work)) from None
    body = anyio.run(made.exposition, parameters["format"])
    write_output(output, body)
    work.report(size, size)
    return {
        "output": parameters["output"],
        "bytes_read": read,
        "bytes_written": len(body),
        "missed": made.missed,
        "notes": [_without_directory(note, work) for note in notes],
    }


def _paced(items: "Iterator[Captured]", timeline: Timeline, *, recorded: bool) -> "Iterator[Captured]":
    from otel_tickrmeter.stream.second import SECOND_NS

    first_ns: int | None = None
    for item in items:
        at_ns = item[-1].arrived_ns if isinstance(item, list) else getattr(item, "at_ns", None)
        if recorded and at_ns is not None:
            first_ns = at_ns if first_ns is None else first_ns
            timeline.wait_until((at_ns - first_ns) / SECOND_NS)
        else:
            timeline.checkpoint()
        yield item


def _without_directory(text: str, work: Work) -> str:
    """The text, with files as the parameters name them."""
    return text.replace(f"{Path(work.surroundings.directory).resolve()}/", "")
