"""The front desk of every simulated provider: who may come in, submits, polls, lists, and faults on request."""

from __future__ import annotations

import email
import email.policy
import hmac
import json
import math
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tracker.demo.simulators.faults import REFUSALS, UNKNOWN_WORD, Fault, broken_answer
from tracker.demo.simulators.lists import page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from tracker.demo.simulators.lists import Dated, Page
    from tracker.demo.simulators.scripts import Outcomes, Script, State
    from tracker.demo.simulators.world import SimulatedJob, World

USUAL_SECONDS = 6.0
"""How long a job takes whose submit does not say."""


class Refuse(Protocol):
    """How a provider says no."""

    def __call__(self, status: int, message: str, retry_after: float | None = None) -> Response:
        """The refusal in the provider's shape."""


class Desk:
    """Serves one provider's jobs out of a world, in that provider's manner of speaking.

    A submit chooses its script by the field `simulate` (the name of an outcome) and its length by `simulateSeconds`, in
    the body or in the query.
    """

    def __init__(self, world: World, provider: str, outcomes: Outcomes, refuse: Refuse) -> None:
        self.world = world
        self.refuse = refuse
        self._provider = provider
        self._outcomes = outcomes

    def app(self, routes: Sequence[BaseRoute], turn_away: Callable[[Request], Response | None]) -> Starlette:
        """The app; `turn_away` answers those who may not come in."""
        return Starlette(
            routes=routes,
            middleware=[Middleware(_Door, world=self.world, turn_away=turn_away)],
            exception_handlers={HTTPException: self._http_exception},
        )

    def poll(
        self,
        request: Request,
        kind: str,
        show: Callable[[SimulatedJob, State], Mapping[str, Any]],
        may_see: Callable[[SimulatedJob], bool] = lambda _job: True,
    ) -> Response:
        """Answers a poll of the job in the path, with a fault where one waits for it."""
        job_id: str = request.path_params["job_id"]
        trouble = self.world.count_poll(job_id)
        if trouble and trouble.fault in REFUSALS:
            return self.refuse(*REFUSALS[trouble.fault], trouble.retry_after)
        job = self.world.find(self._provider, kind, job_id)
        if job is None or not may_see(job):
            return self.refuse(*REFUSALS[Fault.NOT_FOUND])
        state = job.state(self.world.now())
        if trouble and trouble.fault is Fault.UNKNOWN_STATUS:
            return JSONResponse(show(job, state.disguised(UNKNOWN_WORD)))
        document = show(job, state)
        return broken_answer(trouble.fault, document, str(request.url)) if trouble else JSONResponse(document)

    def list_page(
        self,
        request: Request,
        show: Callable[[Mapping[str, str], Callable[[SimulatedJob], State]], Mapping[str, Any]],
    ) -> Response:
        """Answers a request for a page of the list, with a fault where one waits for it.

        `show` makes the answer of the query and of what tells the state of a job.
        """
        trouble = self.world.count_list(self._provider)
        if trouble and trouble.fault in REFUSALS:
            return self.refuse(*REFUSALS[trouble.fault], trouble.retry_after)
        now = self.world.now()
        if trouble and trouble.fault is Fault.UNKNOWN_STATUS:
            return JSONResponse(show(request.query_params, lambda job: job.state(now).disguised(UNKNOWN_WORD)))
        document = show(request.query_params, lambda job: job.state(now))
        return broken_answer(trouble.fault, document, str(request.url)) if trouble else JSONResponse(document)

    def page(self, jobs: Iterable[Dated], size: int, token: str | None) -> Page:
        """A page of these jobs as the provider's list would cut it."""
        rows = self.world.listings[self._provider].rows(size, self.world.lists[self._provider])
        return page_of(jobs, rows, token)

    async def submit(
        self, request: Request, kind: str, *, prefix: str = "", usual: str = "success", **details: object
    ) -> SimulatedJob:
        """Makes the job that a submit asks for."""
        script = self.script(await fields_of(request), kind, usual)
        job = self.world.add(self._provider, kind, script, job_id=self.world.new_id(prefix), details=details)
        self.world.submits[job.id] += 1
        return job

    def script(self, fields: Mapping[str, Any], kind: str, usual: str = "success") -> Script:
        """The script that a submit chooses, or the world's default, or the usual one."""
        default = self.world.defaults.get((self._provider, kind))
        if default is not None and "simulate" not in fields:
            return default
        outcome = str(fields.get("simulate", usual))
        make = self._outcomes[kind].get(outcome)
        if make is None:
            known = ", ".join(self._outcomes[kind])
            raise HTTPException(400, f"There is no outcome {outcome!r} to simulate; there are {known}.")
        return make(_seconds(fields.get("simulateSeconds", USUAL_SECONDS)))

    def known(self, kind: str, job_id: str) -> SimulatedJob:
        """The job; an unknown one is the provider's 404."""
        job = self.world.find(self._provider, kind, job_id)
        if job is None:
            raise HTTPException(*REFUSALS[Fault.NOT_FOUND])
        return job

    def filled(self, job: SimulatedJob, value: object) -> Any:  # noqa: ANN401 - JSON
        """An output with its `{id}` and `{poll}` filled in."""
        if isinstance(value, str):
            return value.replace("{id}", job.id).replace("{poll}", str(self.world.polls[job.id]))
        if isinstance(value, dict):
            return {name: self.filled(job, item) for name, item in value.items()}
        return [self.filled(job, item) for item in value] if isinstance(value, (list, tuple)) else value

    def _http_exception(self, _request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return self.refuse(error.status_code, error.detail)


class _Door:
    """Counts every request and turns away who may not come in, before any route is looked up."""

    def __init__(self, app: ASGIApp, world: World, turn_away: Callable[[Request], Response | None]) -> None:
        self._app = app
        self._world = world
        self._turn_away = turn_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._world.requests += 1
        refusal = self._turn_away(Request(scope))
        await (refusal or self._app)(scope, receive, send)


async def fields_of(request: Request) -> dict[str, Any]:
    """The fields of the query and of the body, be it JSON, a form or multipart."""
    fields: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("multipart/"):
        fields |= _multipart(content_type, body)
    elif content_type.startswith("application/x-www-form-urlencoded"):
        fields |= parse_qsl(body.decode())
    elif body:
        fields |= _json_object(body)
    return fields


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise HTTPException(400, f"The body is not valid JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    # The standard library reads a form as the mail that it looks like; Starlette would need another package.
    header = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(header + body, policy=email.policy.HTTP)
    parts = [part for part in message.iter_parts() if part.get_content_maintype() == "text"]
    return {str(part.get_param("name", header="content-disposition")): part.get_content().strip() for part in parts}


def _seconds(value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise HTTPException(400, f"simulateSeconds is {value!r}, not a number.") from error


def is_same(given: str, expected: str) -> bool:
    """Compares credentials."""
    return hmac.compare_digest(given.encode(), expected.encode())


def retry_header(retry_after: float | None) -> dict[str, str]:
    """The header `Retry-After` in whole seconds, where there is something to say."""
    return {} if retry_after is None else {"retry-after": str(math.ceil(retry_after))}


def wire_time(at: datetime) -> str:
    """A time as JavaScript writes it: UTC, milliseconds, Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
