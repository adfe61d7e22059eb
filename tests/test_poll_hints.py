"""When a provider says when to ask again, and that nothing has changed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.flow import fetch, live, register
from tracker.demo.server import serve
from tracker.demo.stage import set_up
from tracker.providers.description import parse_description

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

HINTING = """
    name = "hinting"
    title = "Hinting"
    base_url = "https://hinting.example"
    auth = { scheme = "none" }
    [kinds.job]
    path = "/jobs/{id}"
    conditional = true
    result_lifetime = 100
    status = { pointers = ["/status"], running = ["busy"], succeeded = ["done"] }
    output = { file = "/file" }
    hints = { headers_ms = ["poll-after-ms"], until = ["/deferUntil"], seconds = ["/wait"] }
    timing = { interval = 10, cap = 400 , multiplier = 2 }
"""


@dataclass
class Far:
    """The far side: answers with what a test says, and notes what it was asked and when."""

    now: object
    world: object = None
    status: int = 200
    body: dict = field(default_factory=lambda: {"status": "busy"})
    headers: dict = field(default_factory=dict)
    tag: str | None = None
    asked: list[tuple[datetime, str | None]] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        tag = request.headers.get("if-none-match")
        self.asked.append((self.now(), tag))
        self.world.requests += 1
        headers = self.headers | ({"etag": self.tag} if self.tag else {})
        if self.tag and tag == self.tag:
            return Response(status_code=304, headers=headers)
        return JSONResponse(self.body, self.status, headers)

    @property
    def gaps(self):
        times = [at for at, _ in self.asked]
        return [(after - before).total_seconds() for before, after in itertools.pairwise(times)]


@pytest.fixture
def far(clock):
    return Far(clock)


@pytest.fixture
async def stage(surroundings, far, back_end):
    async with serve(Starlette(routes=[Route("/jobs/{id}", far.answer)])) as url:
        described = [parse_description(HINTING, "hinting.toml")]
        settings = back_end | {"TRACKER_HINTING_BASE_URL": url}
        async with set_up(surroundings, described, settings, is_ticking=False, is_learning=False) as stage:
            far.world = stage.world
            yield stage


async def job_of(stage):
    (job,) = (await fetch(stage, "/v1/jobs"))["data"]
    return job


@pytest.mark.parametrize("status", [200, 429, 503])
@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "70"}, {}, 70),
        ({"retry-after": "Thu, 01 Jan 2026 12:01:40 GMT"}, {}, 90),
        ({"retry-after-ms": "70500"}, {}, 70.5),
        ({"Poll-After-Ms": "66000"}, {}, 66),
        ({}, {"deferUntil": "2026-01-01T12:01:20Z"}, 70),
        ({}, {"wait": 71}, 71),
        ({"retry-after": "60"}, {"wait": 75}, 75),
    ],
)
async def test_no_poll_comes_before_the_hint(stage, clock, far, status, headers, body, seconds):
    far.status, far.headers, far.body = status, headers, {"status": "busy"} | body
    await register(stage, provider="hinting", remote_id="1")
    await live(stage, clock, 10)
    assert len(far.asked) == 1
    far.status, far.headers, far.body = 200, {}, {"status": "busy"}
    await live(stage, clock, seconds - 0.001)
    assert len(far.asked) == 1
    await live(stage, clock, 1)
    assert len(far.asked) == 2


async def test_absurd_hint_is_capped_and_logged(stage, clock, far):
    far.headers = {"retry-after": "99999999"}
    await register(stage, provider="hinting", remote_id="1", timeout_seconds=10_000)
    with capture_logs() as lines:
        await live(stage, clock, 10)
    (line,) = [line for line in lines if line["event"] == "hint.capped"]
    assert (line["asked_seconds"], line["taken_seconds"]) == (99999999, 3600)
    await live(stage, clock, 3601)
    assert far.gaps == [3600]


async def test_job_that_is_unchanged_costs_no_body_and_its_change_is_seen(stage, clock, far):
    far.tag = '"v1"'
    await register(stage, provider="hinting", remote_id="1", events=["job.*"])
    await live(stage, clock, 100)
    tags = [tag for _, tag in far.asked]
    assert tags == [None] + ['"v1"'] * (len(tags) - 1)
    job = await job_of(stage)
    assert (job["status"], job["polls"], job["poll_problem"]) == ("running", len(tags), None)
    far.tag, far.body = '"v2"', {"status": "done", "file": "https://cdn.example/1"}
    await live(stage, clock, 60)
    assert (await job_of(stage))["status"] == "succeeded"
    assert [arrival.json["type"] for arrival in stage.inbox.arrivals] == ["job.running", "job.succeeded"]


async def test_job_with_a_word_that_nobody_knows_is_asked_for_whole(stage, clock, far):
    far.tag, far.body = '"v1"', {"status": "dreaming"}
    await register(stage, provider="hinting", remote_id="1")
    await live(stage, clock, 60)
    assert {tag for _, tag in far.asked} == {None}


async def test_304_that_nobody_asked_for_is_a_problem(stage, clock, far):
    far.status = 304
    await register(stage, provider="hinting", remote_id="1")
    await live(stage, clock, 10)
    assert (await job_of(stage))["poll_problem"]["code"] == "redirect"


async def test_polls_are_never_further_apart_than_half_a_results_life(stage, clock, far):
    await register(stage, provider="hinting", remote_id="1")
    await live(stage, clock, 1000)
    assert max(far.gaps) == 50
    far.status = 500
    await live(stage, clock, 1000)
    assert max(far.gaps) == 50


async def test_event_says_until_when_the_result_can_be_fetched(stage, clock, far):
    await register(stage, provider="hinting", remote_id="1")
    far.body = {"status": "done", "file": "https://cdn.example/1"}
    await live(stage, clock, 10)
    (arrival,) = stage.inbox.arrivals
    assert arrival.json["data"]["job"]["result_expires_at"] == "2026-01-01T12:01:50.000Z"
