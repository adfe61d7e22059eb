"""Scenario: `GET /v1/jobs/{id}` under HTTP Basic; history, progress, and workflows with steps."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tracker.demo.simulators.world import Phase, SimulatedJob, Step, World, answer, iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

BASE_PATH = "/v1"
PREFIX = "job_"


def succeeding(seconds: float = 6) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """A generation: queued, warming up, at work, finalizing, done."""
    return _phases(seconds, "success"), {"assetIds": ["asset_1", "asset_2"]}


def failing(seconds: float = 6) -> tuple[tuple[Phase, ...], Mapping[str, Any]]:
    """A generation that fails, with the provider's hint."""
    return _phases(seconds, "failure"), {"error": "The prompt was refused.", "hint": "Describe the picture otherwise."}


def workflow(seconds: float = 8) -> tuple[tuple[Phase, ...], Mapping[str, Any], tuple[Step, ...]]:
    """A workflow of three nodes, the second of which waits for a person for a third of the time."""
    third = seconds / 3
    steps = (
        Step("draft", "custom-model", 0, third),
        Step("approve", "user-approval", 2 * third, 2 * third, ("draft",)),
        Step("final", "custom-model", 2 * third, seconds, ("approve",)),
    )
    phases = (Phase("in-progress", seconds, 0.0, 0.99), Phase("success", begins=1.0))
    return phases, {"assetIds": ["asset_3"]}, steps


def app(world: World, api_key: str, api_secret: str) -> Starlette:
    """The API for one pair of credentials."""
    expected = "Basic " + base64.b64encode(f"{api_key}:{api_secret}".encode()).decode()

    async def show(request: Request) -> Response:
        if request.headers.get("authorization") != expected:
            return answer({"error": "Unauthorized"}, 401)
        job = await world.poll(request.path_params["id"])
        if isinstance(job, Response):
            return job
        return _not_found() if job is None else answer({"job": _shown(job, world.now())})

    async def generate(request: Request) -> Response:
        if request.headers.get("authorization") != expected:
            return answer({"error": "Unauthorized"}, 401)
        job = world.submit(PREFIX, "job", *succeeding())
        return answer({"job": _shown(job, world.now())})

    async def act(request: Request) -> Response:
        if request.headers.get("authorization") != expected:
            return answer({"error": "Unauthorized"}, 401)
        job = world.jobs.get(request.path_params["id"])
        if job is None:
            return _not_found()
        world.jobs[job.id] = _canceled(job, world.now())
        return answer({"job": _shown(world.jobs[job.id], world.now())})

    return Starlette(
        routes=[
            Route(f"{BASE_PATH}/jobs/{{id}}", show, methods=["GET"]),
            Route(f"{BASE_PATH}/jobs/{{id}}/action", act, methods=["POST"]),
            Route(f"{BASE_PATH}/generate/{{rest:path}}", generate, methods=["POST"]),
        ]
    )


def _phases(seconds: float, end: str) -> tuple[Phase, ...]:
    return (
        Phase("queued", 0.15 * seconds),
        Phase("warming-up", 0.15 * seconds),
        Phase("in-progress", 0.6 * seconds, 0.0, 0.95),
        Phase("finalizing", 0.1 * seconds, 0.95, 0.99),
        Phase(end, begins=1.0),
    )


def _canceled(job: SimulatedJob, now: datetime) -> SimulatedJob:
    if job.is_finished(now):
        return job
    begun = job.history(now)
    phases = [replace(phase, seconds=(job.phases[i].seconds)) for i, (phase, _) in enumerate(begun)]
    phases[-1] = replace(phases[-1], seconds=(now - begun[-1][1]).total_seconds())
    return replace(job, phases=(*phases, Phase("canceled")), facts={})


def _shown(job: SimulatedJob, now: datetime) -> dict[str, Any]:
    history = job.history(now)
    shown: dict[str, Any] = {
        "jobId": job.id,
        "jobType": "workflow" if job.steps else "custom",
        "status": history[-1][0].word,
        "progress": job.progress(now) or 0,
        "createdAt": iso(job.created_at),
        "updatedAt": iso(history[-1][1]),
        "statusHistory": [{"status": phase.word, "date": iso(at)} for phase, at in history],
        "metadata": dict(job.facts) if job.is_finished(now) else {},
    }
    if job.steps:
        shown["metadata"]["flow"] = [_step(step, job, now) for step in job.steps]
    return shown


def _step(step: Step, job: SimulatedJob, now: datetime) -> dict[str, Any]:
    started = job.created_at + timedelta(seconds=step.starts)
    ended = job.created_at + timedelta(seconds=step.ends)
    status = "success" if now >= ended else "processing" if now >= started else "pending"
    return {"id": step.id, "type": step.type, "status": status, "dependsOn": list(step.depends_on)}


def _not_found() -> Response:
    return answer({"error": "Job not found"}, 404)
