"""What is served where. Everything served comes in as a narrow callable; nothing is read from elsewhere."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from otel_tickrmeter.http.message import HttpRequest, Response, ResponseBody, text_response
from otel_tickrmeter.http.negotiate import (
    OPENMETRICS_CONTENT_TYPE,
    TEXT_CONTENT_TYPE,
    Format,
    accepts_gzip,
    choose_format,
)
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.web.assets import read_assets
from otel_tickrmeter.web.pages import (
    HealthReport,
    LandingState,
    MonitorHealth,
    health_json,
    landing_page,
    monitor_json,
)

ExpositionSource = Callable[[Format, bool], Awaitable[ResponseBody]]
"""Gives the exposition in a format, compressed with gzip when the second argument is true.

Raises ExpositionUnavailableError while there is none.
"""

_NO_MONITORS: Mapping[str, Callable[[], MonitorHealth]] = MappingProxyType({})
_NO_STORE = (("Cache-Control", "no-store"),)


class ExpositionUnavailableError(Exception):
    """There is no exposition to serve; the message says why and is shown to the scraper."""


def build_routes(
    *,
    metrics_path: str,
    exposition: ExpositionSource,
    not_ready_reason: Callable[[], str | None],
    health: Callable[[], HealthReport],
    landing: Callable[[], LandingState],
    monitors: Mapping[str, Callable[[], MonitorHealth]] = _NO_MONITORS,
) -> tuple[Route, ...]:
    """The routes of the exporter.

    Args:
        metrics_path: where the exposition is served; `/` takes the landing page's place.
        exposition: gives the exposition.
        not_ready_reason: None when ready to be scraped, else why not.
        health: gives the figures of `/health`.
        landing: gives the content of the landing page.
        monitors: gives the health of fleets that have a check of their own, by its path.
    """

    async def serve_metrics(request: HttpRequest) -> Response:
        chosen = choose_format(request.headers.get("accept"))
        gzip = accepts_gzip(request.headers.get("accept-encoding"))
        headers: tuple[tuple[str, str], ...] = (*_NO_STORE, ("Vary", "Accept-Encoding, Accept"))
        try:
            body = await exposition(chosen, gzip)
        except ExpositionUnavailableError as reason:
            return text_response(503, str(reason), headers)
        if gzip:
            headers = (*headers, ("Content-Encoding", "gzip"))
        content_type = OPENMETRICS_CONTENT_TYPE if chosen == "openmetrics" else TEXT_CONTENT_TYPE
        return Response(200, content_type, body, headers)

    async def serve_healthy(_: HttpRequest) -> Response:
        return text_response(200, "healthy", _NO_STORE)

    async def serve_ready(_: HttpRequest) -> Response:
        reason = not_ready_reason()
        if reason is None:
            return text_response(200, "ready", _NO_STORE)
        return text_response(503, f"not ready: {reason}", _NO_STORE)

    async def serve_health(_: HttpRequest) -> Response:
        return Response(200, "application/json", health_json(health()), _NO_STORE)

    assets = read_assets()
    page_headers = (
        *_NO_STORE,
        ("Content-Security-Policy", assets.policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    )

    async def serve_landing(_: HttpRequest) -> Response:
        return Response(200, "text/html; charset=utf-8", landing_page(landing(), assets), page_headers)

    routes = [
        Route(metrics_path, serve_metrics, large=True),
        Route("/-/healthy", serve_healthy),
        Route("/-/ready", serve_ready),
        Route("/health", serve_health),
        *(_monitor(path, report) for path, report in monitors.items()),
    ]
    if metrics_path != "/":
        routes.append(Route("/", serve_landing))
    return tuple(routes)


def _monitor(path: str, report: Callable[[], MonitorHealth]) -> Route:
    async def serve(_: HttpRequest) -> Response:
        health = report()
        # What asks is often `curl -f`, which looks at the status alone.
        status = 200 if health.broker_connected else 503
        return Response(status, "application/json", monitor_json(health), _NO_STORE)

    return Route(path, serve)
