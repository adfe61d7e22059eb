from __future__ import annotations

import pytest

from tracker.demo.simulators import Fault, wondercat

KINDS = [("inference", "/image/generate"), ("editor", "/video/edit"), ("publish", "/publish/tiktok")]
ID_FIELDS = {"inference": "inferenceJobId", "editor": "editorJobId", "publish": "outputJobId"}


async def submit(api, kind, path, **body):
    answer = await api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()[ID_FIELDS[kind]]


@pytest.mark.parametrize(("kind", "path"), KINDS)
async def test_job_of_every_kind_succeeds(clock, wondercat_api, kind, path):
    job_id = await submit(wondercat_api, kind, path, simulateSeconds=10)
    words = []
    for seconds in (1, 1, 8):
        words.append((await wondercat_api.get(f"/jobs/{kind}/{job_id}")).json()["status"])
        clock.advance(seconds)
    assert words == ["idle", "queued" if kind == "publish" else "locked", "in_progress"]
    done = (await wondercat_api.get(f"/jobs/{kind}/{job_id}")).json()
    assert (done[ID_FIELDS[kind]], done["status"]) == (job_id, "succeeded")
    assert (done["createdAt"], done["finishedAt"]) == ("2026-01-01T12:00:00.000Z", "2026-01-01T12:00:10.000Z")


async def test_outputs_have_the_shape_of_their_kind(world, clock, wondercat_api):
    inference = world.add("wondercat", "inference", wondercat.success("inference"))
    edit = world.add("wondercat", "editor", wondercat.success("editor"))
    clock.advance(6)
    made = (await wondercat_api.get(f"/jobs/inference/{inference.id}")).json()["outputs"][0]["media"]
    edited = (await wondercat_api.get(f"/jobs/editor/{edit.id}")).json()["outputs"][0]
    assert made["mediaId"] == f"media_{inference.id}"
    assert set(made) == set(edited) == {"mediaId", "url"}


async def test_signed_urls_change_with_every_poll(world, clock, wondercat_api):
    job = world.add("wondercat", "editor", wondercat.success("editor"))
    clock.advance(6)
    urls = {(await wondercat_api.get(f"/jobs/editor/{job.id}")).json()["outputs"][0]["url"] for _ in range(3)}
    assert len(urls) == 3


@pytest.mark.parametrize(("kind", "path"), KINDS)
async def test_failed_job_says_why(clock, wondercat_api, kind, path):
    job_id = await submit(wondercat_api, kind, path, simulate="failure")
    clock.advance(6)
    done = (await wondercat_api.get(f"/jobs/{kind}/{job_id}")).json()
    assert (done["status"], done["errorCode"], done["outputs"]) == ("failed", "content_policy", [])
    assert done["errorMessage"]


async def test_publication_cannot_be_canceled(wondercat_api):
    assert (await wondercat_api.post("/publish/tiktok", json={"simulate": "canceled"})).status_code == 400
    assert (await wondercat_api.post("/image/generate", json={"simulate": "canceled"})).status_code == 200


async def test_job_is_unknown_under_another_kind(world, wondercat_api):
    job = world.add("wondercat", "editor", wondercat.success("editor"))
    answer = await wondercat_api.get(f"/jobs/inference/{job.id}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


async def test_rate_limit_tells_until_when_to_wait(world, wondercat_api):
    world.break_polls(Fault.RATE_LIMITED, retry_after=30)
    answer = await wondercat_api.get("/jobs/editor/x")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "30"
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"
    assert answer.json()["deferUntil"] == "2026-01-01T12:00:30.000Z"


async def test_wrong_key_is_turned_away(wondercat_api):
    answer = await wondercat_api.get("/jobs/editor/x", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
