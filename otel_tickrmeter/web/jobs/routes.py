"""What is served below `/api/v1/dagda`: from a request to what is asked of the controller, and back."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.jobs.asked import (
    Asked,
    Caller,
    ChangeWorker,
    Create,
    JobRefused,
    Reason,
    Role,
    Show,
    ShowAll,
    ShowStatus,
)
from otel_tickrmeter.jobs.blueprint import Blueprint
from otel_tickrmeter.jobs.state import Command, State
from otel_tickrmeter.jobs.token_file import TokenFile
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.web.api import API_HEADERS, API_PATH, as_json, problem, refusal, with_headers
from otel_tickrmeter.web.jobs.admission import NotAdmittedError, admit
from otel_tickrmeter.web.jobs.bodies import (
    BodyError,
    MediaTypeError,
    check_media_type,
    read_new_worker,
    refuse_members,
)
from otel_tickrmeter.web.jobs.describe import SCHEMES, describe_jobs
from otel_tickrmeter.web.jobs.port import JobsPort
from otel_tickrmeter.web.jobs.shown import blueprint_list, overview_object, worker_list, worker_object
from otel_tickrmeter.web.openapi import ApiPart
from otel_tickrmeter.web.query import ParameterError, read_word, refuse_parameters

DAGDA_PATH = f"{API_PATH}/dagda"
_WORKERS = f"{DAGDA_PATH}/workers"
_NOBODY = Caller("", Role.OPERATE)
_STATES = tuple(state.value for state in State)
_RETRY = (("Retry-After", "5"),)
_REFUSALS: Mapping[Reason, tuple[int, str]] = {
    Reason.FAULTY: (400, "Bad request"),
    Reason.FORBIDDEN: (403, "Forbidden"),
    Reason.UNKNOWN: (404, "Not found"),
    Reason.CONFLICT: (409, "Conflict"),
    Reason.FULL: (503, "Busy"),
}

_Answered = Worker | Sequence[Worker] | None


def jobs_part(jobs: JobsPort, blueprints: Mapping[str, Blueprint], tokens_file: Path) -> ApiPart:
    """The interface of the controller, for `api_routes`.

    Args:
        jobs: The controller at work.
        blueprints: What kinds of jobs it has.
        tokens_file: Who may ask; read again when it has changed.
    """
    desk = _Desk(jobs, TokenFile(tokens_file), as_json(blueprint_list(blueprints)))
    get = ("GET", "HEAD")
    routes = [
        Route(DAGDA_PATH, desk.status, by_token=True),
        Route(f"{DAGDA_PATH}/blueprints", desk.blueprints, by_token=True),
        Route(_WORKERS, desk.workers, methods=(*get, "POST"), takes_body=True, by_token=True),
        Route(f"{_WORKERS}/{{id}}", desk.worker, by_token=True),
    ]
    for command in Command:
        change = partial(desk.change, command)
        path = f"{_WORKERS}/{{id}}/{command.value}"
        routes.append(Route(path, change, methods=("PUT",), takes_body=True, by_token=True))
    return ApiPart(routes, describe_jobs(DAGDA_PATH, blueprints), SCHEMES)


class _Desk:
    """Answers; `blueprints` is what there is to show of them."""

    def __init__(self, jobs: JobsPort, tokens: TokenFile, blueprints: bytes) -> None:
        self._jobs = jobs
        self._tokens = tokens
        self._blueprints = blueprints

    async def status(self, request: HttpRequest) -> Response:
        def ask(_: Caller) -> Asked:
            refuse_parameters(request.query)
            return ShowStatus()

        return await self._answer(request, ShowStatus(), ask, self._status)

    async def blueprints(self, request: HttpRequest) -> Response:
        try:
            await admit(request, self._tokens)
            refuse_parameters(request.query)
        except NotAdmittedError as error:
            return error.response
        except ParameterError as error:
            return refusal(error)
        return Response(200, "application/json", self._blueprints, API_HEADERS)

    async def workers(self, request: HttpRequest) -> Response:
        if request.method == "POST":
            return await self._answer(
                request, Create(_NOBODY, "", {}, start=False), partial(self._new, request), _created
            )

        def ask(caller: Caller) -> Asked:
            word = read_word(request.query, "status", _STATES)
            return ShowAll(caller, None if word is None else State(word))

        return await self._answer(request, ShowAll(_NOBODY, None), ask, _listed)

    async def worker(self, request: HttpRequest) -> Response:
        name = request.params["id"]

        def ask(caller: Caller) -> Asked:
            refuse_parameters(request.query)
            return Show(caller, name)

        return await self._answer(request, Show(_NOBODY, name), ask, _shown)

    async def change(self, command: Command, request: HttpRequest) -> Response:
        name = request.params["id"]

        def ask(caller: Caller) -> Asked:
            refuse_parameters(request.query)
            if request.body:
                check_media_type(request.headers)
                refuse_members(request.body)
            return ChangeWorker(caller, name, command)

        return await self._answer(request, ChangeWorker(_NOBODY, name, command), ask, _shown)

    async def _answer(
        self,
        request: HttpRequest,
        wanted: Asked,
        ask: Callable[[Caller], Asked],
        show: Callable[[_Answered], Response],
    ) -> Response:
        """Ask and show; what cannot be asked is counted as what was `wanted`."""
        faulty = JobRefused(Reason.FAULTY, "it cannot be read")
        try:
            asked = ask(await admit(request, self._tokens))
        except NotAdmittedError as error:
            self._jobs.refuse(wanted, error.refused)
            return error.response
        except ParameterError as error:
            self._jobs.refuse(wanted, faulty)
            return refusal(error)
        except MediaTypeError as error:
            self._jobs.refuse(wanted, faulty)
            return problem(415, "Unsupported media type", f"{error}.")
        except BodyError as error:
            self._jobs.refuse(wanted, faulty)
            return problem(400, "Bad request", f"{error}.", faults=error.faults)
        answered = await self._jobs.ask(asked)
        return _refused(answered) if isinstance(answered, JobRefused) else show(answered)

    def _new(self, request: HttpRequest, caller: Caller) -> Asked:
        refuse_parameters(request.query)
        check_media_type(request.headers)
        new = read_new_worker(request.body, self._jobs.faults_of)
        return Create(caller, new.blueprint, new.parameters, start=new.start)

    def _status(self, _: _Answered) -> Response:
        return _json(200, overview_object(self._jobs.overview()))


def _refused(refused: JobRefused) -> Response:
    status, title = _REFUSALS[refused.reason]
    response = problem(status, title, f"{refused.why}.")
    return with_headers(response, _RETRY) if refused.reason is Reason.FULL else response


def _created(answered: _Answered) -> Response:
    worker = _one(answered)
    return with_headers(_json(201, worker_object(worker)), (("Location", f"{_WORKERS}/{worker.id}"),))


def _shown(answered: _Answered) -> Response:
    return _json(200, worker_object(_one(answered)))


def _listed(answered: _Answered) -> Response:
    assert isinstance(answered, Sequence)  # noqa: S101  of whom all were asked
    return _json(200, worker_list(answered))


def _one(answered: _Answered) -> Worker:
    assert isinstance(answered, Worker)  # noqa: S101  of whom one was asked
    return answered


def _json(status: int, value: Mapping[str, Any]) -> Response:
    return Response(status, "application/json", as_json(value), API_HEADERS)
