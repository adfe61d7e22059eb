"""The official SDK of Scenario against the simulator; every answer must have the shape that the SDK declares."""

from __future__ import annotations

import pytest

from tracker.demo.server import serve
from tracker.demo.simulators import Fault, Listing, Phase, scenario, scenario_scripts

sdk = pytest.importorskip("scenario_sdk", reason="scenario-sdk is not installed: uv run --group sdks pytest -m sdk")
pytestmark = pytest.mark.sdk


@pytest.fixture
async def client(world):
    how = {"api_key": "key", "api_secret": "secret", "max_retries": 0, "_strict_response_validation": True}
    app = scenario.app(world, api_key="key", api_secret="secret")
    async with serve(app) as url, sdk.AsyncScenario(base_url=url + scenario.BASE_PATH, **how) as client:
        yield client


async def submit(client, **body):
    return (await client.generate.run_model("model_x", body=body)).job


async def test_job_is_submitted_and_followed_to_its_success(clock, client):
    job = await submit(client, prompt="a cat", simulateSeconds=10)
    assert (job.status, job.job_type, job.progress) == ("queued", "custom", 0)
    clock.advance(5)
    running = (await client.jobs.retrieve(job.job_id)).job
    assert running.status == "in-progress"
    assert 0 < running.progress < 1
    clock.advance(5)
    done = (await client.jobs.retrieve(job.job_id)).job
    assert (done.status, done.progress) == ("success", 1)
    assert done.metadata.asset_ids == [f"asset_{job.job_id}"]
    words = [entry.status for entry in done.status_history]
    assert words == ["queued", "warming-up", "in-progress", "finalizing", "success"]


async def test_failed_job_says_why_and_what_to_do(clock, client):
    job = await submit(client, simulate="failure", simulateSeconds=1)
    clock.advance(1)
    done = (await client.jobs.retrieve(job.job_id)).job
    assert done.status == "failure"
    assert done.metadata.error
    assert done.metadata.hint


async def test_canceled_job_stays_canceled(clock, client):
    job = await submit(client)
    canceled = (await client.jobs.trigger_action(job.job_id, action="cancel")).job
    assert canceled.status == "canceled"
    clock.advance(100)
    assert (await client.jobs.retrieve(job.job_id)).job.status == "canceled"
    with pytest.raises(sdk.BadRequestError, match="cannot be canceled"):
        await client.jobs.trigger_action(job.job_id, action="cancel")


@pytest.mark.parametrize(
    ("submit", "job_type"),
    [
        (lambda client: client.generate.caption(images=["asset_x"]), "caption"),
        (lambda client: client.generate.detect(image="asset_x", modality="depth"), "detection"),
        (lambda client: client.generate.describe_style(images=["asset_x"]), "describe-style"),
        (lambda client: client.generate.embed(text="a cat"), "embed"),
        (lambda client: client.generate.patch(image="asset_x", patch={}), "patch-image"),
        (lambda client: client.generate.prompt(mode="completion", prompt="a cat"), "generate-prompt"),
        (lambda client: client.generate.translate(prompt="un chat"), "translate"),
        (lambda client: client.assets.upload(name="cat.png", image="iVBORw0KGgo="), "upload"),
        (lambda client: client.models.train.trigger("model_x"), "model-training"),
    ],
)
async def test_every_sort_of_submit_makes_a_job(client, submit, job_type):
    job = (await submit(client)).job
    assert (await client.jobs.retrieve(job.job_id)).job.job_type == job.job_type == job_type


@pytest.mark.parametrize(
    ("submit", "job_type"),
    [
        (lambda client: client.models.download("model_x"), "model-download"),
        (lambda client: client.assets.download.request_batch(options={}, query={}), "assets-download"),
    ],
)
async def test_download_answers_with_the_id_alone(client, submit, job_type):
    made = await submit(client)
    assert (await client.jobs.retrieve(made.job_id)).job.job_type == job_type


async def test_job_of_a_project_is_found_under_it_alone(client):
    job = (await client.generate.run_model("model_x", body={}, project_id="proj_1")).job
    assert (await client.jobs.retrieve(job.job_id, project_id="proj_1")).job.owner_id == "proj_1"
    with pytest.raises(sdk.NotFoundError):
        await client.jobs.retrieve(job.job_id)


