"""`POST /-/reload`: has the settings read again, where that is allowed."""

from collections.abc import Awaitable, Callable, Sequence

from otel_tickrmeter.http.message import HttpRequest, Response, text_response
from otel_tickrmeter.http.routing import Route

PATH = "/-/reload"
_OFF = "reloading over HTTP is off: set prometheus.enable_reload, or send SIGHUP to the process"
_NO_STORE = (("Cache-Control", "no-store"),)


def reload_route(allowed: Callable[[], bool], reload: Callable[[], Awaitable[Sequence[str]]]) -> Route:
    """The route.

    Args:
        allowed: whether anybody who can reach the port may.
        reload: does it; gives what is wrong with the settings, a line for each fault.
    """

    async def serve(_: HttpRequest) -> Response:
        if not allowed():
            return text_response(403, _OFF, _NO_STORE)
        faults = await reload()
        if faults:
            return text_response(500, "\n".join(faults), _NO_STORE)
        return text_response(200, "settings read again", _NO_STORE)

    return Route(PATH, serve, methods=("POST",))
