"""The API of jobs does what its description says, with the real decisions behind it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.http.message import Response
from otel_tickrmeter.jobs.state import Command, OperationStatus
from otel_tickrmeter.web.openapi import describe
from tests.support.deciding_jobs import DecidingJobs
from tests.support.job_desk import ROOT, TOKENS, Desk, text, write_tokens

ROOTS = "roots-token"
TRAVERSAL = (
    *("../x", "/etc/passwd", "a/../../x", "..", ".", "", ".workers.json", "a/.x", "x\0", "~/../x"),
    *("//etc/passwd", "a//../../x", "x/..", "..\\x", "./../x", "./.x"),
)


class Held(Desk):
    """Holds every answer to the description."""

    def __init__(self, directory: Path) -> None:
        self.deciding = DecidingJobs(directory)
        super().__init__(self.deciding, write_tokens(directory / "tokens"))
        self.description = json.loads(json.dumps(describe((), "1", (self.part,))))

    def held(
        self, method: str, path: str, body: bytes | Mapping[str, Any] = b"", token: str | None = ROOTS
    ) -> Response:
        endpoint, response = self.asked(method, path, body, token, {})
        item = self.description["paths"][endpoint]
        if method.lower() not in item:
            assert (response.status, response.content_type) == (405, "text/plain; charset=utf-8")
            return response
        described = item[method.lower()]["responses"][str(response.status)]
        schema = described["content"][response.content_type]["schema"]
        Draft202012Validator(schema).validate(text(response))
        assert described.get("headers", {}).keys() <= dict(response.headers).keys()
        if response.status == 201:
            wanted = item["post"]["requestBody"]["content"]["application/json"]["schema"]
            assert not isinstance(body, Mapping) or Draft202012Validator(wanted).is_valid(body)
        return response

    def made(self, state: str = "idle") -> str:
        """The id of a worker that is in a state, or can be brought there no more."""
        if sum(not worker.ended for worker in self.deciding.controller.workers.values()) > 30:
            for worker in self.deciding.controller.workers.values():
                worker.holds_slot = False
            self.deciding.controller.workers.clear()
        body = {"blueprint": "retention", "start": state != "idle"}
        found = text(self.held("POST", "/workers", body))
        if state == "paused":
            self.held("PUT", f"/workers/{found['id']}/pause")
        return str(found["id"])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Held:
    return Held(tmp_path_factory.mktemp("jobs"))


def operations(desk: Held) -> Iterator[tuple[str, str]]:
    for path, item in desk.description["paths"].items():
        if path.startswith(ROOT):
            yield from ((method.upper(), path.removeprefix(ROOT)) for method in item)


def test_every_route_is_described_and_nothing_else(desk: Held) -> None:
    described = {path for path in desk.description["paths"] if path.startswith(ROOT)}
    assert described == {route.path for route in desk.part.routes}
    assert desk.description["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer"}
    }
    for route in desk.part.routes:
        item = desk.description["paths"][route.path]
        assert {method.upper() for method in item} == {*route.methods} - {"HEAD"}
        assert route.by_token
        for operation in item.values():
            assert operation["security"] == [{"token": []}]
            assert {"400", "401", "403", "503"} <= operation["responses"].keys()
            bodies = [*operation["responses"].values(), *filter(None, [operation.get("requestBody")])]
            for content in (content for each in bodies for content in each["content"].values()):
                Draft202012Validator.check_schema(content["schema"])


def test_every_command_in_every_state_is_answered_as_described(desk: Held) -> None:
    statuses = {}
    for state in ("idle", "in_progress", "paused"):
        for command in Command:
            path = f"/workers/{desk.made(state)}"
            statuses[state, command.value] = desk.held("PUT", f"{path}/{command.value}").status
            desk.held("GET", path)
    allowed = {
        *(("idle", "start"), ("in_progress", "pause"), ("paused", "resume")),
        *((state, "stop") for state in ("idle", "in_progress", "paused")),
    }
    assert statuses == {key: 200 if key in allowed else 409 for key in statuses}
    for path in ("", "/blueprints", "/workers", "/workers?status=idle"):
        assert desk.held("GET", path).status == 200


def test_a_parameter_that_names_a_file_leads_nowhere_else(desk: Held) -> None:
    wanted: tuple[tuple[str, str, Mapping[str, Any], bool], ...] = (
        ("simulate", "output", {"broker": "mqtt://test.example"}, False),
        ("simulate", "password_file", {"broker": "mqtt://test.example", "username": "u"}, False),
        ("replay", "output", {"files": ["x"]}, False),
        ("replay", "files", {"output": "x"}, True),
        ("backfill", "output", {}, False),
    )
    for blueprint, parameter, others, several in wanted:
        for name in TRAVERSAL:
            value = [name] if several else name
            body = {"blueprint": blueprint, "parameters": {**others, parameter: value}}
            fault = "must name a file below the directory of the jobs, no part beginning with a dot"
            response = desk.held("POST", "/workers", body)
            assert response.status == 400, name
            assert text(response)["faults"] == [f"parameters.{parameter}: {fault}"]


def test_a_fault_of_several_parameters_is_said_of_none(desk: Held) -> None:
    given = {"broker": "mqtt://test.example", "devices": 8000, "rate": 1000, "duration": "30s", "fleets": 1}
    alone = desk.held("POST", "/workers", {"blueprint": "simulate", "parameters": given})
    assert text(alone)["faults"] == ["parameters.fleets: there is no such parameter"]
    named = {"blueprint": "retention", "parameters": {"rest: 3": 1, "x": 1}}
    assert text(desk.held("POST", "/workers", named))["faults"] == [
        "parameters.rest: 3: there is no such parameter",
        "parameters.x: there is no such parameter",
    ]
    del given["fleets"]
    together = desk.held("POST", "/workers", {"blueprint": "simulate", "parameters": given})
    (told,) = text(together)["faults"]
    assert told == (
        "parameters: 8000 devices at 1000 messages a second need 16s for their first heartbeats,"
        " and the run should last twice as long: raise duration or rate, or lower devices"
    )
    ours = {**given, "duration": "5m", "password_file": "secret"}
    apart = desk.held("POST", "/workers", {"blueprint": "simulate", "parameters": ours})
    assert text(apart)["faults"] == ["parameters: password_file needs username"]
    window = {"last": "6h", "start": "2026-01-28T00:00:00Z"}
    one = desk.held("POST", "/workers", {"blueprint": "anomaly_scan", "parameters": window})
    assert text(one)["faults"] == ["parameters.last: goes with neither start nor end"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
)
VALUES = st.recursive(
    SCALARS | st.sampled_from([*TRAVERSAL, "1m", "mqtt://x", "restart"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KINDS = {name: [each.name for each in blueprint.parameters] for name, blueprint in blueprints().items()}


@st.composite
def wanted_workers(draw: st.DrawFn) -> Mapping[str, Any]:
    """What nearly asks for a worker."""
    name = draw(st.sampled_from(sorted(KINDS)))
    names = st.sampled_from(KINDS[name]) | st.text(max_size=5)
    body: dict[str, Any] = {"blueprint": name, "parameters": draw(st.dictionaries(names, VALUES, max_size=4))}
    for member in draw(st.sets(st.sampled_from(["blueprint", "parameters", "start", "owner"]), max_size=2)):
        body[member] = draw(VALUES)
    return body


BODIES: st.SearchStrategy[bytes | Mapping[str, Any]] = (
    st.binary(max_size=200)
    | wanted_workers()
    | st.dictionaries(st.text(max_size=9), VALUES, max_size=4)
    | VALUES.map(lambda value: json.dumps(value, allow_nan=True).encode())
)
EMPTY: st.SearchStrategy[bytes | Mapping[str, Any]] = st.sampled_from([b"", {}])
SEGMENTS = st.text(min_size=1, max_size=20).map(lambda name: quote(name, safe="", errors="replace"))


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_whatever_is_asked_the_answer_is_described(desk: Held, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(sorted(operations(desk))))
    method = data.draw(st.sampled_from([method, method, method, "GET", "POST", "PUT", "DELETE", "PATCH"]))
    name = data.draw(st.sampled_from(["made", "made"]) | SEGMENTS)
    if "{id}" in path:
        path = path.replace("{id}", desk.made() if name == "made" else name)
    query = data.draw(
        st.sampled_from(["", "", "?status=idle", "?status=x", "?x", "?status=idle&status=idle"])
    )
    body = data.draw(EMPTY | BODIES if method in {"POST", "PUT"} else st.just(b""))
    token = data.draw(st.sampled_from([*TOKENS, *TOKENS, "nobodys", None]))
    response = desk.held(method, f"{path}{query}", body, token)
    assert response.status != 500
    if token not in TOKENS:
        assert response.status in {401, 405}


def test_what_was_refused_was_counted_as_what_was_asked(tmp_path: Path) -> None:
    desk = Held(tmp_path)
    worker = desk.made()
    for command in Command:
        desk.held("PUT", f"/workers/{worker}/{command.value}", token=None)
        desk.held("PUT", f"/workers/{worker}/{command.value}", token="anns-token")  # noqa: S106  none
        desk.held("PUT", f"/workers/nobody/{command.value}")
    desk.held("POST", "/workers", {"blueprint": "nothing"})
    desk.held("POST", "/workers", {"blueprint": "retention"}, token="nobodys")  # noqa: S106  none
    desk.held("GET", f"/workers/{worker}", token=None)
    counted = desk.deciding.tally.counted
    for command in Command:
        assert counted[f"worker_{command.value}", OperationStatus.UNAUTHORIZED.value] == 2
        assert counted[f"worker_{command.value}", OperationStatus.ERROR.value] == 1
    assert counted["task_created", "success"] == counted["task_created", "error"] == 1
    assert counted["task_created", "unauthorized"] == 1
    assert sum(counted.values()) == 15
