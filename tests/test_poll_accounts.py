"""Accounts and their budgets: polling never exceeds them, and what holds an account up is not its jobs' fault."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from store.database import Database
from store.jobs import Jobs
from store.records import Job
from store.rows import job_row
from store.tables import JOBS
from tests.flow import fetch, live, register
from tracker.demo.simulators import Fault, Phase, photogpt, wondercat
from tracker.demo.stage import set_up
from tracker.providers.catalog import MissingCredentialsError
from tracker.rules.fanout import deliveries_of
from tracker.rules.schedule import most_overdue


@pytest.fixture
def frugal(surroundings):
    """A stage whose Wondercat account has a budget of 5 requests a second."""
    settings = {"TRACKER_WONDERCAT_REQUESTS_PER_SECOND": "5", "TRACKER_WONDERCAT_CONCURRENT": "4"}
    return set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False)


async def begin(stage, count, script=None, **body):
    for number in range(count):
        stage.world.add("wondercat", "inference", script or wondercat.success("inference", 20), job_id=f"r{number}")
        await register(stage, provider="wondercat", kind="inference", remote_id=f"r{number}", **body)


async def jobs_of(stage):
    return (await fetch(stage, "/v1/jobs?limit=200"))["data"]


async def account_of(stage, provider="wondercat"):
    (account,) = (await fetch(stage, f"/v1/providers/{provider}"))["accounts"]
    return account


def times_of_polls(stage, clock):
    """When each poll came in, by job."""
    times = []
    stage.world.asked = lambda job_id: times.append((clock(), job_id))
    return times


def most_within(times, window):
    """The most that fell into any span of this length (its end excluded)."""
    moments = sorted(times)
    return max(sum(1 for at in moments if start <= at < start + window) for start in moments)


async def test_polls_never_exceed_the_budget_of_their_account(frugal, clock):
    async with frugal as stage:
        times = times_of_polls(stage, clock)
        await begin(stage, 60)
        await live(stage, clock, 40)
        moments = [at for at, _ in times]
        assert most_within(moments, timedelta(seconds=1)) == 5
        assert len(moments) > 4 * 38, "and they use it"


async def test_under_a_tight_budget_no_job_starves_and_each_ends(frugal, clock):
    async with frugal as stage:
        times = times_of_polls(stage, clock)
        await begin(stage, 60, wondercat.success("inference", 60))
        await live(stage, clock, 60)
        polls = Counter(job_id for _, job_id in times)
        assert len(polls) == 60
        assert max(polls.values()) - min(polls.values()) <= 2
        await live(stage, clock, 60)
        assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_an_account_without_room_does_not_hold_up_another(frugal, clock):
    async with frugal as stage:
        await begin(stage, 100)
        stage.world.add("photogpt", "job", photogpt.success(3), job_id="p1")
        await register(stage, provider="photogpt", remote_id="p1")
        await live(stage, clock, 5)
        (job,) = (await fetch(stage, "/v1/jobs?provider=photogpt"))["data"]
        assert job["status"] == "succeeded"


async def test_after_a_restart_with_ten_thousand_due_jobs_the_budget_holds(surroundings, clock, tmp_path):
    path = f"sqlite:///{tmp_path / 'tracker.db'}"
    await fill(path, 10_000, clock())
    settings = {"TRACKER_DATABASE_URL": path, "TRACKER_DECART_REQUESTS_PER_SECOND": "50"}
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        times = times_of_polls(stage, clock)
        start = clock()
        await live(stage, clock, 4)
        moments = [at for at, _ in times]
        assert min(moments) == start + timedelta(seconds=1), "what the process before sent may still count"
        assert most_within(moments, timedelta(seconds=1)) == 50
        assert len(set(times)) == len(moments) == 50 * 4


async def fill(path, count, now):
    """Leaves so many due jobs behind, as a service does that was stopped for a while."""
    database = Database.open(path)
    rows = [
        job_row(
            Job(
                *(f"job_{number:05d}", "decart", "job", "default", f"d{number}", 1),
                *(now, now, now + timedelta(hours=1), now),
            )
        )
        for number in range(count)
    ]
    await database.write(lambda connection: connection.execute(JOBS.insert(), rows) and None)
    assert len(await Jobs(database, deliveries_of, most_overdue).lanes()) == 1
    database.close()


async def test_wrong_credentials_suspend_the_account_and_one_job_tries_again(stage, clock):
    await begin(stage, 10, wondercat.success("inference", 60))
    stage.world.break_polls(Fault.UNAUTHORIZED, times=1000)
    with capture_logs() as lines:
        await live(stage, clock, 60)
    account = await account_of(stage)
    assert account["status"] == "suspended"
    assert "refuses the credentials (HTTP 401)" in account["message"]
    assert account["retry_at"] > account["since"]
    assert [line["event"] for line in lines].count("account.suspended") == 1
    # Ten were under way at once; then one tried at a time, each time after twice as long.
    assert 10 < stage.world.requests <= 15
    assert {job["status"] for job in await jobs_of(stage)} == {"queued"}
    stage.world.heal()
    await live(stage, clock, 120)
    assert (await account_of(stage))["status"] == "active"
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_account_that_was_held_is_held_after_a_restart_too(surroundings, clock, tmp_path):
    settings = {"TRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'tracker.db'}"}
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        await begin(stage, 3, wondercat.success("inference", 500))
        stage.world.break_polls(Fault.RATE_LIMITED, job_id="r1", retry_after=120)
        await live(stage, clock, 2)
        assert (await account_of(stage))["status"] == "slowed"
    held_until = clock() + timedelta(seconds=118)
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        assert (await account_of(stage))["status"] == "slowed"
        times = times_of_polls(stage, clock)
        await live(stage, clock, 130)
        assert min(at for at, _ in times) >= held_until
        assert (await account_of(stage))["status"] == "active"
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        assert (await account_of(stage))["status"] == "active"


async def test_jobs_of_a_held_account_show_when_it_is_tried_again(stage, clock):
    await begin(stage, 3, wondercat.success("inference", 500))
    stage.world.break_polls(Fault.RATE_LIMITED, job_id="r1", retry_after=120)
    await live(stage, clock, 20)
    (account,) = (await fetch(stage, "/v1/providers/wondercat"))["accounts"]
    for job in await jobs_of(stage):
        assert job["next_poll_at"] == account["retry_at"]
        assert job["poll_problem"] is None or job["poll_problem"]["retry_at"] == account["retry_at"]


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.HUNG_UP])
async def test_job_ends_at_its_time_out_though_its_account_is_held_or_its_provider_is_gone(stage, clock, fault):
    stage.world.break_polls(fault, times=100_000)
    await begin(stage, 20, wondercat.success("inference", 10_000), timeout_seconds=60)
    for _ in range(6):
        await live(stage, clock, 30)
        await stage.service.sweep.tick()
    assert {(job["status"], job["error"]["code"]) for job in await jobs_of(stage)} == {("expired", "timeout")}
    await live(stage, clock, 1)
    assert len(stage.inbox.arrivals) == 20


async def test_names_of_accounts_with_the_same_variables_are_one_name(surroundings):
    settings = {"WONDERCAT_API_KEY__TEAM_A": "simulated-wondercat"}
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        stage.world.add("wondercat", "inference", wondercat.success("inference", 20), job_id="r1")
        job = await register(stage, provider="wondercat", kind="inference", remote_id="r1", account="Team_A")
        assert job["account"] == "team-a"
        body = {"provider": "wondercat", "kind": "inference", "remote_id": "r1", "account": "TEAM-A"}
        again = await stage.client.post("/v1/jobs", json=body)
        assert (again.status_code, again.json()["id"]) == (200, job["id"])
        assert [each["id"] for each in (await fetch(stage, "/v1/jobs?account=TEAM_A"))["data"]] == [job["id"]]


async def test_jobs_that_wait_for_a_suspended_account_are_not_charged(stage, clock):
    await begin(stage, 1)
    stage.world.break_polls(Fault.FORBIDDEN, times=1000)
    await live(stage, clock, 2)
    for number in range(1, 5):
        stage.world.add("wondercat", "inference", wondercat.success("inference", 20), job_id=f"r{number}")
        await register(stage, provider="wondercat", kind="inference", remote_id=f"r{number}")
    await live(stage, clock, 3)
    problems = [job["poll_problem"] for job in await jobs_of(stage)]
    assert [problem is not None for problem in problems].count(True) == 1


async def test_changed_credentials_are_tried_at_once(surroundings, clock):
    async with set_up(
        surroundings, overrides={"WONDERCAT_API_KEY": "expired-key"}, is_ticking=False, is_learning=False
    ) as stage:
        await begin(stage, 3)
        await live(stage, clock, 100)
        assert (await account_of(stage))["status"] == "suspended"
        environ = stage.service.settings.environ
        stage.service.take_credentials({**environ, "TRACKER_WONDERCAT_CONCURRENT": "1"})
        assert (await account_of(stage))["status"] == "suspended", "these are the same"
        stage.service.take_credentials({**environ, "WONDERCAT_API_KEY": "simulated-wondercat"})
        assert (await account_of(stage))["status"] == "active"
        await live(stage, clock, 61)
        assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_nothing_but_credentials_is_taken_out_of_a_changed_environment(stage):
    before = stage.service.catalog.find("decart")
    others = {"TRACKER_DECART_CONCURRENT": "many", "TRACKER_DECART_BASE_URL": "https://elsewhere.example"}
    stage.service.take_credentials({"DECART_API_KEY": "new", "DECART_API_KEY__TEAM_A": "team", **others})
    after = stage.service.catalog.find("decart")
    assert after.credentials("default") == {"token": "new"}
    assert after.credentials("team-a") == {"token": "team"}
    assert (after.base_url, after.budget("default")) == (before.base_url, before.budget("default"))
    stage.service.take_credentials({})
    with pytest.raises(MissingCredentialsError):
        stage.service.catalog.find("decart").credentials("default")


async def test_too_many_requests_slow_the_account_as_long_as_its_provider_asks(stage, clock):
    await begin(stage, 5, wondercat.success("inference", 200))
    await live(stage, clock, 10)
    stage.world.break_polls(Fault.RATE_LIMITED, job_id="r2", retry_after=60)
    while stage.world._troubles["r2"]:
        await live(stage, clock, 1)
    requests = stage.world.requests
    assert (await account_of(stage))["status"] == "slowed"
    await live(stage, clock, 58)
    assert stage.world.requests == requests
    await live(stage, clock, 15)
    assert stage.world.requests >= requests + 5
    assert (await account_of(stage))["status"] == "active"


async def test_five_connection_failures_in_a_row_open_the_breaker_and_one_due_poll_tries(stage, clock):
    await begin(stage, 8, wondercat.success("inference", 100))
    await live(stage, clock, 20)
    stage.world.break_polls(Fault.HUNG_UP, times=10_000)
    await live(stage, clock, 30)
    breaker = (await fetch(stage, "/v1/providers/wondercat"))["breaker"]
    assert breaker["is_open"]
    times = times_of_polls(stage, clock)
    await live(stage, clock, 120)
    tries = [at for at, group in itertools.groupby(sorted(at for at, _ in times))]
    gaps = [after - before for before, after in itertools.pairwise(tries)]
    assert gaps
    assert min(gaps) >= timedelta(seconds=20), "each try is alone, and waits for twice as long as the one before"
    stage.world.heal()
    await live(stage, clock, 180)
    assert not (await fetch(stage, "/v1/providers/wondercat"))["breaker"]["is_open"]
    assert {job["status"] for job in await jobs_of(stage)} == {"succeeded"}


async def test_connection_that_is_hung_up_once_is_asked_again_at_once_within_the_budget(stage, clock):
    await begin(stage, 1)
    stage.world.break_polls(Fault.HUNG_UP)
    await live(stage, clock, 1)
    (job,) = await jobs_of(stage)
    assert job["poll_problem"] is None
    assert (job["polls"], stage.world.polls["r0"]) == (1, 2)


async def test_poll_that_a_user_asks_for_does_not_go_around_the_budget(frugal, clock):
    async with frugal as stage:
        await begin(stage, 20, wondercat.success("inference", 200))
        await live(stage, clock, 10)
        times = times_of_polls(stage, clock)
        for job in await jobs_of(stage):
            assert (await stage.client.post(f"/v1/jobs/{job['id']}/poll")).status_code == 202
        await live(stage, clock, 10)
        assert most_within([at for at, _ in times], timedelta(seconds=1)) <= 5


async def test_jobs_that_have_waited_the_most_of_their_gaps_go_first_when_there_is_not_room_for_all(
    surroundings, clock
):
    settings = {"TRACKER_PHOTOGPT_REQUESTS_PER_SECOND": "1"}
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        times = defaultdict(list)
        stage.world.asked = lambda job_id: times[job_id].append(clock())
        stage.world.add("photogpt", "training", (Phase("training", 10_000), Phase("ready")), job_id="t1")
        await register(stage, provider="photogpt", kind="training", remote_id="t1")
        await live(stage, clock, 296)
        for number in range(5):
            stage.world.add("photogpt", "job", (Phase("RUNNING", 1000), Phase("SUCCESS")), job_id=f"p{number}")
            await register(stage, provider="photogpt", remote_id=f"p{number}", params={"own": str(number)})
        await live(stage, clock, 60)
        assert times["t1"], "an interval of 300 s that is over by seconds waits for those of 5 s, but not for ever"


async def test_every_account_has_a_budget_of_its_own(surroundings, clock):
    settings = {
        "TRACKER_WONDERCAT_REQUESTS_PER_SECOND": "2",
        "TRACKER_WONDERCAT_REQUESTS_PER_SECOND__TEAM_A": "4",
        "WONDERCAT_API_KEY__TEAM_A": "simulated-wondercat",
    }
    async with set_up(surroundings, overrides=settings, is_ticking=False, is_learning=False) as stage:
        times = times_of_polls(stage, clock)
        for number in range(40):
            stage.world.add("wondercat", "inference", wondercat.success("inference", 200), job_id=f"r{number}")
            account = "team-a" if number % 2 else "default"
            await register(stage, provider="wondercat", kind="inference", remote_id=f"r{number}", account=account)
        await live(stage, clock, 20)
        for parity, budget in ((0, 2), (1, 4)):
            moments = [at for at, job_id in times if int(job_id[1:]) % 2 == parity]
            assert most_within(moments, timedelta(seconds=1)) == budget
        accounts = (await fetch(stage, "/v1/providers/wondercat"))["accounts"]
        assert [(each["name"], each["budget"]["requests_per_second"]) for each in accounts] == [
            ("default", 2),
            ("team-a", 4),
        ]
