"""What the README shows of the client works: its snippets, against the simulated providers and the real service."""

from __future__ import annotations

import ast
import asyncio
import re
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from structlog.testing import capture_logs

from tests.flow import live
from tracker.client import AsyncTracker, Tracker
from tracker.demo.simulators import scenario_scripts

from .conftest import GUARD, in_background

README = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
SECTION = README.partition("## From Python\n")[2].partition("\n## ")[0]
DIFFS = {
    block.splitlines()[0].removeprefix(" # "): block.splitlines()[1:]
    for block in re.findall(r"```diff\n(.*?)```", SECTION, re.DOTALL)
}


def side(provider, sign):
    """The program before (`-`) or after (`+`) the change."""
    return "\n".join(line[1:] for line in DIFFS[provider] if line[0] in (" ", sign))


def begin(program, namespace):
    """Runs a program beside the test: in a thread, or, where it awaits, in this loop."""
    code = compile(program, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if "await " in program:
        return asyncio.ensure_future(eval(code, namespace))  # noqa: S307 - our own README
    return asyncio.ensure_future(asyncio.to_thread(exec, code, namespace))


@pytest.fixture
def registered(stage):
    """Set when a job is registered."""
    happened, context = asyncio.Event(), stage.service.app.state.context

    def poll_at(at):
        happened.set()
        context.poll_at(at)

    stage.service.app.state.context = replace(context, poll_at=poll_at)
    return happened


@pytest.fixture
async def run(stage, clock, registered):
    """Runs a program while the world goes on; returns its names."""

    async def run_one(program, **namespace):
        async with in_background(begin(program, namespace)) as running:
            await asyncio.wait_for(registered.wait(), GUARD)
            await live(stage, clock, 60)
            await asyncio.wait_for(running, GUARD)
        return namespace

    return run_one


@pytest.fixture
def clients(stage, clock):
    """What the programs have at hand: a client of Tracker, and a clock whose sleeps are over at once."""
    key = stage.service.settings.api_key
    with Tracker(stage.url, key) as tracker:
        yield {"tracker": tracker, "time": SimpleNamespace(sleep=clock.advance)}


def base_url(stage, provider):
    return stage.service.settings.environ[f"TRACKER_{provider.upper()}_BASE_URL"]


def rest_client(stage, provider):
    headers = {"authorization": f"Bearer simulated-{provider}", "api-version": "1"}
    return httpx.Client(base_url=base_url(stage, provider), headers=headers, trust_env=False)


def test_each_of_the_four_has_its_two_lines():
    assert list(DIFFS) == ["Scenario", "Wondercat", "Decart", "PhotoGPT"]
    assert {len([line for line in lines if line[0] == "+"]) for lines in DIFFS.values()} == {2}


async def test_snippet_waits_for_a_job(stage, run, monkeypatch, capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    stage.world.add("scenario", "job", scenario_scripts.success(6), job_id="r1")
    monkeypatch.setenv("TRACKER_URL", stage.url)
    monkeypatch.setenv("TRACKER_API_KEY", stage.service.settings.api_key)
    with capture_logs():  # what the service has to say meanwhile would stand in between
        names = await run(textwrap.dedent(snippet), remote_id="r1")
    assert names["job"].output == {"assetIds": ["asset_r1"]}
    assert capsys.readouterr().out == "queued\nrunning\nsucceeded\nsucceeded {'assetIds': ['asset_r1']}\n"


@pytest.mark.parametrize("provider", ["Wondercat", "PhotoGPT"])
async def test_plain_http_moves_to_tracker(stage, run, clients, provider):
    name = provider.lower()
    with rest_client(stage, name) as rest:
        before = {**clients, name: rest}
        await begin(side(provider, "-"), before)
        after = await run(side(provider, "+"), **clients, **{name: rest})
    assert before["job_id"] != after["job_id"]
    assert (after["job"].provider, after["job"].status) == (name, "succeeded")


@pytest.mark.sdk
async def test_scenarios_sdk_moves_to_tracker(stage, run, clients):
    sdk = pytest.importorskip("scenario_sdk", reason="scenario-sdk is not installed: uv run --group sdks pytest -m sdk")
    url = base_url(stage, "scenario")
    with sdk.Scenario(base_url=url, api_key="simulated-key", api_secret="simulated-secret") as scenario:
        before = {**clients, "scenario": scenario}
        await begin(side("Scenario", "-"), before)
        after = await run(side("Scenario", "+"), **clients, scenario=scenario)
        job_id = after["submitted"].job.job_id
        assets = (await asyncio.to_thread(scenario.jobs.retrieve, job_id)).job.metadata.asset_ids
    assert before["submitted"].job.job_id != job_id
    assert after["job"].output["assetIds"] == assets


@pytest.mark.sdk
@pytest.mark.filterwarnings("ignore:In v4, passing bytes will no longer create a file field:DeprecationWarning")
async def test_decarts_sdk_moves_to_tracker(stage, run, clock):
    sdk = pytest.importorskip("decart", reason="decart is not installed: uv run --group sdks pytest -m sdk")
    options = {"model": sdk.models.video("lucy-latest"), "prompt": "Make it snow", "data": b"\x00\xff a video"}
    url, key = stage.url, stage.service.settings.api_key
    async with (
        sdk.DecartClient(api_key="simulated-decart", base_url=base_url(stage, "decart")) as decart,
        AsyncTracker(url, key) as tracker,
    ):
        # The SDK sleeps for half a second before its first poll; the job has ended by then.
        stage.world.asked = lambda _job_id: clock.advance(6)
        names = {"decart": decart, "options": dict(options), "told": []}
        await begin(side("Decart", "-"), names)
        stage.world.asked = lambda _job_id: None
        after = await run(side("Decart", "+"), decart=decart, options=dict(options), told=[], tracker=tracker)
        content = await decart.queue.result(after["submitted"].job_id)
    assert names["result"].status == "completed"
    assert [change.status for change in after["told"]][-1] == after["job"].status == "succeeded"
    assert content
