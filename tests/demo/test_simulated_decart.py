from __future__ import annotations

import pytest

from tracker.demo.simulators import decart


async def test_job_completes_and_has_content(clock, decart_api):
    job = (await decart_api.post("/v1/jobs/lucy-latest", json={"prompt": "a cat"})).json()
    assert job == {"job_id": job["job_id"], "status": "pending"}
    assert (await decart_api.get(f"/v1/jobs/{job['job_id']}/content")).status_code == 404
    clock.advance(3)
    assert (await decart_api.get(f"/v1/jobs/{job['job_id']}")).json()["status"] == "processing"
    clock.advance(3)
    assert (await decart_api.get(f"/v1/jobs/{job['job_id']}")).json() == {**job, "status": "completed"}
    content = await decart_api.get(f"/v1/jobs/{job['job_id']}/content")
    assert content.headers["content-type"] == "video/mp4"
    assert content.content


@pytest.mark.parametrize("files", [None, {"data": b"\x00\xff video"}])
async def test_script_is_chosen_in_a_form_as_the_sdk_sends_it(clock, decart_api, files):
    fields = {"prompt": "a cat", "simulate": "failure", "simulateSeconds": "2"}
    job = (await decart_api.post("/v1/jobs/lucy-latest", data=fields, files=files)).json()
    clock.advance(2)
    assert (await decart_api.get(f"/v1/jobs/{job['job_id']}")).json()["status"] == "failed"


async def test_expired_job_is_unknown(world, clock, decart_api):
    job = world.add("decart", "job", decart.success(), expires_after=60)
    clock.advance(60)
    answer = await decart_api.get(f"/v1/jobs/{job.id}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Job not found"}


async def test_wrong_key_is_turned_away(decart_api):
    answer = await decart_api.get("/v1/jobs/x", headers={"x-api-key": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["detail"]
