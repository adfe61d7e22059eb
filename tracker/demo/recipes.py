"""The jobs that the demo runs: every kind of every seed provider, endings good and bad, and some trouble on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tracker.demo.simulators import decart, photogpt, scenario, wondercat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.demo.simulators.world import Fault, Phase, SimulatedJob, Step, World
    from tracker.providers.description import Description

TRAINING_PACE = 100.0
"""A training takes 22 minutes and is polled every 5: the demo lets its time run so much faster than the others'."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A sort of job: how it goes, how it ends, and what goes wrong meanwhile."""

    provider: str
    kind: str
    prefix: str
    ends: str
    phases: tuple[Phase, ...]
    facts: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    is_refused_once: bool = False
    """Whether the receiver refuses the first completion webhook."""

    @property
    def trouble(self) -> str:
        """What goes wrong, in words."""
        words = [f"a poll met {fault}" for fault in self.faults]
        return ", ".join([*words, "the receiver refused once"] if self.is_refused_once else words)


def recipes() -> tuple[Recipe, ...]:
    """All of them."""
    return (
        Recipe("scenario", "job", "job_", "succeeded", *scenario.succeeding()),
        Recipe("wondercat", "inference", "wc-inf-", "succeeded", *wondercat.succeeding("inference")),
        Recipe("decart", "job", "dc-", "succeeded", *decart.succeeding()),
        Recipe("photogpt", "job", "pg-", "succeeded", *photogpt.succeeding()),
        Recipe("photogpt", "training", "model-", "succeeded", *photogpt.training()),
        Recipe("scenario", "job", "job_flow_", "succeeded", *scenario.workflow()),
        Recipe("wondercat", "editor", "wc-edit-", "succeeded", *wondercat.succeeding("editor")),
        Recipe("wondercat", "publish", "wc-pub-", "succeeded", *wondercat.succeeding("publish")),
        Recipe("scenario", "job", "job_", "failed", *scenario.failing()),
        Recipe("decart", "job", "dc-", "failed", *decart.failing()),
        Recipe("scenario", "job", "job_", "succeeded", *scenario.succeeding(4), faults=("500", "truncated")),
        Recipe("wondercat", "inference", "wc-inf-", "failed", *wondercat.failing(), faults=("429",)),
        Recipe("photogpt", "job", "pg-", "failed", *photogpt.failing()),
        Recipe("decart", "job", "dc-", "succeeded", *decart.succeeding(3), is_refused_once=True),
        Recipe("wondercat", "editor", "wc-edit-", "succeeded", *wondercat.succeeding("editor", 8), faults=("html",)),
    )


def begin(recipe: Recipe, number: int, world: World, speed: float) -> SimulatedJob:
    """Starts a job by the recipe, `speed` times faster than life."""
    pace = speed * _pace(recipe.kind)
    phases = tuple(replace(phase, seconds=phase.seconds / pace) for phase in recipe.phases)
    steps = tuple(replace(step, starts=step.starts / pace, ends=step.ends / pace) for step in recipe.steps)
    job = world.add(f"{recipe.prefix}{number:04d}", recipe.kind, phases, recipe.facts, steps)
    world.fail_next(job.id, *recipe.faults)
    return job


def sped_up(description: Description, speed: float) -> Description:
    """The description with its documented intervals divided by the same speed, so that both keep their proportion."""
    kinds = {}
    for name, kind in description.kinds.items():
        timing, pace = kind.timing, speed * _pace(name)
        faster = timing.model_copy(
            update={
                "first": timing.first and timing.first / pace,
                "interval": timing.interval / pace,
                "cap": timing.cap and timing.cap / pace,
            }
        )
        kinds[name] = kind.model_copy(update={"timing": faster})
    return description.model_copy(update={"kinds": kinds})


def _pace(kind: str) -> float:
    return TRAINING_PACE if kind == "training" else 1.0
