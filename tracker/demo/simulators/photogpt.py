"""PhotoGPT: `GET /api/jobs/{id}` and `/api/models/{id}` under a bearer key and `API-Version: 1`."""

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

BASE_PATH = "/api"
PREFIX = "pg-"


def succeeding(seconds: float = 10) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """An image job; this API writes its words in capitals as it likes."""
    phases = (Phase("CREATED", 0.1 * seconds), Phase("Queued", 0.2 * seconds), Phase("running", 0.7 * seconds))
    return (*phases, Phase("SUCCESS")), {"images": ["https://images.example/1.png"]}


def failing(seconds: float = 10) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """An image job that fails."""
    phases = (Phase("created", 0.2 * seconds), Phase("running", 0.8 * seconds), Phase("failed"))
    return phases, {"errorMessage": "No face was found."}


def training(seconds: float = 1300) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """The training of a model, which is known by the model's id."""
    return (Phase("new", 0.05 * seconds), Phase("training", 0.95 * seconds), Phase("ready")), {}


def app(world: World, api_key: str) -> Starlette:
    """The API for one key."""

    def refusal(request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {api_key}":
            return _error(401, "Unauthorized")
        if request.headers.get("api-version") != "1":
            return _error(400, "API-Version header is required")
        return None

    async def show(request: Request) -> Response:
        refused = refusal(request)
        if refused:
            return refused
        job = await world.poll(request.path_params["id"])
        if isinstance(job, Response):
            return job
        kind = "training" if "/models/" in request.url.path else "job"
        if job is None or job.kind != kind:
            return _error(404, "Not found")
        return answer({"status": "OK", "message": "", "err": None, "result": _shown(job, world.now())})

    async def submit(request: Request) -> Response:
        job = world.submit(PREFIX, "job", *succeeding())
        return refusal(request) or answer({"status": "OK", "result": {"jobId": job.id}})

    async def train(request: Request) -> Response:
        refused = refusal(request)
        if refused is None:
            world.add(request.path_params["id"], "training", *training())
        return refused or answer({"status": "OK", "result": {"id": request.path_params["id"]}})

    return Starlette(
        routes=[
            Route(f"{BASE_PATH}/jobs/{{id}}", show, methods=["GET"]),
            Route(f"{BASE_PATH}/models/{{id}}", show, methods=["GET"]),
            Route(f"{BASE_PATH}/models/{{id}}/train", train, methods=["GET"]),
            Route(f"{BASE_PATH}/images/{{what}}", submit, methods=["POST"]),
            Route(f"{BASE_PATH}/videos/{{what}}", submit, methods=["POST"]),
        ]
    )


def _shown(job: SimulatedJob, now: datetime) -> dict[str, Any]:
    id_field = "id" if job.kind == "training" else "jobId"
    shown = {id_field: job.id, "status": job.history(now)[-1][0].word, "createdAt": iso(job.created_at)}
    return shown | dict(job.facts) if job.is_finished(now) else shown


def _error(status: int, message: str) -> Response:
    return answer({"status": "NOK", "message": message, "err": message, "result": None}, status)
