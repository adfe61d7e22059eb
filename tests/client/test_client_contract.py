"""What the contract promises to programs: many jobs at once, each call once, one request for a wait, limits kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from tests.flow import live
from tracker.client import InvalidRequest, NotFound
from tracker.client.address import http_options, terms_of
from tracker.client.calls import jobs as calls
from tracker.client.exchange import answer_of, lost, request_for
from tracker.client.flows.performing import perform
from tracker.client.flows.steps import Pause
from tracker.demo.simulators import scenario_scripts
from tracker.rules.exchange import HttpAnswer

from .conftest import GUARD, in_background, listening
from .troubled import DONE_BUT_LOST, HUNG_UP, carry_out

URL = "https://a.example/hook"


def some_jobs(count, **changes):
    return [{"provider": "scenario", "remote_id": f"r{number}", **changes} for number in range(count)]


def posts(line, path):
    return [headers for method, seen, headers in line.seen if (method, seen) == ("POST", path)]


async def test_many_jobs_are_tracked_in_few_calls_and_in_their_order(remote, line):
    jobs = some_jobs(2100, tags="hero")
    results = await remote.use(remote.tracker.jobs.track_many, jobs)
    assert len(posts(line, "/v1/jobs/batch")) == 3
    assert [result.job.remote_id for result in results] == [job["remote_id"] for job in jobs]
    assert {(result.status, result.job.tags, result.error) for result in results} == {(201, ("hero",), None)}
    assert (await remote.use(results[7].job.refresh)).remote_id == "r7"


async def test_large_jobs_make_smaller_batches(remote, line):
    prompts = {f"prompt {number}": "x" * 30_000 for number in range(10)}
    results = await remote.use(remote.tracker.jobs.track_many, iter(some_jobs(7, params=prompts)))
    assert [result.status for result in results] == [201] * 7
    assert len(posts(line, "/v1/jobs/batch")) == 3


async def test_each_job_of_many_has_a_result_of_its_own(user, tracker):
    good, bad, stranger, same = await user.use(
        tracker.jobs.track_many,
        [*some_jobs(1), {**some_jobs(2)[1], "tagz": ["x"]}, {"provider": "scenarios", "remote_id": "1"}, *some_jobs(1)],
    )
    assert [each.status for each in (good, bad, stranger, same)] == [201, 422, 422, 200]
    assert good.job == same.job == await user.use(good.job.refresh)
    assert (bad.job, stranger.job, good.error) == (None, None, None)
    assert isinstance(bad.error, InvalidRequest)
    assert bad.error.errors == ({"pointer": "/jobs/1/tagz", "detail": "This field is unknown."},)
    assert "/tagz: This field is unknown" in str(bad.error)
    assert "'scenarios'" in str(stranger.error)


async def test_no_jobs_make_no_call(remote, line):
    assert await remote.use(remote.tracker.jobs.track_many, []) == ()
    assert line.seen == []


async def test_batch_whose_answer_was_lost_is_answered_as_it_was(remote, line):
    line.troubles = [DONE_BUT_LOST]
    results = await remote.use(remote.tracker.jobs.track_many, some_jobs(3))
    assert [result.status for result in results] == [201] * 3
    assert len({headers["idempotency-key"] for headers in posts(line, "/v1/jobs/batch")}) == 1
    assert await remote.take(remote.tracker.jobs.list()) == [result.job for result in results][::-1]


@pytest.mark.parametrize("troubles", [[DONE_BUT_LOST], [HUNG_UP, DONE_BUT_LOST, HUNG_UP]], ids=["lost", "worse"])
async def test_what_is_made_by_a_post_whose_answer_was_lost_is_made_once(remote, line, troubles):
    tracker = remote.tracker
    line.troubles = list(troubles)
    made = await remote.use(tracker.subscriptions.create, URL)
    assert await remote.take(tracker.subscriptions.list()) == [replace(made, secret=None)]
    line.troubles = list(troubles)
    rotated = await remote.use(tracker.subscriptions.rotate_secret, made.id)
    assert made.secret != rotated.secret
    line.troubles = list(troubles)
    sent = await remote.use(tracker.subscriptions.test, made.id)
    assert [each.id for each in await remote.take(tracker.deliveries.list())] == [sent.id]
    line.troubles = list(troubles)
    key = await remote.use(tracker.keys.create, "laptop")
    assert key.key.startswith("trk_")
    assert [each.id for each in await remote.take(tracker.keys.list())] == [key.id]
    assert line.troubles == []


async def test_wait_is_one_request(remote, line, stage, clock):
    bell = listening(stage.service)
    stage.world.add("scenario", "job", scenario_scripts.success(6), job_id="r1")
    job = await remote.use(remote.tracker.jobs.track, "scenario", "r1")
    line.seen.clear()
    async with in_background(remote.use(job.wait)) as waiting:
        await asyncio.wait_for(bell.listeners.acquire(), GUARD)
        await live(stage, clock, 60)
        assert (await asyncio.wait_for(waiting, GUARD)).succeeded
    assert [(method, path) for method, path, _ in line.seen] == [("GET", f"/v1/jobs/{job.id}/wait")]


class Driver:
    """Drives one call of the client against the real service; its pauses pass on the service's own clock."""

    def __init__(self, url, stage, pause):
        self._terms = terms_of(url, stage.service.settings.api_key, GUARD, 4, None)
        self._pause = pause
        self.statuses, self.pauses = [], []

    async def run(self, call):
        flow, outcome = perform(call, self._terms), None
        async with httpx.AsyncClient(**http_options(self._terms)) as http:
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration as end:
                    return end.value
                outcome = await self._do(http, step)

    async def _do(self, http, step):
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            await self._pause(step.seconds)
            return None
        try:
            response = await http.send(request_for(http, step.request, self._terms))
        except httpx.RequestError as error:
            self.statuses.append(None)
            return lost(error)
        self.statuses.append(response.status_code)
        return answer_of(response, response.content)