async def test_workflow_waits_for_its_approval_and_goes_on(clock, client):
    run = {"simulate": "workflow-waiting", "simulateSeconds": 6}
    started = await client.workflows.run("workflow_x", body=run, project_id="proj_1")
    job_id = started.job.job_id
    assert started.job.metadata.workflow_id == started.workflow.id == "workflow_x"
    clock.advance(3600)
    waiting = (await client.jobs.retrieve(job_id, project_id="proj_1")).job
    assert [(node.type, node.status, node.depends_on) for node in waiting.metadata.flow] == [
        ("custom-model", "success", None),
        ("user-approval", "pending", ["draft"]),
        ("custom-model", "pending", ["approval"]),
    ]
    await client.workflows.user_approval("workflow_x", project_id="proj_1", node_id="approval", workflow_job_id=job_id)
    clock.advance(2)
    done = (await client.jobs.retrieve(job_id, project_id="proj_1")).job
    assert done.status == "success"
    assert [node.status for node in done.metadata.flow] == ["success"] * 3


async def made(client, clock, count):
    """Ids of jobs that were made a second apart and stay as they are, the newest first."""
    ids = []
    for _ in range(count):
        ids.insert(0, (await submit(client, simulateSeconds=3600)).job_id)
        clock.advance(1)
    return ids


async def test_sdk_turns_the_pages_of_the_list_to_its_end(world, clock, client):
    ids = await made(client, clock, 5)
    world.listings["scenario"] = Listing(page_size=2, short_every=2)
    rows = [row async for row in client.jobs.list(types=["custom", "workflow"], page_size=100)]
    assert [row.job_id for row in rows] == ids
    assert world.lists["scenario"] == 3


async def test_empty_page_still_leads_to_the_next(world, clock, client):
    ids = await made(client, clock, 3)
    world.listings["scenario"] = Listing(page_size=2, empty_every=2)
    page = await client.jobs.list()
    seen = [[row.job_id for row in page.jobs]]
    # The SDK's own iteration ends at an empty page, although its documentation says to go on.
    while page.next_page_info():
        page = await page.get_next_page()
        seen.append([row.job_id for row in page.jobs])
    assert seen == [ids[:2], [], ids[2:]]


async def test_row_of_the_list_tells_what_the_single_answer_tells(world, clock, client):
    jobs = [world.add("scenario", "job", make()) for make in (scenario_scripts.failure, scenario_scripts.workflow)]
    clock.advance(6)
    rows = {row.job_id: row async for row in client.jobs.list()}
    for job in jobs:
        single = (await client.jobs.retrieve(job.id)).job
        assert rows[job.id].to_dict() == single.to_dict()


async def test_list_can_be_cut_by_the_time_of_the_last_update(world, clock, client):
    script = (Phase("queued", 10), Phase("success"))
    old = world.add("scenario", "job", script)
    clock.advance(5)
    new = world.add("scenario", "job", script)
    clock.advance(10)
    first = await client.jobs.list(types=["inference"])
    assert [row.job_id for row in first.jobs] == [new.id, old.id]
    later = await client.jobs.list(types=["inference"], updated_after=first.jobs[-1].updated_at)
    assert [row.job_id for row in later.jobs] == [new.id]


async def test_list_of_no_types_cannot_be_cut_by_update(client):
    with pytest.raises(sdk.BadRequestError, match="createdAfter"):
        await client.jobs.list(updated_after="2026-01-01T12:00:00Z")


async def test_rate_limit_is_told_to_the_sdk(world, client):
    world.break_polls(Fault.RATE_LIMITED, retry_after=30)
    with pytest.raises(sdk.RateLimitError) as caught:
        await client.jobs.retrieve("job_x")
    assert caught.value.response.headers["retry-after"] == "30"


async def test_wrong_credentials_are_told_to_the_sdk(client):
    with pytest.raises(sdk.AuthenticationError):
        await client.copy(api_secret="wrong").jobs.retrieve("job_x")
