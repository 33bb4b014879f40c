"""From a parsed request to a response: whatever a handler does, there is one."""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

import anyio
import h11
from loguru import logger

from otel_tickrmeter.http.message import HttpRequest, Response, text_response
from otel_tickrmeter.http.routing import UNMATCHED, Router, split_target

_NO_ROOM = text_response(503, "too many scrapes at once", (("Retry-After", "5"),))


async def dispatch(
    router: Router,
    received: h11.Request,
    handler_timeout_seconds: float,
    take_place: Callable[[], Awaitable[bool]],
) -> tuple[str, Response]:
    """The `endpoint` label of a request and its response; raises nothing.

    Before anything large is made, `take_place` says whether there is room for it.
    """
    method = received.method.decode("ascii")
    raw_path, query = split_target(received.target.decode("ascii"))
    found = router.find(raw_path)
    if found is None:
        return UNMATCHED, text_response(404, "not found")
    route, params = found
    headers = _join(received)
    refusal = _refusal(method, headers)
    if refusal is not None:
        return route.path, refusal
    if route.large and method == "GET" and not await take_place():
        return route.path, _NO_ROOM
    request = HttpRequest(method, unquote(raw_path), query, headers, params)
    try:
        with anyio.move_on_after(handler_timeout_seconds):
            return route.path, await route.handler(request)
    except Exception:  # noqa: BLE001  a fault of one handler must not end the server
        logger.exception("The handler of {} failed", route.path)
        return route.path, text_response(500, "internal error; see the log")
    logger.warning("The handler of {} took longer than {} s", route.path, handler_timeout_seconds)
    return route.path, text_response(503, "the answer took too long")


def _refusal(method: str, headers: dict[str, str]) -> Response | None:
    if method not in ("GET", "HEAD"):
        return text_response(405, "only GET and HEAD are allowed", (("Allow", "GET, HEAD"),))
    if headers.get("expect", "100-continue").lower() != "100-continue":
        return text_response(417, "unknown expectation")
    return None


def _join(received: h11.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in received.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
