"""What the page shows, as JSON: the status, and each fleet at a glance."""

from collections.abc import Mapping, Sequence
from typing import Any

from otel_tickrmeter.views.glance import Course, Excerpt, Glance
from otel_tickrmeter.views.view import ViewField
from otel_tickrmeter.web.lists import shown
from otel_tickrmeter.web.status import StatusReport, status_object


def glance_object(status: StatusReport, fleets: Sequence[Glance]) -> Mapping[str, Any]:
    """All of it, as JSON has it."""
    return {"status": status_object(status), "fleets": [_fleet(fleet) for fleet in fleets]}


def _fleet(fleet: Glance) -> Mapping[str, Any]:
    return {
        "title": fleet.title,
        "figures": list(fleet.figures),
        "breakdowns": [{"title": each.title, "counts": list(each.counts)} for each in fleet.breakdowns],
        "excerpts": [_excerpt(each) for each in fleet.excerpts],
    }


def _excerpt(excerpt: Excerpt) -> Mapping[str, Any]:
    fields = excerpt.fields
    return {
        "title": excerpt.title,
        "meaning": excerpt.meaning,
        "bar": excerpt.bar,
        "course": None if excerpt.course is None else _course(excerpt.course),
        "fields": _fields(fields),
        "rows": [
            [shown(field, value) for field, value in zip(fields, row, strict=True)] for row in excerpt.rows
        ],
    }


def _course(course: Course) -> Mapping[str, Any]:
    return {
        "title": course.title,
        "path": course.path,
        "part": course.part,
        "fields": _fields(course.fields),
        "span_seconds": course.span_seconds,
        "step_seconds": course.step_seconds,
        "line": course.line,
        "share": course.share,
    }


def _fields(fields: Sequence[ViewField]) -> list[Mapping[str, str]]:
    return [{"name": each.name, "kind": each.kind, "meaning": each.meaning} for each in fields]