@pytest.mark.parametrize("settings", [{"TRACKER_RATE_LIMIT": "2"}])
async def test_key_that_made_too_many_requests_goes_on_when_it_may(stage, clock):
    async def pause(seconds):
        clock.advance(seconds)

    driver = Driver(stage.url, stage, pause)
    for number in range(10):
        assert (await driver.run(calls.track("scenario", f"r{number}"))).remote_id == f"r{number}"
    assert driver.statuses == [201] * 8 + [429, 201, 201]
    (paused,) = driver.pauses
    assert 1 <= paused < 2


async def test_call_that_is_at_work_still_is_waited_for_and_not_made_twice(line, stage):
    asked, go_on, at_work = asyncio.Event(), asyncio.Event(), []

    async def hang(_request):
        asked.set()
        await go_on.wait()
        return HttpAnswer(200, {}, b"{}")

    async def break_meanwhile(scope, receive, send):
        at_work.append(asyncio.create_task(carry_out(stage.service.app, scope, receive)))
        await asyncio.wait_for(asked.wait(), GUARD)
        await HUNG_UP(scope, receive, send)

    async def pause(_seconds):
        if driver.statuses[-1] == 409:
            go_on.set()
            await asyncio.wait_for(*at_work, GUARD)

    stage.service.app.state.context = replace(stage.service.app.state.context, ask_provider=hang)
    driver = Driver(line.url, stage, pause)
    job = await driver.run(calls.track("scenario", "r1"))
    line.troubles = [break_meanwhile]
    assert (await driver.run(calls.cancel(job.id))).id == job.id
    assert driver.statuses == [201, None, 409, 202]
    assert driver.pauses[1] >= 1


async def test_keys_are_made_listed_and_revoked(user, tracker, connect, stage, clock):
    made = await user.use(tracker.keys.create, "laptop", scope="read", expires_at=clock.at.replace(year=2027))
    assert (made.name, made.scope, made.expires_at) == ("laptop", "read", clock.at.replace(year=2027))
    assert made.key not in repr(made)
    other = connect(stage.url, made.key)
    assert await other.take(other.tracker.jobs.list()) == []
    shown = await user.use(tracker.keys.get, made.id)
    assert (shown.key, shown.id, shown.last_used_at) == (None, made.id, clock.at)
    assert await user.take(tracker.keys.list()) == [shown]
    await user.use(tracker.keys.revoke, made.id)
    assert (await user.use(tracker.keys.get, made.id)).revoked_at == clock.at
    with pytest.raises(NotFound, match="key_unknown"):
        await user.use(tracker.keys.get, "key_unknown")
