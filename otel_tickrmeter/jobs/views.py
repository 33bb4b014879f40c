"""What jobs show on the page, which may be seen without a token: no parameters, owners or errors."""

from collections import Counter
from collections.abc import Iterable

from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.state import Outcome, State
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.views.glance import Breakdown, Excerpt, Glance, Trouble
from otel_tickrmeter.views.view import ViewField

_SHOWN = 10
_FIELDS = (
    ViewField("worker", "text", "Its id.", lambda worker: worker.id),
    ViewField("blueprint", "text", "What kind of job it is.", lambda worker: worker.blueprint),
    ViewField("status", "text", "Its state.", lambda worker: worker.state.value),
    ViewField("progress", "share", "Work done of work known, 0 to 1.", lambda worker: worker.ratio),
    ViewField("started_at", "moment", "When it began.", lambda worker: worker.started_at),
    ViewField("ended_at", "moment", "When it ended.", lambda worker: worker.ended_at),
)


def jobs_glance(controller: Controller, now: float) -> Glance:
    """All jobs on one page."""
    workers = list(controller.workers.values())
    states = Counter(worker.state for worker in workers)
    newest_first = sorted(workers, key=lambda worker: (worker.ended, -worker.created_at))
    return Glance(
        "Jobs",
        (
            ("shards", len(controller.shards)),
            ("in progress", states[State.IN_PROGRESS]),
            ("paused", states[State.PAUSED]),
            ("known", len(workers)),
        ),
        (Breakdown("State", tuple((state.value, states[state]) for state in State)),),
        (
            Excerpt(
                "Jobs",
                "Those that have not ended first, the newest of each.",
                _FIELDS,
                tuple(tuple(field.read(worker) for field in _FIELDS) for worker in newest_first[:_SHOWN]),
                bar="progress",
            ),
        ),
        tuple(_troubles(controller, workers, now)),
    )


def _troubles(controller: Controller, workers: list[Worker], now: float) -> Iterable[Trouble]:
    failed = [worker for worker in workers if worker.outcome is Outcome.FAILED]
    if failed:
        named = ", ".join(sorted({worker.blueprint for worker in failed}))
        text = f"{len(failed)} {'job' if len(failed) == 1 else 'jobs'} failed lately ({named})"
        yield Trouble(text, "jobs.md#dagdaworkerfailures")
    for name, shard in controller.shards.items():
        if shard.recovers(now):
            yield Trouble(f"Shard {name} of jobs has just died", "jobs.md#dagdashardrestarting")
