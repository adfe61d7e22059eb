"""The jobs that the demo runs: every kind of every seed provider, endings good and bad, and some trouble on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracker.demo.simulators import Fault, SimulatedJob, World, decart, photogpt, scenario_scripts, wondercat

if TYPE_CHECKING:
    from tracker.providers.description import Description

TRAINING_PACE = 100.0
"""A training takes 22 minutes and is polled every 5: the demo lets its time run so much faster than the others'."""

_OUTCOMES = {
    "scenario": scenario_scripts.OUTCOMES,
    "wondercat": wondercat.OUTCOMES,
    "decart": decart.OUTCOMES,
    "photogpt": photogpt.OUTCOMES,
}
_ENDINGS = {"failure": "failed", "canceled": "canceled"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A sort of job: which of its provider's outcomes it has, after how many seconds, and what goes wrong meanwhile."""

    provider: str
    kind: str
    outcome: str
    seconds: float
    prefix: str
    faults: tuple[Fault, ...] = ()
    is_refused_once: bool = False
    """Whether the receiver refuses the first completion webhook."""

    @property
    def ends(self) -> str:
        """The status that it comes to."""
        return _ENDINGS.get(self.outcome, "succeeded")

    @property
    def trouble(self) -> str:
        """What goes wrong, in words."""
        faults = ", ".join(fault.replace("_", " ") for fault in self.faults)
        return f"polls met: {faults}" if faults else "receiver refused once" if self.is_refused_once else ""


RECIPES = (
    Recipe("scenario", "job", "success", 6, "job_"),
    Recipe("wondercat", "inference", "success", 5, "wc-inf-"),
    Recipe("decart", "job", "success", 6, "dc-"),
    Recipe("photogpt", "job", "success", 9, "pg-"),
    Recipe("photogpt", "training", "success", 1300, "model-"),
    Recipe("scenario", "job", "workflow", 8, "job_flow_"),
    Recipe("wondercat", "editor", "success", 6, "wc-edit-"),
    Recipe("wondercat", "publish", "success", 4, "wc-pub-"),
    Recipe("scenario", "job", "failure", 5, "job_"),
    Recipe("decart", "job", "failure", 4, "dc-"),
    Recipe("scenario", "job", "success", 4, "job_", faults=(Fault.SERVER_ERROR, Fault.TRUNCATED)),
    Recipe("wondercat", "inference", "failure", 6, "wc-inf-", faults=(Fault.RATE_LIMITED,)),
    Recipe("photogpt", "job", "failure", 8, "pg-"),
    Recipe("decart", "job", "success", 3, "dc-", is_refused_once=True),
    Recipe("wondercat", "editor", "canceled", 4, "wc-edit-", faults=(Fault.HTML,)),
    Recipe("scenario", "job", "canceled", 7, "job_"),
)


def begin(recipe: Recipe, job_id: str, world: World, speed: float = 1.0) -> SimulatedJob:
    """Starts a job by the recipe, `speed` times faster than life."""
    script = _OUTCOMES[recipe.provider][recipe.kind][recipe.outcome](recipe.seconds / speed)
    for fault in recipe.faults:
        world.break_polls(fault, job_id=job_id)
    return world.add(recipe.provider, recipe.kind, script, job_id=job_id)


def sped_up(description: Description, speed: float) -> Description:
    """The description with its documented intervals divided by the speed: they keep their proportion to jobs."""
    kinds = {}
    for name, kind in description.kinds.items():
        timing, pace = kind.timing, pace_of(name, speed)
        faster = {
            "first": timing.first and timing.first / pace,
            "interval": timing.interval / pace,
            "cap": timing.cap and timing.cap / pace,
            "typical": timing.typical and timing.typical / pace,
            "delay_per_poll": timing.delay_per_poll and timing.delay_per_poll / pace,
        }
        kinds[name] = kind.model_copy(update={"timing": timing.model_copy(update=faster)})
    return description.model_copy(update={"kinds": kinds})


def pace_of(kind: str, speed: float) -> float:
    """How much faster than life a kind runs at this speed."""
    return speed * TRAINING_PACE if kind == "training" else speed
