"""What a submit tells besides its job: models, workflows, assets, and the results of work that is done at once.

Each has the fields that the official SDK requires, and no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.demo.simulators.desk import wire_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.demo.simulators.world import SimulatedJob

AUTHOR = "user_demo"
OWNER = "proj_demo"

RESULTS: Mapping[str, Mapping[str, Any]] = {
    "caption": {"captions": ["A cat."]},
    "describe-style": {"description": "Watercolour.", "synthesis": "Watercolour."},
    "embed": {"embedding": [0.25, -0.5]},
    "prompt": {"prompts": ["A cat in watercolour."]},
    "translate": {"detectedLanguage": "fr", "translation": "A cat."},
}
"""By the word after /generate."""


def model_of(job: SimulatedJob, model_id: str) -> dict[str, Any]:
    """The model that a job trains."""
    return {
        **_times(job),
        "id": model_id,
        "status": "training",
        "type": "flux.1-lora",
        "source": "scenario",
        "privacy": "private",
        "custom": False,
        "jobId": job.id,
        "capabilities": ["txt2img"],
        "collectionIds": [],
        "exampleAssetIds": [],
        "tags": [],
        "trainingImagesNumber": 10,
    }


def workflow_of(job: SimulatedJob, workflow_id: str) -> dict[str, Any]:
    """The workflow that a job runs; its steps are told in the job."""
    return {
        **_times(job),
        "id": workflow_id,
        "status": "ready",
        "name": "Draft, approval, final",
        "description": "",
        "shortDescription": "",
        "authorId": AUTHOR,
        "ownerId": OWNER,
        "privacy": "private",
        "editorInfo": {},
        "flow": [],
        "hasFlow": True,
        "inputs": [],
        "tagSet": [],
    }


def asset_of(job: SimulatedJob) -> dict[str, Any]:
    """The asset that a job uploads."""
    return {
        **_times(job),
        "id": f"asset_{job.id}",
        "status": "pending",
        "kind": "image",
        "mimeType": "image/png",
        "source": "uploaded",
        "url": f"https://cdn.scenario.invalid/asset_{job.id}",
        "authorId": AUTHOR,
        "ownerId": OWNER,
        "privacy": "private",
        "metadata": {"kind": "image", "type": "uploaded"},
        "properties": {"size": 1024},
        "collectionIds": [],
        "editCapabilities": [],
        "tags": [],
    }


def _times(job: SimulatedJob) -> dict[str, str]:
    return {"createdAt": wire_time(job.created_at), "updatedAt": wire_time(job.created_at)}
