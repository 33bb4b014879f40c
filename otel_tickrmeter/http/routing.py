"""From a request target to a route, and to the two labels a request is counted under.

Both labels come from closed lists: a stranger who asks for a thousand paths makes one series.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from otel_tickrmeter.http.message import RouteHandler

UNMATCHED = "unmatched"
"""The `endpoint` label of every path without a route."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Route:
    """A path and its handler; a whole segment `{name}` stands for any non-empty segment.

    `path` as written here, never the path asked for, is the `endpoint` label. What a `large` route sends may
    take megabytes, so only so many of its requests are answered at once. `methods` are those it answers.
    Where it `takes_body`, that of POST, PUT and PATCH is kept for the handler; any other is read and dropped.
    `by_token`: its callers show a token, which the handler looks at. A request has no room for a password
    too, so that of the web configuration is not asked for.
    """

    path: str
    handler: RouteHandler
    large: bool = False
    methods: tuple[str, ...] = ("GET", "HEAD")
    takes_body: bool = False
    by_token: bool = False


class Router:
    """Finds the route of a path; literal segments win over `{name}` ones.

    Raises:
        ValueError: two routes have the same path, or a path does not begin with a slash.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        by_path: dict[str, Route] = {}
        for route in routes:
            if not route.path.startswith("/"):
                raise ValueError(f"the path {route.path!r} must begin with a slash")
            if route.path in by_path:
                raise ValueError(f"the path {route.path!r} is used twice")
            by_path[route.path] = route
        self._routes = sorted(
            ((tuple(path.split("/")), route) for path, route in by_path.items()),
            key=lambda entry: sum(map(_is_parameter, entry[0])),
        )

    def find(self, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route for a path that is still percent-encoded, and its parameters; None without one."""
        # Split before decoding: an encoded slash belongs to its segment (RFC 3986, section 2.2).
        segments = tuple(map(unquote, raw_path.split("/")))
        for template, route in self._routes:
            params = _match(template, segments)
            if params is not None:
                return route, params
        return None


def split_target(target: str) -> tuple[str, str]:
    """The raw path and the query of a request target in origin or absolute form (RFC 9112, section 3.2)."""
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        scheme, found, rest = path.partition("://")
        if found and scheme.lower() in ("http", "https"):
            path = "/" + rest.partition("/")[2]
    return path, query


def method_label(method: str) -> str:
    """The `method` label of a request method."""
    return method if method in _METHODS else "other"


def _is_parameter(segment: str) -> bool:
    return len(segment) > len("{}") and segment[0] == "{" and segment[-1] == "}"


def _match(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    params: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if _is_parameter(expected) and segment:
            params[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return params
