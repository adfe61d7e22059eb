"""Simulated Decart: a queue of jobs, whose result is a binary behind a second request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tracker.demo.simulators.desk import Desk, is_same, retry_header
from tracker.demo.simulators.scripts import Outcomes, Phase, Script

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

    from tracker.demo.simulators.scripts import State
    from tracker.demo.simulators.world import SimulatedJob, World

NAME = "decart"
BASE_PATH = ""
"""The path of the base URL: none."""


def success(seconds: float = 6.0) -> Script:
    """Waits, is processed, and ends with a video."""
    return (*_runs(seconds), Phase("completed"))


def failure(seconds: float = 6.0) -> Script:
    """Fails; Decart does not say why."""
    return (*_runs(seconds), Phase("failed"))


OUTCOMES: Outcomes = {"job": {"success": success, "failure": failure}}


def app(world: World, api_key: str) -> Starlette:
    """Decart's API over the jobs of `world`, behind the header `X-API-KEY`."""

    def turn_away(request: Request) -> Response | None:
        is_known = is_same(request.headers.get("x-api-key", ""), api_key)
        return None if is_known else refuse(401, "Invalid API key")

    desk = Desk(world, NAME, OUTCOMES, refuse)
    return desk.app(_Decart(desk).routes(), turn_away)


def refuse(status: int, message: str, retry_after: float | None = None) -> Response:
    """A refusal; the SDK shows its text as it is."""
    headers = retry_header(retry_after) if status in (429, 503) else {}
    return JSONResponse({"detail": message}, status_code=status, headers=headers)


class _Decart:
    """The routes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/v1/jobs/{model}", self.submit, methods=["POST"]),
            Route("/v1/jobs/{job_id}", self.poll),
            Route("/v1/jobs/{job_id}/content", self.content),
        ]

    async def submit(self, request: Request) -> Response:
        job = await self._desk.submit(request, "job", model=request.path_params["model"])
        return JSONResponse(_job(job, job.state(self._desk.world.now())))

    async def poll(self, request: Request) -> Response:
        return self._desk.poll(request, "job", _job)

    async def content(self, request: Request) -> Response:
        job = self._desk.known("job", request.path_params["job_id"])
        if job.state(self._desk.world.now()).phase.status != "completed":
            return refuse(404, "The job has no content")
        return Response(f"A video of job {job.id}.".encode(), media_type="video/mp4")


def _job(job: SimulatedJob, state: State) -> dict[str, Any]:
    return {"job_id": job.id, "status": state.phase.status}


def _runs(seconds: float) -> Script:
    return (Phase("pending", seconds * 0.2), Phase("processing", seconds * 0.8))
