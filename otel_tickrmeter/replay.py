"""The composition root of a replay: recorded messages through the real pipeline, at their recorded times.

Nothing of the machine goes in: the same recording gives the same exposition, byte for byte.
"""

import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter.capture.anonymise import Anonymiser
from otel_tickrmeter.capture.chunk import Captured, Header, Note
from otel_tickrmeter.capture.open import open_recording
from otel_tickrmeter.capture.recording import OnRead, Recording, RecordingError, size_of
from otel_tickrmeter.capture.write import write_capture
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter.build import build_labels
from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.front import Front
from otel_tickrmeter.http.server import serve
from otel_tickrmeter.http.sockets import ListenError
from otel_tickrmeter.pipeline import Clock, make_pipeline
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.simulate.progress import progress
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry

Through = Callable[[Iterator[Captured]], Iterator[Captured]]
"""What lets the items of a recording through, at their times or at once."""


class Replay:
    """A pipeline that runs by the times of a recording.

    Args:
        settings: What is watched, and what bounds and names there are.
        recording: What is played.
        build: The labels of the build information.

    Attributes:
        missed: How many the recording says are missing from it.
    """

    def __init__(self, settings: Settings, recording: Recording, build: dict[str, str]) -> None:
        self._settings = settings
        self._recording = recording
        self._now_ns = recording.started_ns
        self._unix_offset_ns = recording.unix_offset_ns
        self.missed = 0
        rows = rows_of(settings)
        self._telemetry = SnapshotTelemetry(
            CompactMeter(rows),
            Resource({"service.name": "otel-tickrmeter", "service.instance.id": "replay"}),
            1.0,
            exposition_rows(),
            clock_ns=lambda: self._now_ns,
            unix_offset_ns=lambda: self._unix_offset_ns,
        )
        self._pipeline = make_pipeline(
            settings,
            self._telemetry.meter(),
            self._telemetry.end_series,
            as_callbacks(ProcessObserver(build).callbacks() | ReloadObserver(None).callbacks())
            | exposition_callbacks(self._telemetry),
            Clock(recording.started_ns, lambda: self._unix_offset_ns, lambda: 0),
        )

    def play(self, until_ns: int | None = None, through: Through = iter) -> None:
        """Play it, up to a monotonic time of the recording, or to its end.

        Raises:
            RecordingError: It cannot be read any further; what came before has been played.
        """
        handler = self._pipeline.handler
        for item in through(_before(self._recording.items, until_ns)):
            if isinstance(item, list):
                self._now_ns = item[-1].arrived_ns
                handler.deliver(item)
            elif isinstance(item, Note):
                self.missed += item.missed
                if item.unix_offset_ns is not None:
                    self._unix_offset_ns = item.unix_offset_ns
            else:
                self._now_ns = item.at_ns
                handler.report(item)

    async def serve(self, host: str, port: int) -> None:
        """Serve the moment that was played to, until the program is told to stop.

        Raises:
            ListenError: The address cannot be listened on.
        """
        await self._telemetry.refresh()
        front = Front(
            self._settings,
            self._pipeline,
            self._telemetry,
            started_ns=self._recording.started_ns,
            clock_ns=lambda: self._now_ns,
            unix_offset_ns=lambda: self._unix_offset_ns,
        )
        async with anyio.create_task_group() as tasks:
            # Who looks leaves no trace in what is looked at.
            there = await tasks.start(partial(serve, host, port, front.routes(), lambda *_: None))
            _say(f"Serving http://{f'[{host}]' if ':' in host else host}:{there}/; Ctrl-C ends it")
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for _ in signals:
                    break
            tasks.cancel_scope.cancel()

    async def exposition(self, form: Format) -> bytes:
        """What a scrape at this moment would have shown."""
        await self._telemetry.refresh()
        body = await self._telemetry.scrape(form, gzip=False)
        return b"".join(body or ())


def _before(items: Iterator[Captured], until_ns: int | None) -> Iterator[Captured]:
    for item in items:
        if until_ns is not None:
            if isinstance(item, list):
                early = [message for message in item if message.arrived_ns <= until_ns]
                if early:
                    yield early
                if len(early) < len(item):
                    return
                continue
            if not isinstance(item, Note) and item.at_ns > until_ns:
                return
        yield item


def replay(
    settings: Settings,
    paths: Sequence[Path],
    until: float | datetime | None,
    form: Format,
    address: tuple[str, int] | None,
) -> int:
    """Play files, and print the exposition at the end, or serve it; the exit code.

    Args:
        settings: What is watched.
        paths: The files.
        until: Seconds after the beginning, or a time; None: all of it.
        form: What is printed.
        address: Where to serve it; None: it is printed.
    """
    try:
        with progress(size_of(paths), "B") as advance:
            made = play_files(settings, paths, until, advance, _say)
    except RecordingError as error:
        _say(f"otel-tickrmeter replay: {error}")
        return 1
    if made.missed:
        _say(f"{made.missed} messages are missing from the capture: they could not be kept in time")
    if address is None:
        sys.stdout.buffer.write(anyio.run(made.exposition, form))
        sys.stdout.buffer.flush()
        return 0
    code = 0
    try:
        anyio.run(made.serve, *address)
    except* ListenError as group:
        _say(f"otel-tickrmeter replay: {group.exceptions[0]}")
        code = 1
    return code


def play_files(
    settings: Settings,
    paths: Sequence[Path],
    until: float | datetime | None,
    advance: OnRead,
    say: Callable[[str], None],
    *,
    through: Through = iter,
) -> Replay:
    """Play files up to a moment; the pipeline then.

    Args:
        settings: What is watched.
        paths: The files.
        until: Seconds after the beginning, or a time; None: all of it.
        advance: Told what was read, in bytes.
        say: Told what is missing, a sentence each.
        through: What lets the items through.

    Raises:
        RecordingError: They cannot be played, or not to their end.
    """
    recording = open_recording(paths, advance, say)
    made = Replay(settings, recording, build_labels())
    made.play(None if until is None else _monotonic(until, recording), through)
    return made


def anonymise(settings: Settings, paths: Sequence[Path], output: Path) -> int:
    """Write files anew, as one capture, names replaced; the exit code."""
    words = frozenset[str]().union(*(fleet.words(settings) for fleet in FLEETS))
    anonymiser = Anonymiser(secrets.token_bytes(16), words)
    try:
        with progress(size_of(paths), "B") as advance:
            recording = open_recording(paths, advance, _say)
            header = Header(secrets.token_hex(5), 0, recording.started_ns, recording.unix_offset_ns)
            write_capture(output, header, map(anonymiser.item, recording.items))
    except RecordingError as error:
        _say(f"otel-tickrmeter replay: {error}")
        return 1
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  the command's own output


def _monotonic(until: float | datetime, recording: Recording) -> int:
    if isinstance(until, datetime):
        return round(until.timestamp() * SECOND_NS) - recording.unix_offset_ns
    return recording.started_ns + round(until * SECOND_NS)
