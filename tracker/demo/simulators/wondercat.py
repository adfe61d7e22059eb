"""Wondercat: `GET /api/v1/jobs/{kind}/{id}` under a bearer key, for inferences, edits and publications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tracker.demo.simulators.world import Phase, SimulatedJob, World, answer, iso

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

BASE_PATH = "/api/v1"
PREFIX = "wc-"
_ID_FIELDS = {"inference": "inferenceJobId", "editor": "editorJobId", "publish": "outputJobId"}
_OUTPUTS: dict[str, list[dict[str, Any]]] = {
    "inference": [{"media": {"mediaId": "m1", "url": "https://media.example/m1.png"}}],
    "editor": [{"mediaId": "m2", "url": "https://media.example/m2.mp4"}],
    "publish": [],
}


def succeeding(kind: str, seconds: float = 5) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """A job that waits, works, and is done."""
    waiting = "queued" if kind == "publish" else "idle"
    phases = (Phase(waiting, 0.2 * seconds), Phase("locked", 0.1 * seconds), Phase("in_progress", 0.7 * seconds))
    return (*phases, Phase("succeeded")), {"outputs": _OUTPUTS[kind]}


def failing(seconds: float = 5) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """A job that fails with a code."""
    phases = (Phase("idle", 0.2 * seconds), Phase("in_progress", 0.8 * seconds), Phase("failed"))
    return phases, {"errorMessage": "The video is too long.", "errorCode": "video_too_long"}


def app(world: World, api_key: str) -> Starlette:
    """The API for one key."""

    async def show(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {api_key}":
            return _error(401, "unauthorized")
        job = await world.poll(request.path_params["id"])
        if isinstance(job, Response):
            return job
        if job is None or job.kind != request.path_params["kind"]:
            return _error(404, "not_found")
        return answer(_shown(job, world.now()))

    async def submit(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {api_key}":
            return _error(401, "unauthorized")
        kind = {"image": "inference", "video": "editor", "publish": "publish"}[request.path_params["what"]]
        job = world.submit(PREFIX, kind, *succeeding(kind))
        return answer({_ID_FIELDS[kind]: job.id}, 202)

    return Starlette(
        routes=[
            Route(f"{BASE_PATH}/jobs/{{kind}}/{{id}}", show, methods=["GET"]),
            Route(f"{BASE_PATH}/{{what}}/{{rest}}", submit, methods=["POST"]),
        ]
    )


def _shown(job: SimulatedJob, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {
        _ID_FIELDS[job.kind]: job.id,
        "status": job.history(now)[-1][0].word,
        "createdAt": iso(job.created_at),
        "finishedAt": None,
        "outputs": [],
    }
    return shown | dict(job.facts) | {"finishedAt": iso(job.finished_at)} if job.is_finished(now) else shown


def _error(status: int, code: str) -> Response:
    return answer({"errorCode": code, "errorMessage": code.replace("_", " ")}, status)
