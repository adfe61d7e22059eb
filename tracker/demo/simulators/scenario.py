"""Simulated Scenario: every sort of work is a job of one route, told with its history and, for workflows, its steps.

The shapes are those of the official SDK's types; refusals have the fields that Scenario's own clients read.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tracker.demo.simulators.desk import Desk, fields_of, is_same, retry_header, wire_time
from tracker.demo.simulators.lists import number_in
from tracker.demo.simulators.scenario_list import chosen, type_of
from tracker.demo.simulators.scenario_scripts import OUTCOMES, approved, rejected, waiting_node
from tracker.demo.simulators.scenario_things import AUTHOR, OWNER, RESULTS, asset_of, model_of, workflow_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.applications import Starlette
    from starlette.requests import Request

    from tracker.demo.simulators.scripts import Node, State
    from tracker.demo.simulators.world import SimulatedJob, World

NAME = "scenario"
BASE_PATH = "/v1"
"""The path of the base URL."""

_JOB_TYPES = {
    "caption": "caption",
    "custom": "custom",
    "detect": "detection",
    "embed": "embed",
    "patch": "patch-image",
    "prompt": "generate-prompt",
    "translate": "translate",
    "describe-style": "describe-style",
}
"""By the word after /generate; what is not here is an inference."""


def app(world: World, api_key: str, api_secret: str) -> Starlette:
    """Scenario's API over the jobs of `world`, behind HTTP Basic."""
    expected = f"Basic {base64.b64encode(f'{api_key}:{api_secret}'.encode()).decode()}"

    def turn_away(request: Request) -> Response | None:
        is_known = is_same(request.headers.get("authorization", ""), expected)
        return None if is_known else refuse(401, "Unauthorized")

    desk = Desk(world, NAME, OUTCOMES, refuse)
    return desk.app([Mount(BASE_PATH, routes=_Scenario(desk).routes())], turn_away)


def refuse(status: int, message: str, retry_after: float | None = None) -> Response:
    """A refusal; a 429 says in the body too how long to wait."""
    document: dict[str, Any] = {"reason": message, "trace_id": "Root=1-00000000-000000000000000000000000"}
    if status == 429 and retry_after is not None:
        document["remainingSeconds"] = math.ceil(retry_after)
    headers = retry_header(retry_after) if status in (429, 503) else {}
    return JSONResponse(document, status_code=status, headers=headers)


