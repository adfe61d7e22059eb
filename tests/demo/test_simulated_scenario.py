from __future__ import annotations

import math

import pytest

from tracker.demo.simulators import Phase, scenario_scripts


async def told(api, job_id, **query):
    answer = await api.get(f"/jobs/{job_id}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["job"]


async def test_submitted_job_goes_to_success_as_time_passes(world, clock, scenario_api):
    job = (await scenario_api.post("/generate/custom/model_x", json={"prompt": "a cat"})).json()["job"]
    assert (job["status"], job["jobType"], job["progress"]) == ("queued", "custom", 0)
    clock.advance(3)
    running = await told(scenario_api, job["jobId"])
    assert running["status"] == "in-progress"
    assert 0 < running["progress"] < 0.9
    clock.advance(3)
    done = await told(scenario_api, job["jobId"])
    assert (done["status"], done["progress"]) == ("success", 1)
    assert done["metadata"]["assetIds"] == [f"asset_{job['jobId']}"]
    words = ["queued", "warming-up", "in-progress", "finalizing", "success"]
    assert [entry["status"] for entry in done["statusHistory"]] == words
    assert done["statusHistory"][-1]["date"] == "2026-01-01T12:00:06.000Z"
    assert world.polls[job["jobId"]] == 2


async def test_failed_job_says_why_and_what_to_do(clock, scenario_api):
    submit = {"simulate": "failure", "simulateSeconds": 2}
    job = (await scenario_api.post("/generate/txt2img", json=submit)).json()["job"]
    clock.advance(2)
    done = await told(scenario_api, job["jobId"])
    assert done["status"] == "failure"
    assert done["metadata"]["error"]
    assert done["metadata"]["hint"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/generate/caption"),
        ("POST", "/generate/custom/model_x"),
        ("POST", "/assets"),
        ("PUT", "/models/model_x/train"),
        ("PUT", "/workflows/workflow_x/run"),
    ],
)
async def test_submits_answer_with_the_job(scenario_api, method, path):
    job = (await scenario_api.request(method, path, json={})).json()["job"]
    assert (await told(scenario_api, job["jobId"]))["jobType"] == job["jobType"]


@pytest.mark.parametrize("path", ["/assets/download", "/models/model_x/download"])
async def test_downloads_answer_with_the_id_alone(scenario_api, path):
    answer = (await scenario_api.post(path, json={})).json()
    assert list(answer) == ["jobId"]
    assert (await told(scenario_api, answer["jobId"]))["status"] == "queued"


async def test_workflow_waits_for_its_approval_and_goes_on(clock, scenario_api):
    submit = {"simulateSeconds": 6}
    job_id = (await scenario_api.put("/workflows/workflow_x/run", json=submit)).json()["job"]["jobId"]
    seen = []
    for _ in range(4):
        job = await told(scenario_api, job_id)
        seen.append((job["status"], *(node["status"] for node in job["metadata"]["flow"])))
        clock.advance(2)
    assert seen == [
        ("queued", "pending", "pending", "pending"),
        ("in-progress", "success", "pending", "pending"),
        ("in-progress", "success", "success", "processing"),
        ("success", "success", "success", "success"),
    ]
    flow = (await told(scenario_api, job_id))["metadata"]["flow"]
    assert [(node["id"], node["type"], node.get("dependsOn")) for node in flow] == [
        ("draft", "custom-model", None),
        ("approval", "user-approval", ["draft"]),
        ("final", "custom-model", ["approval"]),
    ]


async def waiting_workflow(world, clock):
    job = world.add("scenario", "job", scenario_scripts.workflow(6, math.inf))
    clock.advance(1000)
    return job


async def test_workflow_goes_on_when_somebody_approves(world, clock, scenario_api):
    job = await waiting_workflow(world, clock)
    decision = {"workflowJobId": job.id, "nodeId": "approval"}
    answer = await scenario_api.put("/workflows/workflow_x/user-approval", json=decision)
    assert [node["status"] for node in answer.json()["job"]["metadata"]["flow"]] == ["success", "success", "processing"]
    clock.advance(2)
    assert (await told(scenario_api, job.id))["status"] == "success"


async def test_workflow_is_canceled_when_somebody_rejects(world, clock, scenario_api):
    job = await waiting_workflow(world, clock)
    decision = {"workflowJobId": job.id, "nodeId": "approval", "action": "reject"}
    answer = (await scenario_api.put("/workflows/workflow_x/user-approval", json=decision)).json()["job"]
    assert answer["status"] == "canceled"
    assert [node["status"] for node in answer["metadata"]["flow"]] == ["success", "rejected", "pending"]


async def test_node_that_does_not_wait_cannot_be_approved(world, scenario_api):
    job = world.add("scenario", "job", scenario_scripts.workflow())
    decision = {"workflowJobId": job.id, "nodeId": "approval"}
    assert (await scenario_api.put("/workflows/workflow_x/user-approval", json=decision)).status_code == 400


async def test_cancel_ends_the_job_at_once(world, clock, scenario_api):
    job = world.add("scenario", "job", scenario_scripts.success())
    clock.advance(3)
    answer = await scenario_api.post(f"/jobs/{job.id}/action", json={"action": "cancel"})
    assert answer.json()["job"]["status"] == "canceled"
    clock.advance(100)
    assert (await told(scenario_api, job.id))["status"] == "canceled"
    assert (await scenario_api.post(f"/jobs/{job.id}/action", json={"action": "cancel"})).status_code == 400
    assert (await scenario_api.post(f"/jobs/{job.id}/action", json={"action": "dance"})).status_code == 400


async def test_job_made_under_a_project_is_found_under_it_alone(scenario_api):
    answer = await scenario_api.post("/generate/custom/model_x", params={"projectId": "proj_1"}, json={})
    job_id = answer.json()["job"]["jobId"]
    assert (await told(scenario_api, job_id, projectId="proj_1"))["ownerId"] == "proj_1"
    assert (await scenario_api.get(f"/jobs/{job_id}")).status_code == 404
    assert (await scenario_api.get(f"/jobs/{job_id}", params={"projectId": "proj_2"})).status_code == 404


async def test_default_of_the_world_is_what_submits_get(world, scenario_api):
    world.defaults["scenario", "job"] = (Phase("canceled"),)
    assert (await scenario_api.post("/generate/embed", json={})).json()["job"]["status"] == "canceled"
    chosen = await scenario_api.post("/generate/embed", json={"simulate": "success"})
    assert chosen.json()["job"]["status"] == "queued"


@pytest.mark.parametrize("body", [{"simulate": "miracle"}, {"simulateSeconds": "soon"}])
async def test_script_that_does_not_exist_is_refused(scenario_api, body):
    answer = await scenario_api.post("/generate/custom/model_x", json=body)
    assert answer.status_code == 400
    assert "simulate" in answer.json()["reason"]


@pytest.mark.parametrize("auth", [None, ("key", "wrong"), ("", "")])
async def test_wrong_credentials_are_turned_away_at_the_door(world, scenario_api, auth):
    scenario_api.auth = auth
    answer = await scenario_api.get("/jobs/job_x")
    assert answer.status_code == 401
    assert answer.json()["reason"]
    assert (world.requests, world.polls) == (1, {})


@pytest.mark.parametrize("path", ["/jobs/job_unknown", "/nowhere"])
async def test_what_is_unknown_is_404_in_scenarios_words(scenario_api, path):
    answer = await scenario_api.get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"reason", "trace_id"}
