"""The usual lives of Scenario's jobs, and how a workflow goes on after its approval."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from tracker.demo.simulators.scripts import Failure, Node, Outcomes, Phase, Script, State

if TYPE_CHECKING:
    from datetime import datetime

    from tracker.demo.simulators.world import SimulatedJob

_ASSETS = {"assetIds": ["asset_{id}"]}
_FLOW = (
    ("draft", "custom-model", ()),
    ("approval", "user-approval", ("draft",)),
    ("final", "custom-model", ("approval",)),
)


def success(seconds: float = 6.0) -> Script:
    """Waits, runs with progress, and ends with an asset."""
    return (*_runs(seconds), Phase("success", progress=(1, 1), output=_ASSETS))


def failure(seconds: float = 6.0) -> Script:
    """Fails in the midst of it, with a hint."""
    error = Failure("The input image could not be read.", hint="Upload the image as PNG or JPEG.")
    return (*_runs(seconds), Phase("failure", progress=(0.95, 0.95), error=error))


def canceled(seconds: float = 6.0) -> Script:
    """Is canceled by somebody else."""
    return (*_runs(seconds), Phase("canceled", progress=(0.95, 0.95)))


def workflow(seconds: float = 6.0, approval_seconds: float | None = None) -> Script:
    """A draft, an approval and a final step; the approval comes after `approval_seconds` (default: a third of all).

    With `math.inf` it waits for `PUT /workflows/{id}/user-approval`.
    """
    third = seconds / 3
    waits = third if approval_seconds is None else approval_seconds
    return (
        Phase("queued", third / 2, progress=(0, 0), flow=_flow("pending", "pending", "pending")),
        Phase("in-progress", third / 2, progress=(0, 0.5), flow=_flow("processing", "pending", "pending")),
        Phase("in-progress", waits, progress=(0.5, 0.5), flow=_flow("success", "pending", "pending")),
        Phase("in-progress", third, progress=(0.5, 1), flow=_flow("success", "success", "processing")),
        Phase("success", progress=(1, 1), output=_ASSETS, flow=_flow("success", "success", "success")),
    )


def waits_for_approval(seconds: float = 6.0) -> Script:
    """A workflow that waits until somebody approves or rejects it."""
    return workflow(seconds, math.inf)


OUTCOMES: Outcomes = {
    "job": {
        "success": success,
        "failure": failure,
        "canceled": canceled,
        "workflow": workflow,
        "workflow-waiting": waits_for_approval,
    }
}


def waiting_node(state: State) -> Node | None:
    """The approval that a workflow waits for now: pending, with all that it depends on done."""
    done = {node.id for node in state.phase.flow if node.status in ("success", "skipped")}
    for node in state.phase.flow:
        if node.type == "user-approval" and node.status == "pending" and done.issuperset(node.depends_on):
            return node
    return None


def approved(job: SimulatedJob, now: datetime) -> Script:
    """What of the script follows the present phase."""
    return job.script[len(job.state(now).begun) :]


def rejected(job: SimulatedJob, now: datetime) -> Script:
    """The end of a workflow whose approval is refused."""
    state = job.state(now)
    waiting = waiting_node(state)
    flow = tuple(replace(node, status="rejected") if node == waiting else node for node in state.phase.flow)
    return (replace(state.phase, status="canceled", flow=flow),)


def _runs(seconds: float) -> Script:
    return (
        Phase("queued", seconds * 0.2, progress=(0, 0)),
        Phase("warming-up", seconds * 0.1, progress=(0, 0)),
        Phase("in-progress", seconds * 0.6, progress=(0, 0.9)),
        Phase("finalizing", seconds * 0.1, progress=(0.9, 0.95)),
    )


def _flow(*statuses: str) -> tuple[Node, ...]:
    nodes = zip(_FLOW, statuses, strict=True)
    return tuple(Node(node_id, node_type, status, depends_on) for (node_id, node_type, depends_on), status in nodes)
