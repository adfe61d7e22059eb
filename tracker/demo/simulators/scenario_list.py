"""What Scenario's list of jobs can be asked for, as its SDK documents it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from tracker.demo.simulators.lists import moment_of, time_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tracker.demo.simulators.lists import Dated
    from tracker.demo.simulators.world import SimulatedJob

_BY_UPDATE = frozenset({"status", "type", "types", "workflowId"})
"""With one of these the list is sorted by update, without them by creation; only that time can be asked for."""

_LISTED = (
    "assets-download model-training flux-model-training musubi-model-training inference pixelate embed "
    "remove-background vectorize canvas-export image-generation image-prompt-editing caption generate-prompt "
    "describe-style translate detection restyle repaint reframe segment skybox-base-360 skybox-upscale-360 "
    "skybox-hdri skybox-3d texture upscale upscale-skybox upscale-texture flux openai-image-generation upload "
    "custom splat mesh-preview-rendering workflow"
)
_TYPES = frozenset(_LISTED.split())
"""What can be listed by type. Jobs have more types than these: model-download, for one, can only be polled."""


def chosen(jobs: Iterable[SimulatedJob], query: Mapping[str, str], now: datetime) -> Iterator[Dated]:
    """The jobs that the query asks for, with the moment that they are sorted by; HTTPException 400 refuses it."""
    is_by_update = not _BY_UPDATE.isdisjoint(query)
    after = _after(query, *(("updatedAfter", "createdAfter") if is_by_update else ("createdAfter", "updatedAfter")))
    conditions = list(_conditions(query, now))
    for job in jobs:
        moment = moment_of(job.updated_at(now) if is_by_update else job.created_at)
        if moment > after and all(holds(job) for holds in conditions):
            yield moment, job


def type_of(job: SimulatedJob) -> str:
    """The job's type; one that was not submitted is told by its steps."""
    return str(job.details.get("jobType", "workflow" if job.script[0].flow else "inference"))


def _after(query: Mapping[str, str], name: str, forbidden: str) -> int:
    if forbidden in query:
        raise HTTPException(400, f"{forbidden} cannot be combined with this sort of list; use {name}.")
    at = time_in(query, name)
    return -1 if at is None else moment_of(at)


def _conditions(query: Mapping[str, str], now: datetime) -> Iterator[Callable[[SimulatedJob], bool]]:
    if "types" in query or "type" in query:
        types = frozenset(query["types"].split(",") if "types" in query else [query["type"]])
        if not types <= _TYPES:
            raise HTTPException(400, f"There are no types {', '.join(sorted(types - _TYPES))} to list.")
        yield lambda job: type_of(job) in types
    if "workflowId" in query:
        yield lambda job: job.details.get("workflowId") == query["workflowId"]
    if "status" in query:
        yield lambda job: job.state(now).phase.status == query["status"]
