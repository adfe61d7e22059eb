from __future__ import annotations

import pytest

from tracker.demo.simulators import photogpt


async def result(api, path):
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "OK"
    return answer.json()["result"]


@pytest.mark.parametrize(
    ("path", "made"),
    [("/images/generation", "images"), ("/images/upscaling", "images"), ("/videos/generation", "videos")],
)
async def test_job_succeeds_with_what_it_made(clock, photogpt_api, path, made):
    job_id = (await photogpt_api.post(path, json={"prompt": "a cat"})).json()["result"]["jobId"]
    words = []
    for seconds in (0.6, 0.6, 4.8):
        words.append((await result(photogpt_api, f"/jobs/{job_id}"))["status"].lower())
        clock.advance(seconds)
    assert words == ["created", "queued", "running"]
    done = await result(photogpt_api, f"/jobs/{job_id}")
    assert (done["jobId"], done["status"].lower()) == (job_id, "success")
    assert done[made][0]["url"]
    assert not done["videos" if made == "images" else "images"]


async def test_failed_job_says_why(world, clock, photogpt_api):
    job = world.add("photogpt", "job", photogpt.failure())
    clock.advance(6)
    assert (await result(photogpt_api, f"/jobs/{job.id}"))["error"] == "insufficient credits"


async def test_training_is_started_by_a_get(world, clock, photogpt_api):
    model_id = (await photogpt_api.post("/models")).json()["result"]["id"]
    clock.advance(1000)
    assert (await result(photogpt_api, f"/models/{model_id}"))["status"] == "new"
    await result(photogpt_api, f"/models/{model_id}/train?simulateSeconds=1500")
    clock.advance(200)
    assert (await result(photogpt_api, f"/models/{model_id}"))["status"] == "training"
    clock.advance(1300)
    assert (await result(photogpt_api, f"/models/{model_id}"))["status"] == "ready"
    assert world.submits[model_id] == 1


async def test_training_that_is_asked_for_twice_begins_anew(world, clock, photogpt_api):
    model = world.add("photogpt", "training", photogpt.untrained())
    for _ in range(2):
        await result(photogpt_api, f"/models/{model.id}/train")
        clock.advance(3)
    assert (await result(photogpt_api, f"/models/{model.id}"))["status"] == "training"
    assert world.submits[model.id] == 2


@pytest.mark.parametrize(("outcome", "word"), [("failure", "failed"), ("canceled", "deleted")])
async def test_training_may_end_badly(world, clock, photogpt_api, outcome, word):
    model = world.add("photogpt", "training", photogpt.untrained())
    await result(photogpt_api, f"/models/{model.id}/train?simulate={outcome}")
    clock.advance(6)
    assert (await result(photogpt_api, f"/models/{model.id}"))["status"] == word


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer wrong"}, 401),
        ({"api-version": "2"}, 400),
        ({"authorization": ""}, 401),
    ],
)
async def test_wrong_headers_are_refused_in_the_envelope(photogpt_api, headers, status):
    answer = await photogpt_api.get("/jobs/x", headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"status", "message", "err", "result"}
    assert (answer.json()["status"], answer.json()["result"]) == ("NOK", None)


@pytest.mark.parametrize("agent", ["", "Python-urllib/3.11"])
async def test_client_without_a_real_user_agent_is_blocked(photogpt_api, agent):
    answer = await photogpt_api.get("/jobs/x", headers={"user-agent": agent})
    assert (answer.status_code, answer.text) == (403, "error code: 1010")


async def test_unknown_job_is_404_in_the_envelope(photogpt_api):
    answer = await photogpt_api.get("/jobs/x")
    assert answer.status_code == 404
    assert answer.json()["err"] == "NOT_FOUND"
