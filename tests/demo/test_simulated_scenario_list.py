from __future__ import annotations

import pytest

from tracker.demo.simulators import Phase, scenario_scripts

SCRIPT = (Phase("queued", 10), Phase("in-progress", 10), Phase("success"))


async def listed(api, **query):
    answer = await api.get("/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [row["jobId"] for row in answer.json()["jobs"]]


async def test_row_is_the_single_answer_without_its_wrapper(world, clock, scenario_api):
    world.add("scenario", "job", scenario_scripts.workflow())
    world.add("scenario", "job", scenario_scripts.failure())
    clock.advance(5)
    rows = (await scenario_api.get("/jobs")).json()["jobs"]
    assert len(rows) == 2
    for row in rows:
        assert row == (await scenario_api.get(f"/jobs/{row['jobId']}")).json()["job"]


async def test_plain_list_is_sorted_by_creation_and_one_of_types_by_update(world, clock, scenario_api):
    old = world.add("scenario", "job", SCRIPT)
    clock.advance(5)
    new = world.add("scenario", "job", SCRIPT)
    clock.advance(5)
    assert await listed(scenario_api) == [new.id, old.id]
    assert await listed(scenario_api, types="inference,custom") == [old.id, new.id]
    clock.advance(5)
    assert await listed(scenario_api, types="inference,custom") == [new.id, old.id]


async def test_updated_after_leaves_out_that_very_moment(world, clock, scenario_api):
    job = world.add("scenario", "job", SCRIPT)
    clock.advance(15)
    # The job went into progress 10 s after its making.
    assert await listed(scenario_api, types="inference", updatedAfter="2026-01-01T12:00:09.999Z") == [job.id]
    assert await listed(scenario_api, types="inference", updatedAfter="2026-01-01T12:00:10.000Z") == []
    assert await listed(scenario_api, types="inference", updatedAfter="2026-01-01T13:00:10+01:00") == []


async def test_told_time_of_an_update_leaves_that_update_out(world, clock, scenario_api):
    clock.advance(0.0005004)
    world.add("scenario", "job", SCRIPT)
    (row,) = (await scenario_api.get("/jobs")).json()["jobs"]
    assert await listed(scenario_api, types="inference", updatedAfter=row["updatedAt"]) == []


async def test_created_after_goes_by_the_making(world, clock, scenario_api):
    world.add("scenario", "job", SCRIPT)
    clock.advance(1)
    new = world.add("scenario", "job", SCRIPT)
    clock.advance(20)
    assert await listed(scenario_api, createdAfter="2026-01-01T12:00:00Z") == [new.id]


@pytest.mark.parametrize(
    "query",
    [
        {"updatedAfter": "2026-01-01T12:00:00Z"},
        {"createdAfter": "2026-01-01T12:00:00Z", "types": "inference"},
        {"createdAfter": "2026-01-01T12:00:00Z", "status": "success"},
    ],
)
async def test_list_can_be_cut_only_by_the_time_that_sorts_it(scenario_api, query):
    answer = await scenario_api.get("/jobs", params=query)
    assert answer.status_code == 400
    assert "use " in answer.json()["reason"]


async def test_jobs_are_found_by_type_status_and_workflow(clock, scenario_api):
    async def submit(method, path, **body):
        answer = await scenario_api.request(method, path, json=body)
        return answer.json()["job"]["jobId"]

    made = await submit("POST", "/generate/custom/model_x", simulateSeconds=1)
    flow = await submit("PUT", "/workflows/workflow_x/run", simulateSeconds=100)
    clock.advance(2)
    assert await listed(scenario_api, types="custom") == await listed(scenario_api, type="custom") == [made]
    assert await listed(scenario_api, types="workflow,custom", type="upload") == [made, flow]
    assert await listed(scenario_api, types="upload") == []
    assert await listed(scenario_api, status="success") == [made]
    assert await listed(scenario_api, workflowId="workflow_x") == [flow]
    assert await listed(scenario_api, workflowId="workflow_y") == []


@pytest.mark.parametrize("types", ["miracle", "inference,model-download", "inference,", ""])
async def test_types_that_cannot_be_listed_are_refused(scenario_api, types):
    answer = await scenario_api.get("/jobs", params={"types": types})
    assert answer.status_code == 400
    assert set(answer.json()) == {"reason", "trace_id"}


async def test_jobs_of_a_project_are_listed_under_it_alone(scenario_api):
    own = (await scenario_api.post("/generate/embed", json={})).json()["job"]["jobId"]
    answer = await scenario_api.post("/generate/embed", params={"projectId": "proj_1"}, json={})
    theirs = answer.json()["job"]["jobId"]
    assert set(await listed(scenario_api, projectId="proj_1")) == {own, theirs}
    assert await listed(scenario_api) == await listed(scenario_api, projectId="proj_2") == [own]


async def test_page_has_fifty_rows_unless_told(world, scenario_api):
    for _ in range(101):
        world.add("scenario", "job", SCRIPT)
    assert len(await listed(scenario_api)) == 50
    assert len(await listed(scenario_api, pageSize=100)) == 100


async def test_last_page_has_no_token(world, scenario_api):
    world.add("scenario", "job", SCRIPT)
    assert list((await scenario_api.get("/jobs")).json()) == ["jobs"]


@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": "101"},
        {"pageSize": "0"},
        {"pageSize": "-1"},
        {"pageSize": "many"},
        {"pageSize": "9" * 5000},
        {"pageSize": "²"},
        {"pageSize": ""},
        {"paginationToken": "nonsense"},
        {"paginationToken": "bm9uc2Vuc2U="},
        {"paginationToken": "ü"},
        {"types": "inference", "updatedAfter": "yesterday"},
        {"types": "inference", "updatedAfter": "2026-01-01T12:00:00"},
    ],
)
async def test_query_that_makes_no_sense_is_refused_in_scenarios_words(scenario_api, query):
    answer = await scenario_api.get("/jobs", params=query)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"reason", "trace_id"}


async def test_list_is_behind_the_same_door(scenario_api):
    scenario_api.auth = ("key", "wrong")
    assert (await scenario_api.get("/jobs")).status_code == 401
