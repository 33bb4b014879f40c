"""From a parsed request to a response: whatever a handler does, there is one."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import anyio
import h11
from loguru import logger

from otel_tickrmeter.http.message import HttpRequest, Response, text_response
from otel_tickrmeter.http.routing import UNMATCHED, Router, split_target

if TYPE_CHECKING:  # OpenSSL's libraries are loaded by who asks for TLS only
    from otel_tickrmeter.http.protect.protection import Protection

# Those whose content means something (RFC 9110, section 9.3).
_BODY_METHODS = frozenset({b"POST", b"PUT", b"PATCH"})
_TOO_BUSY = text_response(503, "too many passwords to check", (("Retry-After", "5"),))
_NO_ROOM = text_response(503, "too many scrapes at once", (("Retry-After", "5"),))


async def dispatch(
    router: Router,
    received: h11.Request,
    handler_timeout_seconds: float,
    take_place: Callable[[], Awaitable[bool]],
    *,
    body: bytes = b"",
    private: Callable[[], bool] = lambda: False,
) -> tuple[str, Response]:
    """The `endpoint` label of a request and its response; raises nothing.

    Before anything large is made, `take_place` says whether there is room for it. `private` says whether
    nobody on the network can have read the request.
    """
    method, raw_path, query = _asked(received)
    found = router.find(raw_path)
    if found is None:
        return UNMATCHED, text_response(404, "not found")
    route, params = found
    headers = _join(received)
    refusal = _refusal(method, headers, route.methods)
    if refusal is not None:
        return route.path, refusal
    if route.large and method == "GET" and not await take_place():
        return route.path, _NO_ROOM
    unread = route.by_token and private()
    request = HttpRequest(method, unquote(raw_path), query, headers, params, body, unread)
    try:
        with anyio.move_on_after(handler_timeout_seconds):
            return route.path, await route.handler(request)
    except Exception:  # noqa: BLE001  a fault of one handler must not end the server
        logger.exception("The handler of {} failed", route.path)
        return route.path, text_response(500, "internal error; see the log")
    logger.warning("The handler of {} took longer than {} s", route.path, handler_timeout_seconds)
    return route.path, text_response(503, "the answer took too long")


async def dispatch_guarded(
    router: Router,
    received: h11.Request,
    handler_timeout_seconds: float,
    take_place: Callable[[], Awaitable[bool]],
    protection: "Protection",
    *,
    body: bytes = b"",
    private: Callable[[], bool] = lambda: False,
) -> tuple[str, Response]:
    """The same, once `protection` has let the request in: who may not ask learns not even what there is."""
    found = router.find(_asked(received)[1])
    endpoint = UNMATCHED if found is None else found[0].path
    by_token = found is not None and found[0].by_token
    authorization = next((value for name, value in received.headers if name == b"authorization"), None)
    try:
        with anyio.fail_after(handler_timeout_seconds):
            verdict = await protection.admit(authorization, password=not by_token)
    except TimeoutError:
        return endpoint, _TOO_BUSY
    if verdict.refusal is not None:
        return endpoint, verdict.refusal
    endpoint, response = await dispatch(
        router, received, handler_timeout_seconds, take_place, body=body, private=private
    )
    # What a page says of itself wins: the toolkit has it so.
    said = {name for name, _ in response.headers}
    more = tuple(header for header in verdict.headers if header[0] not in said)
    return endpoint, replace(response, headers=(*response.headers, *more))


def endpoint_of(router: Router, received: h11.Request) -> str:
    """The `endpoint` label of a request."""
    found = router.find(_asked(received)[1])
    return UNMATCHED if found is None else found[0].path


def keeps_body(router: Router, received: h11.Request) -> bool:
    """Whether somebody wants its body."""
    if received.method not in _BODY_METHODS:  # a scrape has nothing to do with it
        return False
    method, raw_path, _ = _asked(received)
    found = router.find(raw_path)
    return found is not None and found[0].takes_body and method in found[0].methods


def _asked(received: h11.Request) -> tuple[str, str, str]:
    """Its method, raw path and query."""
    return (received.method.decode("ascii"), *split_target(received.target.decode("ascii")))


def _refusal(method: str, headers: dict[str, str], allowed: tuple[str, ...]) -> Response | None:
    if method not in allowed:
        are = "are" if len(allowed) > 1 else "is"
        text = f"only {' and '.join(allowed)} {are} allowed"
        return text_response(405, text, (("Allow", ", ".join(allowed)),))
    if headers.get("expect", "100-continue").lower() != "100-continue":
        return text_response(417, "unknown expectation")
    return None


def _join(received: h11.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in received.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
