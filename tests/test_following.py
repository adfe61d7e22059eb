"""Commands that follow the stream of events, as processes against the real service."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

from tests.flow import fetch, live, register
from tracker.demo.simulators import scenario_scripts

GUARD = 60


@asynccontextmanager
async def following(stage, *command):
    """A command as a process, from when it follows the stream."""
    settings = {"TRACKER_URL": stage.url, "TRACKER_API_KEY": stage.service.settings.api_key}
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | settings, **pipes)
    try:
        async with asyncio.timeout(GUARD):
            while stage.service.feed.followers == 0:
                await stage.service.feed.tick()
                await asyncio.sleep(0)
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def tracked(stage, *names):
    """The ids of jobs that will succeed."""
    for name in names:
        stage.world.add("scenario", "job", scenario_scripts.success(4), job_id=name)
    return [(await register(stage, provider="scenario", remote_id=name))["id"] for name in names]


async def test_wait_tells_progress_as_it_comes_and_ends_with_the_job(stage, clock):
    (job_id,) = await tracked(stage, "r1")
    async with following(stage, sys.executable, "-m", "tracker", "jobs", "wait", job_id) as process:
        await live(stage, clock, 30)
        stdout, stderr = await process.communicate()
    lines = stdout.decode().splitlines()
    assert (process.returncode, stderr) == (0, b"")
    assert lines[-1].startswith(f"{job_id} succeeded after ")
    assert lines[-2].endswith("succeeded")
    assert any(line.endswith("running") for line in lines[:-2])


async def test_watch_shows_each_job_to_its_end_one_document_a_line(stage, clock):
    ids = await tracked(stage, "r1", "r2")
    async with following(stage, sys.executable, "-m", "tracker", "jobs", "watch", "--json") as process:
        await live(stage, clock, 30)
        stdout, stderr = await process.communicate()
    assert (process.returncode, stderr) == (0, b"")
    last = {job["id"]: job for job in map(json.loads, stdout.splitlines())}
    assert last == {job_id: await fetch(stage, f"/v1/jobs/{job_id}") for job_id in ids}


async def test_pipe_ends_with_its_reader_though_nothing_happens_any_more(stage, clock):
    """As `tracker events --follow | head -1`, in a real shell."""
    script = f"set -o pipefail; '{sys.executable}' -m tracker events --follow --json | head -n 1"
    async with following(stage, "bash", "-c", script) as process:
        await tracked(stage, "r1")
        await live(stage, clock, 30)
        stdout, stderr = await process.communicate()
    assert stdout.count(b"\n") == 1
    assert stdout.startswith(b'{"id": "evt_')
    assert (process.returncode, stderr) == (1, b"")
