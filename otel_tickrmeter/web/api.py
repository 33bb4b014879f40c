"""The JSON interface, `/api/v1/`: every answer bounded; what is not of a part with tokens only reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.views.glance import Glance
from otel_tickrmeter.views.view import View
from otel_tickrmeter.web.events import EventStream
from otel_tickrmeter.web.glances import glance_object
from otel_tickrmeter.web.lists import page_of, thing_of
from otel_tickrmeter.web.openapi import ApiPart, describe
from otel_tickrmeter.web.query import ParameterError, read_query, refuse_parameters
from otel_tickrmeter.web.status import StatusReport, status_object

API_PATH = "/api/v1"
API_HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def api_routes(
    views: Sequence[View],
    status: Callable[[], StatusReport],
    glances: Callable[[], Sequence[Glance]],
    version: str,
    parts: Sequence[ApiPart] = (),
) -> list[Route]:
    """The routes of the interface.

    Args:
        views: The lists.
        status: Says how the exporter is.
        glances: Gives every fleet at a glance.
        version: The program's.
        parts: What is there besides.
    """
    description = as_json(describe(views, version, parts))

    async def serve_description(request: HttpRequest) -> Response:
        return _answer(request, lambda: description)

    async def serve_status(request: HttpRequest) -> Response:
        return _answer(request, lambda: as_json(status_object(status())))

    def told() -> bytes:
        return as_json(glance_object(status(), glances()))

    async def serve_glance(request: HttpRequest) -> Response:
        return _answer(request, told)

    busy = problem(503, "Too many listeners", "There is no place for another.")
    events = EventStream(told, with_headers(busy, (("Retry-After", "10"),)))

    async def serve_events(request: HttpRequest) -> Response:
        try:
            refuse_parameters(request.query)
        except ParameterError as error:
            return refusal(error)
        return await events.serve(request)

    routes = [
        Route(f"{API_PATH}/glance", serve_glance),
        Route(f"{API_PATH}/events", serve_events),
        Route(f"{API_PATH}/openapi.json", serve_description),
        Route(f"{API_PATH}/status", serve_status),
    ]
    for view in views:
        routes.append(_list_route(view))
        if view.find is not None:
            routes.append(_thing_route(view))
    routes += [route for part in parts for route in part.routes]
    return routes


def as_json(value: object) -> bytes:
    """A JSON text with a line end."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def problem(status: int, title: str, detail: str, **more: str | Sequence[str]) -> Response:
    """An answer that says what is wrong (RFC 9457)."""
    body: Mapping[str, Any] = {"title": title, "status": status, "detail": detail, **more}
    return Response(status, "application/problem+json", as_json(body), API_HEADERS)


def _answer(request: HttpRequest, make: Callable[[], bytes | None]) -> Response:
    try:
        refuse_parameters(request.query)
    except ParameterError as error:
        return refusal(error)
    made = make()
    if made is None:
        return problem(404, "Not found", "There is no such thing.")
    return Response(200, "application/json", made, API_HEADERS)


def with_headers(response: Response, headers: tuple[tuple[str, str], ...]) -> Response:
    """The same with more headers."""
    return replace(response, headers=(*response.headers, *headers))


def refusal(error: ParameterError) -> Response:
    """The answer to a parameter that cannot be used."""
    return problem(
        400, "Bad parameter", f"The parameter {error.parameter!r} {error}.", parameter=error.parameter
    )


def _list_route(view: View) -> Route:
    async def serve(request: HttpRequest) -> Response:
        try:
            query = read_query(request.query, view)
        except ParameterError as error:
            return refusal(error)
        return Response(200, "application/json", as_json(page_of(view, query)), API_HEADERS)

    return Route(f"{API_PATH}/{view.path}", serve)


def _thing_route(view: View) -> Route:
    def find(request: HttpRequest) -> bytes | None:
        found = thing_of(view, request.params["id"])
        return None if found is None else as_json(found)

    async def serve(request: HttpRequest) -> Response:
        return _answer(request, lambda: find(request))

    return Route(f"{API_PATH}/{view.path}/{{id}}", serve)
