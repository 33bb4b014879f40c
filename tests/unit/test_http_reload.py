"""`/-/reload`: whom it obeys, and what it answers."""

from collections.abc import Sequence

import anyio
import h11
import pytest

from otel_tickrmeter.http.dispatch import dispatch
from otel_tickrmeter.http.message import Response
from otel_tickrmeter.http.routing import Router
from otel_tickrmeter.web.reload import reload_route


class Reloads:
    """Counts them; `faults` is what is wrong each time."""

    def __init__(self, *faults: str, allowed: bool = True) -> None:
        self.count = 0
        self._faults = faults
        self._allowed = allowed

    def ask(self, method: str = "POST") -> Response:
        router = Router([reload_route(lambda: self._allowed, self._reload)])
        request = h11.Request(method=method, target="/-/reload", headers=[("Host", "x")])

        async def answer() -> tuple[str, Response]:
            return await dispatch(router, request, 30.0, self._no_place)

        endpoint, response = anyio.run(answer)
        assert endpoint == "/-/reload"
        return response

    async def _reload(self) -> Sequence[str]:
        self.count += 1
        return self._faults

    async def _no_place(self) -> bool:
        raise NotImplementedError


def test_it_answers_when_it_is_done() -> None:
    reloads = Reloads()
    response = reloads.ask()
    assert (response.status, response.body, reloads.count) == (200, b"settings read again\n", 1)


def test_every_fault_is_a_line() -> None:
    response = Reloads("a.toml:1: x: unknown", "a.toml:2: y: unknown").ask()
    assert (response.status, response.body) == (500, b"a.toml:1: x: unknown\na.toml:2: y: unknown\n")


def test_while_it_is_off_nothing_is_done() -> None:
    reloads = Reloads(allowed=False)
    response = reloads.ask()
    assert (response.status, reloads.count) == (403, 0)
    assert isinstance(response.body, bytes)
    assert b"prometheus.enable_reload" in response.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_a_page_or_a_link_does_not_do_it(method: str) -> None:
    reloads = Reloads()
    response = reloads.ask(method)
    assert (response.status, response.headers, reloads.count) == (405, (("Allow", "POST"),), 0)
    assert response.body == b"only POST is allowed\n"
