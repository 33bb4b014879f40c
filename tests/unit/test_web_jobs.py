"""The interface of jobs: every status, what is asked of the controller, and what is counted if it is not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.http.message import Response
from otel_tickrmeter.jobs.asked import ChangeWorker, Create, JobRefused, Reason, Show, ShowAll, ShowStatus
from otel_tickrmeter.jobs.state import Command, Outcome, State
from tests.support.job_desk import ANN, ID, ROOT, ROOT_USER, Desk, ScriptedJobs, text, worker, write_tokens

ROOTS = "roots-token"
WORKER = f"/workers/{ID}"
EVERYTHING: Sequence[tuple[str, str]] = (
    ("GET", ""),
    ("HEAD", ""),
    ("GET", "/blueprints"),
    ("GET", "/workers"),
    ("GET", WORKER),
    ("POST", "/workers"),
    *(("PUT", f"{WORKER}/{command.value}") for command in Command),
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(ScriptedJobs(), write_tokens(tmp_path / "tokens"))


def header(response: Response, name: str) -> str:
    (found,) = (value for key, value in response.headers if key == name)
    return found


def counted(desk: Desk) -> dict[tuple[str, str], int]:
    return dict(desk.jobs.told())


def test_how_it_is(desk: Desk) -> None:
    assert text(desk.ask("GET")) == {
        "status": "running",
        "shards": [
            {
                "id": "0",
                "running": True,
                "workers": {"idle": 0, "in_progress": 0, "completed": 0, "paused": 2, "stopped": 0},
            },
            {
                "id": "3",
                "running": False,
                "workers": {"idle": 1, "in_progress": 1, "completed": 1, "paused": 1, "stopped": 1},
            },
        ],
        "queue_sizes": {"dagda_inbox": 7, "worker_inbox": 0},
    }
    assert desk.jobs.asked == [ShowStatus()]


def test_what_kinds_there_are(desk: Desk) -> None:
    found = text(desk.ask("GET", "/blueprints"))
    assert [item["name"] for item in found["items"]] == [
        *("simulate", "fault", "replay", "backfill", "retention", "anomaly_scan")
    ]
    assert found["total"] == 6
    (rest,) = found["items"][4]["parameters"]
    assert rest == {
        "name": "rest",
        "meaning": "after a step it rests so many times as long",
        "required": False,
        "default": 1,
    }
    assert found["items"][0]["parameters"][0]["required"] is True


def test_a_worker_is_made(desk: Desk) -> None:
    desk.jobs.answer = worker()
    response = desk.ask(
        "POST", "/workers", {"blueprint": "retention", "parameters": {"rest": 3}, "start": True}
    )
    assert response.status == 201
    assert header(response, "Location") == f"{ROOT}{WORKER}"
    assert header(response, "Cache-Control") == "no-store"
    assert text(response) == {
        "id": ID,
        "blueprint": "retention",
        "status": "idle",
        "progress": {"current": 0, "total": 0, "ratio": 0.0},
        "owner": "ann",
        "shard": "0",
        "parameters": {"rest": 3},
        "ticks": 0,
        "created_at": "2023-11-14T22:13:20.250Z",
        "started_at": None,
        "ended_at": None,
        "outcome": None,
        "error": None,
        "summary": None,
    }
    assert desk.jobs.asked == [Create(ANN, "retention", {"rest": 3}, start=True)]
    assert desk.ask("POST", "/workers", {"blueprint": "retention"}).status == 201
    assert desk.jobs.asked[1] == Create(ANN, "retention", {}, start=False)
    assert counted(desk) == {}


def test_workers_are_listed(desk: Desk) -> None:
    ended = worker(id="2", state=State.COMPLETED, outcome=Outcome.COMPLETED, summary={"x": 1}, ended_at=1.0)
    desk.jobs.answer = [worker(), ended]
    found = text(desk.ask("GET", "/workers", token=ROOTS))
    assert [item["id"] for item in found["items"]] == [ID, "2"]
    assert found["total"] == 2
    assert not {"parameters", "summary"} & found["items"][1].keys()
    assert found["items"][1]["ended_at"] == "1970-01-01T00:00:01.000Z"
    for state in State:
        assert desk.ask("GET", f"/workers?status={state.value}").status == 200
    assert desk.jobs.asked == [ShowAll(ROOT_USER, None), *(ShowAll(ANN, state) for state in State)]


def test_one_is_shown_and_changed(desk: Desk) -> None:
    desk.jobs.answer = worker(state=State.PAUSED, current=1, total=4)
    assert text(desk.ask("GET", WORKER))["progress"]["ratio"] == 0.25
    for command in Command:
        bodies: tuple[bytes | Mapping[str, Any], ...] = (b"", {})
        for body in bodies:
            assert text(desk.ask("PUT", f"{WORKER}/{command.value}", body))["status"] == "paused"
    changes = [ChangeWorker(ANN, ID, command) for command in Command for _ in range(2)]
    assert desk.jobs.asked == [Show(ANN, ID), *changes]


@pytest.mark.parametrize(
    ("reason", "status", "title"),
    [
        (Reason.FAULTY, 400, "Bad request"),
        (Reason.FORBIDDEN, 403, "Forbidden"),
        (Reason.UNKNOWN, 404, "Not found"),
        (Reason.CONFLICT, 409, "Conflict"),
        (Reason.FULL, 503, "Busy"),
    ],
)
def test_what_the_controller_refuses(desk: Desk, reason: Reason, status: int, title: str) -> None:
    desk.jobs.answer = JobRefused(reason, "it cannot be")
    for method, path in EVERYTHING:
        if path != "/blueprints":
            response = desk.ask(method, path, {"blueprint": "retention"} if method == "POST" else b"")
            assert response.status == status
            assert text(response) == {"title": title, "status": status, "detail": "it cannot be."}
            assert response.content_type == "application/problem+json"
            assert ("Retry-After" in dict(response.headers)) == (status == 503)
    # It has counted that itself.
    assert counted(desk) == {}


@pytest.mark.parametrize(
    ("token", "challenge"),
    [
        (None, 'Bearer realm="otel-tickrmeter"'),
        ("", 'Bearer realm="otel-tickrmeter"'),
        ("two words", 'Bearer realm="otel-tickrmeter"'),
        ("anns-token, Bearer anns-token", 'Bearer realm="otel-tickrmeter"'),
        ("nobodys", 'Bearer realm="otel-tickrmeter", error="invalid_token"'),
        ("Anns-token", 'Bearer realm="otel-tickrmeter", error="invalid_token"'),
    ],
)
def test_without_a_token_nothing_is_done_and_it_is_counted(
    desk: Desk, token: str | None, challenge: str
) -> None:
    for method, path in EVERYTHING:
        response = desk.ask(method, path, b"{" if method == "POST" else b"", token=token)
        assert response.status == 401
        assert header(response, "WWW-Authenticate") == challenge
        assert token in (None, "") or token not in str(response.body)
    assert desk.jobs.asked == []
    operations = ("create", *(command.value for command in Command))
    assert counted(desk) == {(operation, "forbidden"): 1 for operation in operations}


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer   "])
def test_the_scheme_may_be_written_in_any_way(desk: Desk, scheme: str) -> None:
    desk.jobs.answer = []
    given = {"Authorization": f"{scheme} anns-token"}
    assert desk.ask("GET", "/workers", token=None, headers=given).status == 200


@pytest.mark.parametrize("given", ["Basic YW5uOmFubnMtdG9rZW4=", "anns-token", "Bearer", "Token anns-token"])
def test_another_scheme_is_none(desk: Desk, given: str) -> None:
    assert desk.ask("GET", token=None, headers={"Authorization": given}).status == 401


def test_on_an_open_way_a_token_is_worth_nothing(desk: Desk) -> None:
    for method, path in EVERYTHING:
        response = desk.ask(method, path, private=False)
        assert response.status == 403
        assert "over TLS" in text(response)["detail"]
    assert desk.jobs.asked == []
    assert counted(desk)["create", "forbidden"] == counted(desk)["stop", "forbidden"] == 1


def test_while_the_file_of_tokens_is_at_fault_nobody_is_let_in(tmp_path: Path) -> None:
    desk = Desk(ScriptedJobs(), tmp_path / "none")
    for method, path in EVERYTHING:
        response = desk.ask(method, path)
        assert response.status == 503
        assert header(response, "Retry-After") == "5"
    assert desk.jobs.asked == []
    assert counted(desk)["create", "full"] == counted(desk)["stop", "full"] == 1


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b"", ["the body is not JSON: it is empty"]),
        (b"{", ["the body is not JSON: line 1, column 2"]),
        (b'{"blueprint": NaN}', ["the body is not JSON: line 1, column 15"]),
        (b"\xff", ["the body is not JSON: line 1, column 1"]),
        (b"[]", ["the body must be an object"]),
        (b"null", ["the body must be an object"]),
        ({}, ["blueprint: must be given, and be text"]),
        ({"blueprint": None}, ["blueprint: must be given, and be text"]),
        (
            {"blueprint": 1, "parameters": [], "start": "yes", "shard": 0},
            [
                "shard: there is no such member",
                "parameters: must be an object",
                "start: must be true or false",
                "blueprint: must be given, and be text",
            ],
        ),
        (
            {"blueprint": "x", "parameters": {"a": 1}, "owner": "root"},
            ["owner: there is no such member", "blueprint x: {'a': 1}"],
        ),
        ({"blueprint": "x", "parameters": None}, ["parameters: must be an object", "blueprint x: {}"]),
    ],
)
def test_all_that_is_wrong_with_a_body_is_told_at_once(
    desk: Desk, body: bytes | Mapping[str, Any], faults: Sequence[str]
) -> None:
    desk.jobs.faults = lambda blueprint, parameters: (f"blueprint {blueprint}: {dict(parameters)}",)
    response = desk.ask("POST", "/workers", body, headers={"Content-Type": "application/json"})
    assert response.status == 400
    assert text(response)["faults"] == list(faults)
    assert text(response)["detail"] == f"{'; '.join(faults)}."
    assert desk.jobs.asked == []
    assert counted(desk) == {("create", "faulty"): 1}


@pytest.mark.parametrize("nested", [b"[" * 60_000, b'{"a":' * 10_000])
def test_a_body_that_is_nested_too_deep_is_none(desk: Desk, nested: bytes) -> None:
    response = desk.ask("POST", "/workers", nested)
    assert response.status == 400
    assert text(response)["detail"].startswith("the body is not JSON: line 1, column ")


def test_of_very_many_faults_some_are_told(desk: Desk) -> None:
    body = {"blueprint": "retention", "x" * 5_000: 1, **{f"p{number}": 1 for number in range(3_000)}}
    response = desk.ask("POST", "/workers", body)
    faults = text(response)["faults"]
    assert len(faults) == 51
    assert faults[50] == "and 2951 more"
    assert max(map(len, faults)) == 301
    assert len(str(response.body)) < 10_000


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json, application/json"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_what_is_not_said_to_be_json_is_not_read(desk: Desk, headers: Mapping[str, str]) -> None:
    for method, path in (("POST", "/workers"), ("PUT", f"{WORKER}/stop")):
        response = desk.ask(method, path, b'{"blueprint": "retention"}', headers=headers)
        assert response.status == 415
    assert desk.jobs.asked == []
    assert counted(desk) == {("create", "faulty"): 1, ("stop", "faulty"): 1}
    desk.jobs.answer = worker()
    said = {"Content-Type": "Application/JSON; charset=utf-8", "Content-Encoding": "identity"}
    assert desk.ask("POST", "/workers", {"blueprint": "retention"}, headers=said).status == 201


@pytest.mark.parametrize("body", [b"x", b"[]", b'{"force": true}'])
def test_a_change_says_nothing_else(desk: Desk, body: bytes) -> None:
    assert desk.ask("PUT", f"{WORKER}/stop", body).status == 400
    assert desk.jobs.asked == []
    assert counted(desk) == {("stop", "faulty"): 1}


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_parameters_that_nobody_knows_are_refused(desk: Desk, method: str, path: str) -> None:
    body = {"blueprint": "retention"} if method == "POST" else b""
    response = desk.ask(method, f"{path}?force=1", body)
    assert response.status == 400
    assert text(response)["parameter"] == "force"
    assert desk.jobs.asked == []
    assert desk.ask("GET", "/workers?status=ended").status == 400
    assert desk.ask("GET", "/workers?status=idle&status=idle").status == 400


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "", "GET, HEAD"),
        ("DELETE", "/workers", "GET, HEAD, POST"),
        ("PUT", WORKER, "GET, HEAD"),
        ("POST", f"{WORKER}/start", "PUT"),
        ("GET", f"{WORKER}/stop", "PUT"),
    ],
)
def test_another_method_is_told_the_right_ones(desk: Desk, method: str, path: str, allowed: str) -> None:
    response = desk.ask(method, path)
    assert (response.status, header(response, "Allow")) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["/", "/workers/", f"{WORKER}/explode", f"{WORKER}/", "/workers//stop", f"{WORKER}/../x/stop"]
)
def test_another_path_is_none(desk: Desk, path: str) -> None:
    endpoint, response = desk.asked("PUT", path, b"", "anns-token", {})
    assert (endpoint, response.status) == ("unmatched", 404)
    assert desk.jobs.asked == []
