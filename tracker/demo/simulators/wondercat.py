"""Simulated Wondercat: inferences, edits and publications, each with a route and an id of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tracker.demo.simulators.desk import Desk, is_same, retry_header, wire_time
from tracker.demo.simulators.scripts import Failure, Outcomes, Phase, Script

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

    from tracker.demo.simulators.scripts import State
    from tracker.demo.simulators.world import SimulatedJob, World

NAME = "wondercat"
BASE_PATH = "/api/v1"
"""The path of the base URL."""

_ID_FIELDS = {"inference": "inferenceJobId", "editor": "editorJobId", "publish": "outputJobId"}
_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 410: "gone", 429: "rate_limit_exceeded"}
_MEDIA = {"mediaId": "media_{id}", "url": "https://media.wondercat.invalid/{id}.mp4?signature={poll}"}
_OUTPUTS: dict[str, list[Any]] = {"inference": [{"media": _MEDIA}], "editor": [_MEDIA], "publish": []}


def success(kind: str, seconds: float = 6.0) -> Script:
    """Is taken up, runs, and ends with media where the kind makes any."""
    return (*_runs(kind, seconds), Phase("succeeded", output={"outputs": _OUTPUTS[kind]}))


def failure(kind: str, seconds: float = 6.0) -> Script:
    """Fails with a message and a code."""
    error = Failure("The provider's model refused the prompt.", code="content_policy")
    return (*_runs(kind, seconds), Phase("failed", error=error))


def canceled(kind: str, seconds: float = 6.0) -> Script:
    """Is canceled by somebody else; this does not happen to publications."""
    return (*_runs(kind, seconds), Phase("canceled"))


OUTCOMES: Outcomes = {
    "inference": {
        "success": lambda seconds: success("inference", seconds),
        "failure": lambda seconds: failure("inference", seconds),
        "canceled": lambda seconds: canceled("inference", seconds),
    },
    "editor": {
        "success": lambda seconds: success("editor", seconds),
        "failure": lambda seconds: failure("editor", seconds),
        "canceled": lambda seconds: canceled("editor", seconds),
    },
    "publish": {
        "success": lambda seconds: success("publish", seconds),
        "failure": lambda seconds: failure("publish", seconds),
    },
}


def app(world: World, api_key: str) -> Starlette:
    """Wondercat's API over the jobs of `world`, behind a bearer token."""

    def turn_away(request: Request) -> Response | None:
        is_known = is_same(request.headers.get("authorization", ""), f"Bearer {api_key}")
        return None if is_known else refuse(401, "Invalid API key")

    def refuse(status: int, message: str, retry_after: float | None = None) -> Response:
        document: dict[str, Any] = {"error": {"code": _CODES.get(status, "internal_error"), "message": message}}
        if status == 429 and retry_after is not None:
            document["deferUntil"] = wire_time(world.now() + timedelta(seconds=retry_after))
        headers = retry_header(retry_after) if status in (429, 503) else {}
        return JSONResponse(document, status_code=status, headers=headers)

    desk = Desk(world, NAME, OUTCOMES, refuse)
    return desk.app([Mount(BASE_PATH, routes=_Wondercat(desk).routes())], turn_away)


class _Wondercat:
    """The routes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/jobs/{kind}/{job_id}", self.poll),
            Route("/{medium}/generate", self.generate, methods=["POST"]),
            Route("/{medium}/edit", self.edit, methods=["POST"]),
            Route("/publish/{platform}", self.publish, methods=["POST"]),
        ]

    async def poll(self, request: Request) -> Response:
        return self._desk.poll(request, request.path_params["kind"], self._job)

    async def generate(self, request: Request) -> Response:
        return await self._submit(request, "inference")

    async def edit(self, request: Request) -> Response:
        return await self._submit(request, "editor")

    async def publish(self, request: Request) -> Response:
        return await self._submit(request, "publish")

    async def _submit(self, request: Request, kind: str) -> Response:
        job = await self._desk.submit(request, kind)
        return JSONResponse({_ID_FIELDS[kind]: job.id, "status": job.state(self._desk.world.now()).phase.status})

    def _job(self, job: SimulatedJob, state: State) -> dict[str, Any]:
        error = state.phase.error
        return {
            _ID_FIELDS[job.kind]: job.id,
            "status": state.phase.status,
            "createdAt": wire_time(job.created_at),
            "finishedAt": wire_time(state.since) if state.is_final else None,
            "errorMessage": error and error.message,
            "errorCode": error and error.code,
            **self._desk.filled(job, state.phase.output or {"outputs": []}),
        }


def _runs(kind: str, seconds: float) -> Script:
    second_word = "queued" if kind == "publish" else "locked"
    return (
        Phase("idle", seconds * 0.1),
        Phase(second_word, seconds * 0.1),
        Phase("in_progress", seconds * 0.8),
    )
