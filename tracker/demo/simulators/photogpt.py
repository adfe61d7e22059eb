"""Simulated PhotoGPT: image and video jobs, and trainings, which a GET starts and whose id is the model's.

Its statuses come in capitals for jobs and in small letters for models: who compares them must fold the case.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from tracker.demo.simulators.desk import Desk, fields_of, is_same, retry_header, wire_time
from tracker.demo.simulators.lists import moment_of, time_in
from tracker.demo.simulators.scripts import Failure, Outcomes, Phase, Script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from starlette.applications import Starlette
    from starlette.requests import Request

    from tracker.demo.simulators.scripts import State
    from tracker.demo.simulators.world import SimulatedJob, World

NAME = "photogpt"
BASE_PATH = "/api"
"""The path of the base URL."""

_ERRS = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    410: "GONE",
    429: "TOO_MANY_REQUESTS",
}
_USUAL_SPAN, _LONGEST_SPAN = timedelta(days=1), timedelta(days=7)
_PAGE_SIZE = 100
_URL = "https://media.photogpt.invalid/{id}?signature={poll}"
_IMAGES = {"images": [{"id": "image_{id}", "url": _URL}]}
_VIDEOS = {"videos": [{"id": "video_{id}", "url": _URL}]}


def success(seconds: float = 6.0) -> Script:
    """Waits, runs, and ends with an image."""
    return (*_runs(seconds), Phase("SUCCESS", output=_IMAGES))


def video(seconds: float = 6.0) -> Script:
    """Waits, runs, and ends with a video."""
    return (*_runs(seconds), Phase("SUCCESS", output=_VIDEOS))


def failure(seconds: float = 6.0) -> Script:
    """Fails with an error."""
    return (*_runs(seconds), Phase("FAILED", error=Failure("insufficient credits")))


def untrained() -> Script:
    """A model whose training nobody has started."""
    return (Phase("new"), Phase("ready"))


def training(seconds: float = 6.0) -> Script:
    """A training that ends with a model to use."""
    return (Phase("new", seconds * 0.1), Phase("training", seconds * 0.9), Phase("ready"))


def failed_training(seconds: float = 6.0) -> Script:
    """A training that fails."""
    error = Failure("The training images show more than one person.")
    return (Phase("new", seconds * 0.1), Phase("training", seconds * 0.9), Phase("failed", error=error))


def deleted_training(seconds: float = 6.0) -> Script:
    """A training whose model somebody deletes."""
    return (Phase("new", seconds * 0.1), Phase("training", seconds * 0.9), Phase("deleted"))


OUTCOMES: Outcomes = {
    "job": {"success": success, "video": video, "failure": failure},
    "training": {"success": training, "failure": failed_training, "canceled": deleted_training},
}


def app(world: World, api_key: str) -> Starlette:
    """PhotoGPT's API over the jobs of `world`, behind a bearer token, an API version and a decent User-Agent."""

    def turn_away(request: Request) -> Response | None:
        agent = request.headers.get("user-agent", "")
        if not agent or agent.lower().startswith("python-urllib"):
            return PlainTextResponse("error code: 1010", status_code=403)
        if not is_same(request.headers.get("authorization", ""), f"Bearer {api_key}"):
            return refuse(401, "Invalid API key")
        return None if request.headers.get("api-version") == "1" else refuse(400, "The header API-Version must be 1")

    desk = Desk(world, NAME, OUTCOMES, refuse)
    return desk.app([Mount(BASE_PATH, routes=_PhotoGpt(desk).routes())], turn_away)


def refuse(status: int, message: str, retry_after: float | None = None) -> Response:
    """A refusal in the envelope of all answers."""
    document = {"status": "NOK", "message": message, "err": _ERRS.get(status, "INTERNAL_ERROR"), "result": None}
    headers = retry_header(retry_after) if status in (429, 503) else {}
    return JSONResponse(document, status_code=status, headers=headers)


