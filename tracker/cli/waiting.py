"""Waiting for one job to end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import typer

from tracker.cli.following import run
from tracker.cli.output import ExitCode, print_json, print_line, stop
from tracker.cli.screens import ended_well, is_final, open_screen_beside, why_it_ended
from tracker.cli.watching import Watch

if TYPE_CHECKING:
    from tracker.cli.connection import Connection


def wait_and_report(service: Connection, job_id: str, patience: float | None, *, as_json: bool) -> None:
    """Wait for the job, print how it went, and leave with exit code 1 unless it succeeded."""
    began = time.monotonic()
    first = service.get("jobs", job_id)
    with open_screen_beside(as_json=as_json) as screen:
        watch = Watch(service, [job_id], screen)
        watch.show(first)
        run(_follow(watch, patience))
    job, waited = watch.seen[job_id], time.monotonic() - began
    if as_json:
        print_json(job)
    if job_id in watch.left:
        stop(f"{job_id} is still {job.get('status')} after {waited:.1f} s; it goes on.", ExitCode.ENDED_BADLY)
    if not is_final(job):
        raise typer.Exit(ExitCode.ENDED_BADLY)  # it was forgotten meanwhile, which was said
    if not ended_well(job):
        stop(f"{job_id} {job['status']} after {waited:.1f} s{why_it_ended(job)}", ExitCode.ENDED_BADLY)
    if not as_json:
        print_line(f"{job_id} succeeded after {waited:.1f} s")


async def _follow(watch: Watch, patience: float | None) -> None:
    try:
        async with asyncio.timeout(patience):
            await watch.follow()
    except TimeoutError:
        pass  # the job is as it was last seen
