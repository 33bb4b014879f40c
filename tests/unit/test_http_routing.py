import pytest

from otel_tickrmeter.http.message import HttpRequest, Response, text_response
from otel_tickrmeter.http.routing import Route, Router, method_label, split_target


async def handler(_: HttpRequest) -> Response:
    return text_response(200, "ok")


ROUTER = Router(
    Route(path, handler)
    for path in (
        "/api/v1/devices/{id}",
        "/api/v1/devices/all",
        "/api/v1/devices",
        "/metrics",
        "/",
        "/a/{x}/b/{y}",
    )
)


@pytest.mark.parametrize(
    ("path", "template", "params"),
    [
        ("/", "/", {}),
        ("/metrics", "/metrics", {}),
        ("/%6Detrics", "/metrics", {}),
        ("/api/v1/devices", "/api/v1/devices", {}),
        ("/api/v1/devices/08A6F792DD5C", "/api/v1/devices/{id}", {"id": "08A6F792DD5C"}),
        ("/api/v1/devices/all", "/api/v1/devices/all", {}),
        ("/api/v1/devices/a%2Fb", "/api/v1/devices/{id}", {"id": "a/b"}),
        ("/api/v1/devices/%ff", "/api/v1/devices/{id}", {"id": "\ufffd"}),
        ("/a/1/b/2", "/a/{x}/b/{y}", {"x": "1", "y": "2"}),
    ],
)
def test_a_path_finds_its_route(path: str, template: str, params: dict[str, str]) -> None:
    found = ROUTER.find(path)
    assert found is not None
    assert (found[0].path, found[1]) == (template, params)


@pytest.mark.parametrize(
    "path", ["", "*", "/metrics/", "/Metrics", "//", "/%2Fmetrics", "/api/v1/devices/", "/api/v1/devices/a/b"]
)
def test_any_other_path_finds_none(path: str) -> None:
    assert ROUTER.find(path) is None


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/metrics", "/metrics", ""),
        ("/metrics?a=1&b=?", "/metrics", "a=1&b=?"),
        ("http://host:9464/metrics?x", "/metrics", "x"),
        ("HTTP://host", "/", ""),
        ("http://[", "/", ""),
        ("host:443", "host:443", ""),
        ("*", "*", ""),
        ("ftp://host/metrics", "ftp://host/metrics", ""),
    ],
)
def test_targets(target: str, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


def test_methods_come_from_a_closed_list() -> None:
    assert [method_label(method) for method in ("GET", "HEAD", "get", "BREW", "")] == [
        "GET",
        "HEAD",
        "other",
        "other",
        "other",
    ]


@pytest.mark.parametrize("paths", [("/a", "/a"), ("metrics",), ("",)])
def test_routes_that_cannot_be_served_are_refused(paths: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="the path"):
        Router(Route(path, handler) for path in paths)