class _PhotoGpt:
    """The routes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/jobs", self.list_jobs),
            Route("/jobs/{job_id}", self.poll_job),
            Route("/images/generation", self.make_image, methods=["POST"]),
            Route("/images/upscaling", self.make_image, methods=["POST"]),
            Route("/videos/generation", self.make_video, methods=["POST"]),
            Route("/models", self.make_model, methods=["POST"]),
            Route("/models/{job_id}", self.poll_model),
            Route("/models/{job_id}/train", self.train),
        ]

    async def poll_job(self, request: Request) -> Response:
        return self._desk.poll(request, "job", self._job)

    async def list_jobs(self, request: Request) -> Response:
        return self._desk.list_page(request, self._page)

    async def poll_model(self, request: Request) -> Response:
        return self._desk.poll(request, "training", _model)

    async def make_image(self, request: Request) -> Response:
        return await self._submit(request, "success")

    async def make_video(self, request: Request) -> Response:
        return await self._submit(request, "video")

    async def make_model(self, _request: Request) -> Response:
        model = self._desk.world.add(NAME, "training", untrained())
        return JSONResponse(_model(model, model.state(self._desk.world.now())))

    async def train(self, request: Request) -> Response:
        """Begins the training, and begins it anew each time: this GET is no mere look."""
        model = self._desk.known("training", request.path_params["job_id"])
        script = self._desk.script(await fields_of(request), "training")
        model = self._desk.world.restart(model, script)
        self._desk.world.submits[model.id] += 1
        return JSONResponse(_model(model, model.state(self._desk.world.now())))

    async def _submit(self, request: Request, usual: str) -> Response:
        job = await self._desk.submit(request, "job", usual=usual)
        return JSONResponse(self._job(job, job.state(self._desk.world.now())))

    def _job(self, job: SimulatedJob, state: State) -> dict[str, Any]:
        error = state.phase.error
        result: dict[str, Any] = {
            "jobId": job.id,
            "status": state.phase.status,
            "createdAt": wire_time(job.created_at),
            "images": [],
            "videos": [],
            "error": error and error.message,
        }
        return _enveloped({**result, **self._desk.filled(job, state.phase.output or {})})

    def _page(self, query: Mapping[str, str], state_of: Callable[[SimulatedJob], State]) -> dict[str, Any]:
        # The real list has trainings too, as jobs whose ids no other answer tells; here a training is its model alone.
        jobs = self._desk.world.listed(NAME, "job")
        earliest, latest = _span(query, self._desk.world.now())
        dated = ((moment_of(job.created_at), job) for job in jobs if earliest <= job.created_at <= latest)
        page = self._desk.page(dated, _PAGE_SIZE, query.get("pageToken"))
        return _enveloped({"jobs": [_row(job, state_of(job)) for job in page.jobs], "nextPageToken": page.token})


def _row(job: SimulatedJob, state: State) -> dict[str, Any]:
    error = state.phase.error
    return {
        "jobId": job.id,
        "status": state.phase.status,
        "credits": 10,
        "createdAt": wire_time(job.created_at),
        "updatedAt": wire_time(state.since),
        "errorMessage": error and error.message,
    }


def _span(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    latest = time_in(query, "end") or now
    earliest = time_in(query, "start") or latest - _USUAL_SPAN
    if latest - earliest > _LONGEST_SPAN:
        raise HTTPException(400, "The date range cannot exceed 7 days")
    return earliest, latest


def _model(model: SimulatedJob, state: State) -> dict[str, Any]:
    error = state.phase.error
    result = {
        "id": model.id,
        "status": state.phase.status,
        "createdAt": wire_time(model.created_at),
        "errorMessage": error and error.message,
    }
    return _enveloped(result)


def _enveloped(result: dict[str, Any]) -> dict[str, Any]:
    return {"status": "OK", "message": "Success", "err": None, "result": result}


def _runs(seconds: float) -> Script:
    return (Phase("CREATED", seconds * 0.1), Phase("QUEUED", seconds * 0.1), Phase("RUNNING", seconds * 0.8))