class _Scenario:
    """The routes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("/jobs", self.list_jobs),
            Route("/jobs/{job_id}", self.poll),
            Route("/jobs/{job_id}/action", self.act, methods=["POST"]),
            Route("/generate/{what}", self.generate, methods=["POST"]),
            Route("/generate/{what}/{model_id}", self.generate, methods=["POST"]),
            Route("/assets", self.upload, methods=["POST"]),
            Route("/assets/download", self.download, methods=["POST"]),
            Route("/models/{model_id}/download", self.download, methods=["POST"]),
            Route("/models/{model_id}/train", self.train, methods=["PUT"]),
            Route("/workflows/{workflow_id}/run", self.run_workflow, methods=["PUT"]),
            Route("/workflows/{workflow_id}/user-approval", self.approve, methods=["PUT"]),
        ]

    async def poll(self, request: Request) -> Response:
        query = request.query_params
        return self._desk.poll(request, "job", self._job, lambda job: _is_visible(job, query))

    async def list_jobs(self, request: Request) -> Response:
        return self._desk.list_page(request, self._page)

    async def act(self, request: Request) -> Response:
        job = self._desk.known("job", request.path_params["job_id"])
        action = (await fields_of(request)).get("action")
        if action != "cancel":
            raise HTTPException(400, f"The action {action!r} is not known; 'cancel' is.")
        if job.state(self._desk.world.now()).is_final:
            raise HTTPException(400, "The job is over and cannot be canceled.")
        return self._answer(self._desk.world.cancel(job))

    async def generate(self, request: Request) -> Response:
        what = request.path_params["what"]
        job = await self._submit(request, _JOB_TYPES.get(what, "inference"))
        return self._answer(job, creativeUnitsCost=1, **RESULTS.get(what, {}))

    async def upload(self, request: Request) -> Response:
        job = await self._submit(request, "upload")
        return self._answer(job, asset=asset_of(job))

    async def download(self, request: Request) -> Response:
        what = "model-download" if "model_id" in request.path_params else "assets-download"
        return JSONResponse({"jobId": (await self._submit(request, what)).id})

    async def train(self, request: Request) -> Response:
        job = await self._submit(request, "model-training")
        return self._answer(job, model=model_of(job, request.path_params["model_id"]))

    async def run_workflow(self, request: Request) -> Response:
        workflow_id = request.path_params["workflow_id"]
        job = await self._submit(request, "workflow", usual="workflow", workflowId=workflow_id)
        return self._answer(job, workflow=workflow_of(job, workflow_id))

    async def approve(self, request: Request) -> Response:
        fields = await fields_of(request)
        job = self._desk.known("job", str(fields.get("workflowJobId")))
        waiting = waiting_node(job.state(self._desk.world.now()))
        if waiting is None or waiting.id != fields.get("nodeId"):
            raise HTTPException(400, f"The node {fields.get('nodeId')!r} does not wait for an approval.")
        follows = rejected if fields.get("action", "approve") == "reject" else approved
        return self._answer(self._desk.world.go_on_with(job, follows(job, self._desk.world.now())))

    async def _submit(
        self, request: Request, job_type: str, *, usual: str = "success", **details: object
    ) -> SimulatedJob:
        project = request.query_params.get("projectId")
        return await self._desk.submit(
            request, "job", prefix="job_", usual=usual, jobType=job_type, projectId=project, **details
        )

    def _answer(self, job: SimulatedJob, **more: object) -> Response:
        return JSONResponse({**self._job(job, job.state(self._desk.world.now())), **more})

    def _job(self, job: SimulatedJob, state: State) -> dict[str, Any]:
        told = {
            "jobId": job.id,
            "jobType": type_of(job),
            "status": state.phase.status,
            "progress": round(state.progress or 0.0, 4),
            "metadata": self._metadata(job, state),
            "statusHistory": [{"status": word, "date": wire_time(at)} for word, at in state.history],
            "createdAt": wire_time(job.created_at),
            "updatedAt": wire_time(state.since),
            "authorId": AUTHOR,
            "ownerId": job.details.get("projectId") or OWNER,
            "billing": {"cuCost": 1, "cuDiscount": 0},
        }
        return {"job": told}

    def _page(self, query: Mapping[str, str], state_of: Callable[[SimulatedJob], State]) -> dict[str, Any]:
        size = number_in(query, "pageSize", usual=50, most=100)
        visible = (job for job in self._desk.world.listed(NAME, "job") if _is_visible(job, query))
        page = self._desk.page(chosen(visible, query, self._desk.world.now()), size, query.get("paginationToken"))
        rows = [self._job(job, state_of(job))["job"] for job in page.jobs]
        return {"jobs": rows, "nextPaginationToken": page.token} if page.token else {"jobs": rows}

    def _metadata(self, job: SimulatedJob, state: State) -> dict[str, Any]:
        phase = state.phase
        metadata = {"input": {}, "assetIds": [], **self._desk.filled(job, phase.output or {})}
        if phase.error:
            metadata |= {"error": phase.error.message, "hint": phase.error.hint}
        if phase.flow:
            metadata["flow"] = [_node(job, node) for node in phase.flow]
        if "workflowId" in job.details:
            metadata["workflowId"] = job.details["workflowId"]
        return metadata


def _is_visible(job: SimulatedJob, query: Mapping[str, str]) -> bool:
    # A job that was made under a project is found only under it.
    return job.details.get("projectId") in (None, query.get("projectId"))


def _node(job: SimulatedJob, node: Node) -> dict[str, Any]:
    told: dict[str, Any] = {"id": node.id, "type": node.type, "status": node.status, "inputs": []}
    if node.depends_on:
        told["dependsOn"] = list(node.depends_on)
    # A node that has not started has no job of its own.
    if node.status not in ("pending", "skipped") and node.type != "user-approval":
        told["jobId"] = f"{job.id}_{node.id}"
    return told
