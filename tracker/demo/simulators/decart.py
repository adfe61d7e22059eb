"""Decart: `GET /v1/jobs/{id}` under `X-API-KEY`, and the result behind `/content`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tracker.demo.simulators.world import Phase, World, answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

BASE_PATH = ""
PREFIX = "dc-"


def succeeding(seconds: float = 6) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """A video that gets done."""
    return (Phase("pending", 0.3 * seconds), Phase("processing", 0.7 * seconds), Phase("completed")), {}


def failing(seconds: float = 6) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """A video that fails; the API does not say why."""
    return (Phase("pending", 0.3 * seconds), Phase("processing", 0.7 * seconds), Phase("failed")), {}


def app(world: World, api_key: str) -> Starlette:
    """The API for one key."""

    def is_refused(request: Request) -> bool:
        return request.headers.get("x-api-key") != api_key

    async def show(request: Request) -> Response:
        if is_refused(request):
            return answer({"detail": "Invalid API key"}, 401)
        job = await world.poll(request.path_params["id"])
        if isinstance(job, Response):
            return job
        if job is None:
            return answer({"detail": "Job not found"}, 404)
        return answer({"job_id": job.id, "status": job.history(world.now())[-1][0].word})

    async def content(request: Request) -> Response:
        job = world.jobs.get(request.path_params["id"])
        if is_refused(request) or job is None or not job.is_finished(world.now()):
            return answer({"detail": "No content"}, 401 if is_refused(request) else 404)
        return Response(b"a video", media_type="video/mp4")

    async def submit(request: Request) -> Response:
        if is_refused(request):
            return answer({"detail": "Invalid API key"}, 401)
        job = world.submit(PREFIX, "job", *succeeding())
        return answer({"job_id": job.id, "status": "pending"})

    return Starlette(
        routes=[
            Route("/v1/jobs/{id}", show, methods=["GET"]),
            Route("/v1/jobs/{id}/content", content, methods=["GET"]),
            Route("/v1/jobs/{model}", submit, methods=["POST"]),
        ]
    )
