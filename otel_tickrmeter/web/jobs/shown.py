"""Workers, blueprints and the whole as JSON has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from otel_tickrmeter.jobs.blueprint import Blueprint, Need, Parameter
from otel_tickrmeter.jobs.show import Overview, as_json
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.web.lists import rfc3339

_MOMENTS = ("created_at", "started_at", "ended_at")
_ONLY_ALONE = ("parameters", "summary")
"""What may be long."""


def worker_object(worker: Worker) -> Mapping[str, Any]:
    """All of a worker."""
    told = dict(as_json(worker))
    for name in _MOMENTS:
        told[name] = None if told[name] is None else rfc3339(told[name])
    return told


def worker_list(workers: Sequence[Worker]) -> Mapping[str, Any]:
    """All of them, the newest last, without what they were told and what they have to tell."""
    items = [worker_object(worker) for worker in workers]
    return {
        "total": len(items),
        "items": [{name: value for name, value in item.items() if name not in _ONLY_ALONE} for item in items],
    }


def overview_object(overview: Overview) -> Mapping[str, Any]:
    """How the controller is."""
    shards = [
        {
            "id": name,
            "running": name in overview.running,
            "workers": {state.value: count for state, count in counts.items()},
        }
        for name, counts in overview.workers.items()
    ]
    return {
        "status": overview.status.name.lower(),
        "shards": shards,
        "queue_sizes": {queue.value: size for queue, size in overview.waiting.items()},
    }


def blueprint_list(blueprints: Mapping[str, Blueprint]) -> Mapping[str, Any]:
    """What kinds of jobs there are."""
    items = [
        {
            "name": blueprint.name,
            "meaning": blueprint.meaning,
            "resumable": blueprint.resumable,
            "parameters": [_parameter_object(each) for each in blueprint.parameters],
        }
        for blueprint in blueprints.values()
    ]
    return {"total": len(items), "items": items}


def _parameter_object(parameter: Parameter) -> Mapping[str, Any]:
    required = parameter.default is Need.REQUIRED
    return {
        "name": parameter.name,
        "meaning": parameter.meaning,
        "required": required,
        "default": None if required else parameter.default,
    }
