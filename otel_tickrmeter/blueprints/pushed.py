"""The history of readings pushed with OTLP, to where the exporter pushes its own figures.

The checkpoint says what has arrived; after a kill the piece that was on its way is sent once more, the same.
"""

import socket
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from otel_tickrmeter.blueprints.database import count_window, database_of, rest, sensors_of_window
from otel_tickrmeter.blueprints.settings import settings_of
from otel_tickrmeter.jobs.blueprint import Work

if TYPE_CHECKING:
    from otel_tickrmeter.store.export import GaugeOf, Piece
    from otel_tickrmeter.telemetry.past import PastPush

_RESTS_SECONDS = (1.0, 2.0, 4.0, 8.0)
"""Before what has not arrived is sent again."""


def push_history(parameters: Mapping[str, Any], work: Work, gauge_of: "GaugeOf") -> Mapping[str, Any]:
    """Push what is meant as the gauges that are named, and give the summary.

    Raises:
        SettingsError: The settings of the exporter are at fault by now.
        ValueError: It has no receiver, or that does not take it.
        DatabaseError: The database is at fault.
    """
    from otel_tickrmeter.store.export import Place, pieces_of
    from otel_tickrmeter.telemetry.past import PastPush
    from otel_tickrmeter.telemetry.target import make_resource

    otlp = settings_of(work.surroundings).otlp
    if not otlp.enabled and otlp.endpoint is None:
        raise ValueError("the exporter has no OTLP receiver: otlp.endpoint is not set")
    mark = work.resumed_at or {"rows": 0, "samples": 0, "total": None, "place": None}
    resource = make_resource(socket.gethostname())
    with database_of(work) as database, PastPush(otlp, resource) as push:
        sensors = sensors_of_window(database, parameters)
        rows, samples, total = mark["rows"], mark["samples"], mark["total"]
        if total is None:
            total = count_window(database, sensors, parameters, work)
        work.report(rows, total)
        bounds = (parameters["start"], parameters["end"])
        after = None if mark["place"] is None else Place(**mark["place"])
        for piece in pieces_of(database, sensors, *bounds, gauge_of, after=after):
            _send(piece, push, work)
            rows += piece.readings
            samples += len(piece.samples)
            total = max(total, rows)  # some have come since they were counted
            work.report(rows, total)
            work.checkpoint({"rows": rows, "samples": samples, "total": total, "place": asdict(piece.place)})
    return {"samples": samples, "rows": rows}


def _send(piece: "Piece", push: "PastPush", work: Work) -> None:
    if not piece.samples:
        return
    for seconds in (*_RESTS_SECONDS, None):
        why = push.push(piece.gauge, piece.labels, piece.samples)
        if why is None:
            return
        if seconds is None:
            raise ValueError(f"the OTLP receiver does not take it: {why}")
        rest(work, seconds)
