"""`GET /v1/jobs/{id}/events` as a stream: one job's events, from its first to its end."""

import pytest

from store.records import Step

from .steps import flaws, problem, see, track
from .streams import Block, all_left, cursor

SSE = {"accept": "text/event-stream"}


def path_of(job):
    return f"/v1/jobs/{job['id']}/events"


async def types_to_the_end(stream):
    types = []
    while (block := await stream.event()) is not None:
        types.append(block.event)
    return types


async def test_stream_of_a_job_tells_all_and_ends_with_it(client, service, begun):
    job, other = await track(client, 1), await track(client, 2)
    await see(service, job, "queued")
    stream = await begun(path_of(job), **SSE)
    assert (await stream.event()).event == "job.queued"
    await see(service, other, "succeeded")
    await see(service, job, "running", progress=0.5)
    assert [(await stream.event()).event for _ in range(2)] == ["job.running", "job.progress"]
    await see(service, job, "failed")
    assert await types_to_the_end(stream) == ["job.failed"]
    await all_left(service)


async def test_what_is_told_along_with_the_end_is_told_too(client, service, begun):
    job = await track(client)
    await see(service, job, "running", steps=(Step("s1", "resize", "running"),))
    stream = await begun(path_of(job), **SSE)
    await see(service, job, "succeeded", steps=(Step("s1", "resize", "done"),))
    types = await types_to_the_end(stream)
    assert sorted(types) == ["job.running", "job.step", "job.step", "job.succeeded"]


async def test_stream_of_a_job_that_has_ended_tells_all_and_is_over(client, service, begun):
    job = await track(client)
    for status in ("queued", "running", "succeeded"):
        await see(service, job, status)
    stream = await begun(path_of(job), **SSE)
    assert await types_to_the_end(stream) == ["job.queued", "job.running", "job.succeeded"]


async def test_break_is_made_up_for_and_after_the_end_there_is_nothing(client, service, begun):
    job = await track(client)
    await see(service, job, "queued")
    stream = await begun(path_of(job), **SSE)
    await stream.event()
    stream.leave()
    await see(service, job, "running")
    await see(service, job, "canceled")
    again = await begun(path_of(job), last_event_id=stream.last_id, **SSE)
    assert await types_to_the_end(again) == ["job.running", "job.canceled"]
    # 204 is how a browser is told not to come back.
    response = await client.get(path_of(job), headers=SSE | {"last-event-id": again.last_id})
    assert (response.status_code, response.content) == (204, b"")


async def test_cursor_at_the_end_of_a_job_that_goes_on_waits(client, service, begun):
    job = await track(client)
    await see(service, job, "running")
    stream = await begun(path_of(job), last_event_id=cursor(1), **SSE)
    await service.feed.tick()
    assert await stream.block() == Block(comment="heartbeat")
    await see(service, job, "expired")
    assert await types_to_the_end(stream) == ["job.expired"]


async def test_stream_of_a_job_that_is_forgotten_ends_at_the_next_heartbeat(client, service, begun):
    job = await track(client)
    stream = await begun(path_of(job), **SSE)
    await client.delete(f"/v1/jobs/{job['id']}")
    await service.feed.tick()
    assert await stream.block() is None


async def test_unknown_job_and_wrong_input_are_refused(client):
    problem(await client.get("/v1/jobs/job_unknown/events", headers=SSE), 404)
    job = await track(client)
    assert flaws(await client.get(path_of(job) + "?limit=1", headers=SSE), "parameter") == ["limit"]
    assert flaws(await client.get(path_of(job) + "?after=MA"), "parameter") == ["after"]
    response = await client.get(path_of(job), headers=SSE | {"last-event-id": "x"})
    assert problem(response, 422)["errors"][0]["header"] == "Last-Event-ID"


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=utf-8, */*;q=0.1", True),
        ("application/json, text/event-stream", False),
        ("application/json;q=0.5, text/event-stream", True),
        ("text/event-stream;q=0, */*", False),
        ("text/event-stream;q=soon", True),
    ],
)
async def test_stream_is_for_those_who_ask_for_it(client, service, accept, is_stream):
    job = await track(client)
    await see(service, job, "succeeded")
    response = await client.get(path_of(job), headers={"accept": accept})
    kind = response.headers["content-type"].partition(";")[0]
    assert kind == ("text/event-stream" if is_stream else "application/json")
