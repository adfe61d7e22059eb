"""`tracker demo`: registers jobs of every kind, shows them live, and concludes whether all is well."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

from rich.console import Console

from tracker.demo.receiver import Mischief
from tracker.demo.recipes import RECIPES, Recipe, begin, pace_of, sped_up
from tracker.demo.stage import SUBSCRIPTION_PATH, Stage, set_up
from tracker.demo.view import View, summary
from tracker.logs import configure_logs
from tracker.providers.catalog import load_descriptions
from tracker.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.demo.receiver import Arrival
    from tracker.demo.simulators.world import SimulatedJob

_PATIENCE, _SHORTEST_PATIENCE = 60.0, 20.0
"""Seconds until the demo gives up waiting: at speed 1, and at least."""

_WIDTH_ELSEWHERE = 110
"""Columns where the output goes to a file or a pipe."""


@dataclass(slots=True)
class Run:
    """One job of the demo: what was planned, and what came of it."""

    recipe: Recipe
    remote: SimulatedJob
    polls: int = 0
    ended: str | None = None
    delay: float | None = None
    is_verified: bool = False
    flaw: str | None = None
    arrivals: int = 0

    @property
    def callback_path(self) -> str:
        """Where its own webhooks go."""
        return f"/jobs/{self.remote.id}"

    @property
    def is_well(self) -> bool:
        """Whether it ended as it should, and its signed webhook came."""
        return self.is_verified and self.ended == self.recipe.ends

    def take(self, arrival: Arrival) -> None:
        """Takes the completion webhook of this job: the first that the receiver does not refuse."""
        self.arrivals += 1
        if self.arrivals != 1 + self.recipe.is_refused_once:
            return
        job = arrival.json["data"]["job"]
        finished_at = self.remote.finished_at
        self.delay = (arrival.arrived_at - finished_at).total_seconds() if finished_at else None
        self.ended, self.polls = job["status"], job["polls"]
        self.is_verified, self.flaw = arrival.verified, arrival.error


def run_demo(*, jobs: int, speed: float, keep: bool) -> int:
    """Runs the demo; returns the exit code: 0 only if every job ended with its signed completion webhook."""
    configure_logs("text", logging.ERROR)
    try:
        return asyncio.run(_run(jobs, speed, keep=keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


async def _run(jobs: int, speed: float, *, keep: bool) -> int:
    this = asyncio.current_task()
    if this is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_ELSEWHERE)
    descriptions = [sped_up(description, speed) for description in load_descriptions(None)]
    async with set_up(Surroundings(), descriptions, {"TRACKER_RETRY_SCHEDULE": "1s,2s,4s,8s"}) as stage:
        console.print(_opening(stage, jobs, speed))
        await _subscribe(stage)
        runs = [await _register(stage, recipe, n, speed) for n, recipe in enumerate(_chosen(jobs), 1)]
        await _watch(stage, console, runs, max(_PATIENCE / speed, _SHORTEST_PATIENCE))
        code = _conclude(console, runs)
        if keep:
            await _keep(stage, console)
        return code


def _opening(stage: Stage, jobs: int, speed: float) -> str:
    pace = "in real time" if speed == 1 else f"{speed:g} times faster than life"
    return (
        f"Tracker listens on {stage.url}; four simulated providers and a receiver run beside it.\n"
        f"{jobs} jobs run {pace} and are polled when a poll is worth it, as far as their descriptions tell\n"
        f"(trainings take 22 minutes: those run {pace_of('training', speed):g} times faster).\n"
    )


def _chosen(jobs: int) -> Sequence[Recipe]:
    return tuple(islice(cycle(RECIPES), jobs))


async def _subscribe(stage: Stage) -> None:
    """One subscription to everything, for the live view."""
    body = {
        "callback_url": stage.callbacks + SUBSCRIPTION_PATH,
        "events": ["job.*"],
        "secret": stage.subscription_secret,
    }
    (await stage.client.post("/v1/subscriptions", json=body)).raise_for_status()


async def _register(stage: Stage, recipe: Recipe, number: int, speed: float) -> Run:
    job_id = f"{recipe.prefix}{number:02d}"
    run = Run(recipe, begin(recipe, job_id, stage.world, pace_of(recipe.kind, speed)))
    if recipe.is_refused_once:
        stage.inbox.misbehave(Mischief.SERVER_ERROR, path=run.callback_path)
    body = {
        "provider": recipe.provider,
        "kind": recipe.kind,
        "remote_id": job_id,
        "callback_url": stage.callbacks + run.callback_path,
    }
    (await stage.client.post("/v1/jobs", json=body)).raise_for_status()
    return run


async def _watch(stage: Stage, console: Console, runs: Sequence[Run], patience: float) -> None:
    """Shows what arrives until every job's completion webhook was there, or patience is over."""
    view = View(console)
    by_path = {run.callback_path: run for run in runs}

    def take(arrival: Arrival) -> None:
        if arrival.path == SUBSCRIPTION_PATH:
            view.event(arrival.json)
        elif arrival.path in by_path:
            by_path[arrival.path].take(arrival)

    stage.inbox.arrived = take
    with view.showing(runs):
        try:
            async with asyncio.timeout(patience):
                await stage.inbox.until(lambda _: all(run.ended for run in runs))
        except TimeoutError:
            console.print(f"[red]Not every job was told of within {patience:.0f} s.")


def _conclude(console: Console, runs: Sequence[Run]) -> int:
    console.print(summary(runs))
    well = sum(run.is_well for run in runs)
    delays = [run.delay for run in runs if run.delay is not None]
    polls = sum(run.polls for run in runs)
    console.print(f"\n{well} of {len(runs)} jobs ended with their signed completion webhook; {polls} polls", end="")
    console.print(f", {sum(delays) / len(delays):.2f} s from done to webhook on average." if delays else ".")
    return 0 if well == len(runs) else 1


async def _keep(stage: Stage, console: Console) -> None:
    key = stage.service.settings.api_key or ""
    console.print(
        f"\nEverything goes on running until Ctrl-C. Look around (this link signs you in, once, within an hour):\n\n"
        f"  {stage.url}{stage.service.site.login_path(key)}\n\nor with:\n\n"
        f"  export TRACKER_URL={stage.url} TRACKER_API_KEY={key}\n"
        f"  uv run tracker jobs list",
        soft_wrap=True,
    )
    await asyncio.Event().wait()
