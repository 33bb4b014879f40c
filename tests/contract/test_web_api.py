"""The JSON interface does what its description says, whatever is asked of it and whatever devices sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from otel_tickrmeter.fleets.tickrmeter.views import FleetViews as TickrMeterViews
from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route, Router, split_target
from otel_tickrmeter.views.glance import Trouble
from otel_tickrmeter.web.api import api_routes
from otel_tickrmeter.web.openapi import ApiPart
from otel_tickrmeter.web.pages import HealthReport
from otel_tickrmeter.web.status import SetAsideNote, StatusReport
from tests.support import autocore
from tests.support.exporter import Exporter
from tests.support.wire import A, answer, request, status

HOSTILE = "<script>"
EVENTS = "/api/v1/events"
HEALTH = HealthReport("degraded", False, 1_700_000_000.25, 12, 3, 90.1, 0.5, {"receive": 7}, "5")  # noqa: FBT003  a field
REPORT = StatusReport(
    health=HEALTH,
    title="otel-tickrmeter",
    version="1",
    broker="mqtt://broker:1883",
    not_ready_reason=HOSTILE,
    connected_since=None,
    disconnected_since=1_700_000_000.0,
    messages_per_second=1.5,
    errors_per_second=None,
    fleets=("tickrmeter", "autocore"),
    partition=1,
    partitions=4,
    troubles=(Trouble(HOSTILE, "exporter.md#tickrmetermqttdisconnected"),),
    set_aside=(SetAsideNote(1.0, "stock_request", "bad_json", HOSTILE, "'t'", "'p'", 2),),
)


def routes(parts: Sequence[ApiPart] = ()) -> list[Route]:
    """Those of both fleets, with some state, and of what is there besides."""
    exporter = Exporter()
    for number in range(30):
        symbol = HOSTILE if not number else f"S{number}"
        at_ns = number * 7
        exporter.deliver(
            request(at_ns, A, symbol),
            answer(at_ns + 5, A, symbol),
            status(at_ns + 6, f"{number:012X}", battery=number, charging=number % 2, fw=HOSTILE),
        )
    driver = autocore.Driver()
    driver.online(0, "board-1", firmware_version=HOSTILE, name=HOSTILE)
    driver.publish(1, "autocore/board-1/relay/3/status", {"state": True, "triggered_by": "manual"})
    driver.telemetry(2, "board-1", temperature=21.5, uptime=5)
    driver.online(3, "board-2", status="offline")
    tickers, boards = TickrMeterViews(exporter.fleet, 1, lambda: 0), driver.intake
    views = (*tickers.views(), *boards.views())
    return api_routes(views, lambda: REPORT, lambda: (tickers.glance(), boards.glance()), "1", parts)


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(routes())


@pytest.fixture(scope="module")
def description(router: Router) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body(ask(router, "/api/v1/openapi.json")))
    return found


def ask(router: Router, target: str) -> Response:
    path, query = split_target(target)
    found = router.find(path)
    assert found is not None, target
    route, params = found

    async def answered() -> Response:
        return await route.handler(HttpRequest("GET", path, query, {}, params))

    return anyio.run(answered)


def body(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def held(description: Mapping[str, Any], path: str, response: Response) -> Any:  # noqa: ANN401  whatever is in it
    """Hold an answer to what the description has for it; returns what is in it."""
    described = description["paths"][path]["get"]["responses"][str(response.status)]
    schema = described["content"][response.content_type]["schema"]
    found = json.loads(body(response))
    Draft202012Validator(schema).validate(found)
    return found


def single(path: str) -> Iterator[str]:
    known = {"/api/v1/devices": (A, f"{0:012X}"), "/api/v1/symbols": ("S1", quote(HOSTILE, safe=""))}
    yield from (*known.get(path.removesuffix("/{id}"), ("board-1",)), "nobody")


def test_every_path_is_described_and_every_description_has_a_path(
    router: Router, description: dict[str, Any]
) -> None:
    assert set(description["paths"]) == {route.path for route in routes()}
    assert description["openapi"].startswith("3.1.")
    for path in description["paths"]:
        assert router.find(path.replace("{id}", "x")) is not None
        for answers in description["paths"][path]["get"]["responses"].values():
            for content in answers["content"].values():
                Draft202012Validator.check_schema(content["schema"])


def test_every_answer_is_as_described(router: Router, description: dict[str, Any]) -> None:
    for path in description["paths"].keys() - {EVENTS}:
        if not path.endswith("{id}"):
            assert held(description, path, ask(router, path))
            continue
        statuses = []
        for key in single(path):
            response = ask(router, path.replace("{id}", key))
            held(description, path, response)
            statuses.append(response.status)
        assert set(statuses) == {200, 404}


def test_every_parameter_of_a_list_works_as_described(router: Router, description: dict[str, Any]) -> None:
    for path, item in description["paths"].items():
        for parameter in item["get"]["parameters"]:
            if parameter["in"] == "query":
                schema = parameter["schema"]
                values = schema.get("enum", {"boolean": ["true", "false"]}.get(schema["type"], []))
                values = values or [str(schema[end]) for end in ("minimum", "maximum") if end in schema]
                for value in values or ["x"]:
                    response = ask(router, f"{path}?{parameter['name']}={quote(value)}")
                    assert response.status == 200
                    held(description, path, response)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_is_asked_the_answer_is_described(
    router: Router, description: dict[str, Any], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(description["paths"].keys() - {EVENTS})))
    known = [
        each["name"] for each in description["paths"][path]["get"]["parameters"] if each["in"] == "query"
    ]
    names = st.one_of(st.sampled_from([*known, "x"]), st.text(max_size=5))
    values = st.one_of(st.integers().map(str), st.sampled_from(["true", "-score", ""]), st.text(max_size=9))
    pairs = data.draw(st.lists(st.tuples(names, values), max_size=4))
    key = quote(data.draw(st.text(min_size=1, max_size=9)), safe="") if path.endswith("{id}") else ""
    response = ask(router, f"{path.replace('{id}', key)}?{urlencode(pairs, errors='replace')}")
    found = held(description, path, response)
    if response.status == 400:
        assert found["parameter"] in {name for name, _ in pairs}
    else:
        assert {name for name, _ in pairs} <= set(known)


def test_events_take_no_parameters_either(router: Router, description: dict[str, Any]) -> None:
    assert held(description, EVENTS, ask(router, f"{EVENTS}?since=1"))["parameter"] == "since"


def test_a_glance_has_every_fleet(router: Router) -> None:
    told = json.loads(body(ask(router, "/api/v1/glance")))
    assert [fleet["title"] for fleet in told["fleets"]] == ["TickrMeter", "AutoCore"]
    assert told["fleets"][0]["excerpts"][0]["rows"]
    assert told["fleets"][0]["excerpts"][0]["course"]["path"] == "symbols"
    assert told["fleets"][1]["excerpts"][0]["course"] is None
    assert told["status"]["not_ready_reason"] == HOSTILE


def test_what_publishers_wrote_stays_text(router: Router) -> None:
    (first,) = json.loads(body(ask(router, "/api/v1/symbols?sort=symbol&limit=1")))["items"]
    assert first["symbol"] == HOSTILE
    board = json.loads(body(ask(router, "/api/v1/autocore/devices/board-1")))
    assert (board["name"], board["firmware_version"]) == (HOSTILE, HOSTILE)
    for target in ("/api/v1/symbols", "/api/v1/devices", "/api/v1/devices?<script>=1"):
        response = ask(router, target)
        assert response.content_type in ("application/json", "application/problem+json")
        assert ("X-Content-Type-Options", "nosniff") in response.headers


def test_a_page_is_never_larger_than_the_bound(router: Router) -> None:
    page = json.loads(body(ask(router, "/api/v1/devices?limit=20&offset=5&sort=-battery_percent")))
    assert (len(page["items"]), page["total"]) == (20, 31)
    assert [item["battery_percent"] for item in page["items"]] == list(range(24, 4, -1))
    assert ask(router, "/api/v1/devices?limit=501").status == 400
