"""The JSON interface of a real exporter does what its description says: schemathesis reads it and asks.

The description is that of the running exporter, so that whatever is added to the interface is asked too.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.test_program_page import traffic

DESCRIPTION = "/api/v1/openapi.json"
STREAM = "text/event-stream"
MOST_STREAMS = 90
"""So many at once no stream has places for; httpx has connections for a few more."""
EXAMPLES = 5
"""For each operation, besides the boundaries of every parameter; with those it is asked some 450 times."""
Operation = tuple[str, str]
Described = dict[Operation, dict[str, Any]]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """One that has something in every list."""
    directory = tmp_path_factory.mktemp("described")
    with Mosquitto(directory) as broker:
        environment = settings(broker.url, AUTOCORE__ENABLED="true", AUTOCORE__DATABASE="false")
        with Exporter(directory, environment) as exporter:
            exporter.wait_ready()
            broker.publish(traffic())
            exporter.wait(lambda: "board-2" in exporter.get("/api/v1/glance").text, "to have heard it all")
            yield exporter


@pytest.fixture(scope="module")
def described(exporter: Exporter) -> Described:
    """What the description has of each operation, by path and method."""
    methods = {"get", "post", "put", "patch", "delete"}
    paths = exporter.get(DESCRIPTION).json()["paths"]
    return {
        (path, method): said
        for path, item in paths.items()
        for method, said in item.items()
        if method in methods
    }


def streams(described: Described) -> list[Operation]:
    """Those whose answer has no end, which nobody can wait for."""
    return [
        operation
        for operation, said in described.items()
        if any(STREAM in answer.get("content", {}) for answer in said["responses"].values())
    ]


def schemathesis(directory: Path, description: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it; the same is asked each time."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", description, "--checks", "all"),
        *("--generation-deterministic", "--continue-on-failure", "--no-color", "-n", str(EXAMPLES)),
        *arguments,
    ]
    # Not the environment's settings of its own, nor a proxy's.
    environment = {**child_environment(measured=False), "NO_PROXY": "*"}
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def first_key(exporter: Exporter, described: Described, path: str) -> str | None:
    """The key of a thing that `path` has by itself, where the description leads to it and there is one."""
    place = quote(path.replace("/", "~1"), safe="~")
    for (listed, method), said in described.items():
        links = said["responses"].get("200", {}).get("links", {}).values()
        for link in links:
            if method == "get" and link["operationRef"] == f"#/paths/{place}/get":
                found = exporter.get(listed).json()
                for step in link["parameters"]["id"].removeprefix("$response.body#/").split("/"):
                    found = found[int(step)] if isinstance(found, list) and found else dict(found).get(step)
                    if not found:
                        return None
                return str(found)
    return None


def ask(exporter: Exporter, described: Described, path: str) -> set[int]:
    """The statuses of some requests that each operation has an answer to; each is held to the description."""
    keys = ("nobody", first_key(exporter, described, path)) if "{" in path else ("",)
    targets = [re.sub(r"\{\w+\}", quote(key, safe=""), path) for key in keys if key is not None]
    asked = [*targets, f"{targets[0]}?nobody=1"]
    return {as_described(exporter.get(target), described[path, "get"]["responses"]) for target in asked}


def as_described(answer: httpx.Response, told: Mapping[str, Any]) -> int:
    """The status of an answer, which the description must have with this kind of content."""
    content = told[str(answer.status_code)]["content"][answer.headers["content-type"]]
    if answer.is_closed and answer.headers["content-type"] != STREAM:
        Draft202012Validator(content["schema"]).validate(answer.json())
    return answer.status_code


def test_whatever_is_asked_the_answer_is_as_described(
    exporter: Exporter, described: Described, tmp_path: Path
) -> None:
    endless = streams(described)
    without = [f"--exclude-path={path}" for path, _ in endless]
    report = ["--report=json", "--report-json-path=found.json"]
    phases = "--phases=coverage,fuzzing,stateful"
    done = schemathesis(tmp_path, exporter.url + DESCRIPTION, phases, *without, *report)
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["complete"]
    # The description itself is read, and not asked again.
    wanted = described.keys() - {*endless, (DESCRIPTION, "get")}
    assert found["operations"]["tested"] == len(wanted) > 0
    assert found["test_cases"]["generated"] > 10 * len(wanted)
    # Whether single things are found is asked below. What else it warns of it has not understood.
    assert {kind for kind, told in found["warnings"].items() if told} <= {"missing_test_data"}


def test_every_status_of_every_list_and_thing_is_seen(exporter: Exporter, described: Described) -> None:
    endless = streams(described)
    for path, method in described:
        if method != "get" or (path, method) in endless:
            continue
        found = ask(exporter, described, path)
        told = {int(status) for status in described[path, method]["responses"]} & {200, 400, 404}
        if first_key(exporter, described, path) is None and "{" in path:
            told -= {200}
        assert found == told, path
    singles = [path for path, _ in described if first_key(exporter, described, path) is not None]
    assert {"/api/v1/symbols/{id}", "/api/v1/devices/{id}", "/api/v1/autocore/devices/{id}"} <= {*singles}


def test_a_description_that_is_not_kept_is_noticed(exporter: Exporter, tmp_path: Path) -> None:
    said = exporter.get(DESCRIPTION).json()
    answer = said["paths"]["/api/v1/status"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"]["properties"]["version"] = {"type": "integer"}
    (tmp_path / "wrong.json").write_text(json.dumps(said))
    only = ["--include-path=/api/v1/status", "--phases=fuzzing", f"--url={exporter.url}"]
    done = schemathesis(tmp_path, "wrong.json", *only)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Response violates schema" in done.stdout


def test_a_stream_begins_at_once_and_refuses_what_it_cannot_serve(
    exporter: Exporter, described: Described
) -> None:
    plain = [path for path, method in streams(described) if method == "get" and "{" not in path]
    assert plain
    for path in plain:
        told = described[path, "get"]["responses"]
        with ExitStack() as stack, httpx.Client(base_url=exporter.url, trust_env=False) as client:
            assert as_described(client.get(path, params={"nobody": "1"}), told) == 400
            assert as_described(client.head(path), told) == 200
            answer = stack.enter_context(client.stream("GET", path))
            assert as_described(answer, told) == 200
            assert any(line.startswith("event:") for line in answer.iter_lines())
            if "503" in told:
                others = (stack.enter_context(client.stream("GET", path)) for _ in range(MOST_STREAMS))
                refused = next(each for each in others if each.status_code != 200)
                assert as_described(refused, told) == 503
                assert refused.headers["retry-after"]
