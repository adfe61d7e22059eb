"""`GET /v1/jobs/{id}/wait` and `Prefer: wait`: answers at the job's end, without looking at the clock."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import event as listening

from .steps import ListeningBell, fetch, flaws, problem, see, track

GUARD = 10


@pytest.fixture
def bell(service):
    service.bell = ListeningBell()
    service.app.state.context = replace(service.app.state.context, bell=service.bell)
    return service.bell


async def begin_to_wait(client, bell, job):
    """A request that waits, once the service listens for it."""
    request = asyncio.create_task(client.get(f"/v1/jobs/{job['id']}/wait?timeout=300"))
    await asyncio.wait_for(bell.listeners.acquire(), GUARD)
    return request


async def answer_of(request):
    response = await asyncio.wait_for(request, GUARD)
    assert response.status_code == 200, response.text
    return response.json()


async def test_final_job_is_answered_at_once(client, service):
    job = await track(client)
    await see(service, job, "failed")
    async with asyncio.timeout(GUARD):
        shown = await fetch(client, f"/v1/jobs/{job['id']}/wait", timeout=300)
    assert shown == await fetch(client, f"/v1/jobs/{job['id']}")


async def test_end_of_the_job_wakes_who_waits(client, service, bell):
    job = await track(client)
    requests = [await begin_to_wait(client, bell, job) for _ in range(3)]
    await see(service, job, "succeeded")
    assert [(await answer_of(request))["status"] for request in requests] == ["succeeded"] * 3


async def test_hundreds_who_wait_for_one_job_cost_one_look_at_each_change(client, service, bell):
    job = await track(client)
    requests = [await begin_to_wait(client, bell, job) for _ in range(300)]
    await asyncio.gather(*bell._looks.values())
    reads = []
    listening.listen(service._database._reader, "begin", reads.append)
    await see(service, job, "running")
    await see(service, job, "succeeded")
    answers = [(await answer_of(request))["status"] for request in requests]
    assert answers == ["succeeded"] * 300
    # Each poll looks at the lanes, and all who wait at the job.
    assert len(reads) <= 4


async def test_status_that_is_not_final_does_not_answer(client, service, bell):
    job = await track(client)
    request = await begin_to_wait(client, bell, job)
    await see(service, job, "running")
    await see(service, job, "action_required")
    assert not request.done()
    await see(service, job, "canceled")
    assert (await answer_of(request))["status"] == "canceled"


async def test_other_jobs_wake_nobody(client, service, bell):
    job, other = await track(client, 1), await track(client, 2)
    request = await begin_to_wait(client, bell, job)
    await see(service, other, "succeeded")
    assert not request.done()
    await see(service, job, "succeeded")
    assert (await answer_of(request))["id"] == job["id"]


@pytest.mark.parametrize("seconds", ["0", "0.05"])
async def test_time_out_answers_with_the_job_as_it_is(client, service, seconds):
    job = await track(client)
    await see(service, job, "running")
    async with asyncio.timeout(GUARD):
        shown = await fetch(client, f"/v1/jobs/{job['id']}/wait", timeout=seconds)
    assert shown == await fetch(client, f"/v1/jobs/{job['id']}")
    assert shown["status"] == "running"


async def test_job_that_is_forgotten_meanwhile_is_not_found(client, bell):
    job = await track(client)
    request = await begin_to_wait(client, bell, job)
    await client.delete(f"/v1/jobs/{job['id']}")
    problem(await asyncio.wait_for(request, GUARD), 404)


async def test_stop_of_the_service_answers_those_who_wait(client, bell):
    job = await track(client)
    request = await begin_to_wait(client, bell, job)
    bell.close()
    assert await answer_of(request) == job
    async with asyncio.timeout(GUARD):
        assert await fetch(client, f"/v1/jobs/{job['id']}/wait", timeout=300) == job


async def test_time_out_that_is_too_long_or_none_is_refused(client):
    job = await track(client)
    for timeout in ("300.1", "301", "-1", "soon", "", "nan", "inf"):
        response = await client.get(f"/v1/jobs/{job['id']}/wait", params={"timeout": timeout})
        assert flaws(response, "parameter") == ["timeout"]


async def test_preference_to_wait_is_applied_and_says_so(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    alone = ("wait=30", "Wait=30", 'wait="30"', "wait = 30 ", "  wait=30")
    for preference in (*alone, "respond-async, wait=30", "wait=30; foo=1, x", "foo;wait=30"):
        response = await client.get(f"/v1/jobs/{job['id']}", headers={"prefer": preference})
        assert (response.status_code, response.json()["status"]) == (200, "succeeded")
        assert response.headers["preference-applied"] == "wait=30"


async def test_preference_to_wait_is_found_in_any_header_of_that_name(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    headers = [("prefer", "respond-async"), ("prefer", "wait=30"), ("prefer", "wait=20")]
    response = await client.get(f"/v1/jobs/{job['id']}", headers=headers)
    assert response.headers["preference-applied"] == "wait=30"


async def test_preference_to_wait_too_long_is_applied_as_far_as_it_goes(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    response = await client.get(f"/v1/jobs/{job['id']}", headers={"prefer": "wait=9999"})
    assert response.headers["preference-applied"] == "wait=300"


async def test_preference_to_wait_is_woken_by_the_jobs_end(client, service, bell):
    job = await track(client)
    asked = client.get(f"/v1/jobs/{job['id']}?expand=history", headers={"prefer": "wait=300"})
    request = asyncio.create_task(asked)
    await asyncio.wait_for(bell.listeners.acquire(), GUARD)
    await see(service, job, "succeeded")
    shown = await answer_of(request)
    assert (shown["status"], [row["status"] for row in shown["history"]]) == ("succeeded", ["succeeded"])


async def test_without_that_preference_nothing_waits(client):
    job = await track(client)
    for preference in ("", "respond-async", "wait=x", "wait=-1", 'wait="30', "wait=30s", "await=30", "return=minimal"):
        async with asyncio.timeout(GUARD):
            response = await client.get(f"/v1/jobs/{job['id']}", headers={"prefer": preference})
        assert (response.json(), response.headers.get("preference-applied")) == (job, None)
