"""The page of one job, and what may be done on it."""

import pytest

from store.records import JobError, Status, Step
from tracker.rules.reading import Moment

from ..api.steps import a_job, attempt, see
from .visiting import leads_to


@pytest.fixture
async def job(stage):
    body = a_job(tags=["hero"], metadata={"shop": "7"}, callback_url="https://receiver.example/hook")
    return (await stage.client.post("/v1/jobs", json=body)).json()


async def test_page_tells_all_of_a_job(stage, visitor, job):
    steps = (Step("n1", "model", "processing"),)
    await see(stage.service, job, "running", progress=0.5, steps=steps)
    page = await visitor.see(f"/jobs/{job['id']}")
    for told in (job["remote_id"], job["id"], "wondercat", "inference", "hero", "shop", "7", "n1", "50 %", "RUNNING"):
        assert told in page.text
    assert f"/live?job_id={job['id']}" in [element.get("data-live-from") for element in page.all("body")]


async def test_page_tells_why_a_job_failed(stage, visitor, job):
    error = JobError("The image is too large.", "Send at most 4 MB.", "too_large")
    await see(stage.service, job, "failed", error=error)
    page = await visitor.see(f"/jobs/{job['id']}")
    for told in (error.message, error.hint, error.code):
        assert told in page.text
    assert f"/jobs/{job['id']}/poll" not in page.forms()


async def test_page_has_output_behind_links_and_loads_none_of_it(stage, visitor, job):
    output = {"files": ["https://cdn.example/a.png", "javascript:alert(1)"], "seed": 7}
    await see(stage.service, job, "succeeded", output=output)
    page = await visitor.see(f"/jobs/{job['id']}")
    outward = [link for link in page.all("a") if not link.get("href").startswith(("/", "#"))]
    assert [(link.get("href"), link.get("rel")) for link in outward] == [
        ("https://cdn.example/a.png", "noreferrer noopener")
    ]
    assert "javascript:alert(1)" in page.text
    assert not any(page.all(name) for name in ("img", "video", "audio", "iframe", "object", "embed"))


async def test_page_shows_deliveries_with_their_attempts(stage, visitor, job):
    await see(stage.service, job, "succeeded")
    (delivery,) = (await stage.client.get(f"/v1/jobs/{job['id']}/deliveries")).json()["data"]
    await attempt(stage.service, "https://receiver.example", 500)
    page = await visitor.see(f"/jobs/{job['id']}")
    (row,) = [element for element in page.all("details") if element.get("id") == delivery["id"]]
    for told in ("job.succeeded", "1 attempt", "rejected", "500", "the answer", "its own callback"):
        assert told in row.text


async def test_timeline_has_what_happened_and_each_poll(stage, visitor, clock, job):
    began = clock.at
    clock.advance(30)
    history = (Moment(Status.QUEUED, "QUEUED", began), Moment(Status.RUNNING, "RUNNING", clock.at))
    await see(stage.service, job, "running", history=history)
    await see(stage.service, job, "succeeded")
    page = await visitor.see(f"/jobs/{job['id']}")
    lines = [line.get("class") for line in page.all("line")]
    assert lines.count("poll") == 2
    assert lines.count("delay") == 3
    assert "now" not in lines


async def test_poll_now_brings_the_next_poll_forward(stage, visitor, clock, job):
    await see(stage.service, job, "running")
    assert leads_to(await visitor.send(f"/jobs/{job['id']}/poll"), f"/jobs/{job['id']}")
    shown = (await stage.client.get(f"/v1/jobs/{job['id']}")).json()
    assert shown["next_poll_at"] == f"{clock.at:%Y-%m-%dT%H:%M:%S}.000Z"


async def test_what_cannot_be_canceled_has_no_button_and_says_why(visitor, job):
    page = await visitor.see(f"/jobs/{job['id']}")
    assert f"/jobs/{job['id']}/cancel" not in page.forms()
    answer = await visitor.send(f"/jobs/{job['id']}/cancel")
    assert answer.status_code == 409
    assert "cannot be canceled" in answer.text


async def test_what_can_be_canceled_has_a_button(stage, visitor):
    body = {"provider": "scenario", "remote_id": "job_1"}
    job = (await stage.client.post("/v1/jobs", json=body)).json()
    assert f"/jobs/{job['id']}/cancel" in (await visitor.see(f"/jobs/{job['id']}")).forms()


async def test_forgotten_job_is_gone(visitor, job):
    assert leads_to(await visitor.send(f"/jobs/{job['id']}/forget"), "/jobs")
    page = await visitor.see(f"/jobs/{job['id']}", 404)
    assert job["id"] in page.text


@pytest.mark.parametrize("job_id", ["job_unknown", "%2E%2E", "..%2F..", "a%3Fb", "%00", "<script>"])
async def test_unknown_job_is_told_so(visitor, job_id):
    assert (await visitor.get(f"/jobs/{job_id}")).status_code in (401, 404)
