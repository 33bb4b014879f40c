"""What outlasts a restart, of every fleet that has such: taken at one moment, taken back as a whole."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.fleets.dialect import Intake, Memory, Recall
from otel_tickrmeter.fleets.roster import watched_fleets
from otel_tickrmeter.saved.form import Form, Tables
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.saved import SERIES_FORMS, recording_of


class Lasting:
    """The states of fleets, and what was counted of them. What is counted of the program ends with it.

    Args:
        settings: What is watched.
        fleets: The fleets that are, at work.
        telemetry: What they are recorded on.
        only: The names of fleets: of these alone, and nothing of what is counted of them; None: of all.
    """

    def __init__(
        self,
        settings: Settings,
        fleets: Iterable[Intake[Any]],
        telemetry: Telemetry,
        only: Collection[str] | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._memories: list[tuple[Memory, tuple[Instrument, ...]]] = []
        for dialect, fleet in zip(watched_fleets(settings), fleets, strict=True):
            memory = fleet.memory()
            if memory is not None and (only is None or dialect.name in only):
                rows = dialect.rows(settings) if only is None else ()
                recorded = tuple(row for row in rows if row.kind in (Kind.COUNTER, Kind.HISTOGRAM))
                self._memories.append((memory, recorded))

    @property
    def forms(self) -> tuple[Form, ...]:
        """The tables that there may be."""
        return (*SERIES_FORMS, *(form for memory, _ in self._memories for form in memory.forms))

    def take(self) -> Callable[[], Tables]:
        """Copy all of it, in milliseconds; what it returns makes tables of the copies, in any thread."""
        states = [memory.kept() for memory, _ in self._memories]
        names = [row.name for _, rows in self._memories for row in rows]
        recorded = self._telemetry.kept(names)

        def make() -> Tables:
            tables = dict(recorded())
            for state in states:
                tables |= state
            return tables

        return make

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> Callable[[], None]:
        """Make of tables what they were made of; what it returns puts it in place, and cannot fail.

        A fleet of which there is nothing begins anew, as one that was not watched then. Series of what its
        state does not know are left out: nobody would end them.

        Args:
            tables: Those there are, cells of their kinds.
            shift_ns: What the monotonic clock is ahead of the one that the times are of.
            now_ns: When the fleets begin to listen.
            counted: Whether counters and histograms go on from there; else from zero.

        Raises:
            SavedError: They were not made of this.
        """
        recalls: list[Recall] = []
        fleet_of: dict[str, Recall] = {}
        for memory, rows in self._memories:
            if any(form.name in tables for form in memory.forms):
                recall = memory.read(tables, shift_ns, now_ns, counted=counted)
                recalls.append(recall)
                fleet_of |= {row.name: recall for row in rows}
        recording = recording_of(tables, (row for _, rows in self._memories for row in rows))
        owned = tuple(
            series
            for series in (recording.series if counted else ())
            if series.name in fleet_of and fleet_of[series.name].knows(series.attributes)
        )

        def put_in_place() -> None:
            for recall in recalls:
                recall.take_over()
            if owned:
                self._telemetry.recall(replace(recording, series=owned))

        return put_in_place
