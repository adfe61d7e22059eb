"""Finding jobs by what they are, page by page."""

from dataclasses import replace

import pytest

from store.ids import time_sorted_id
from store.job_filter import JobFilter
from store.records import Status

from .builders import ALL, NOW, at, claim_jobs, job_id, new_job, poll_due, polled

S = Status

JOBS = (
    {"provider": "scenario", "kind": "inference", "account": "default", "remote_id": "a", "tags": ("red", "blue")},
    {"provider": "scenario", "kind": "training", "account": "team", "remote_id": "b", "tags": ("red",)},
    {"provider": "decart", "kind": "editor", "account": "team", "remote_id": "c", "metadata": {"customer": "7"}},
    {"provider": "photogpt", "kind": "editor", "remote_id": "a", "metadata": {"customer": 7, "x": "y"}},
)
ENDS = {1: ("succeeded", 5), 2: ("failed", 6), 3: ("running", 7)}


@pytest.fixture
async def four_jobs(jobs):
    """Created at 1, 2, 3 and 4 s; the first two ended at 5 and 6 s, the third runs, the fourth waits."""
    for number, described in enumerate(JOBS, start=1):
        id_ = time_sorted_id("job", at(number), number.to_bytes(10, "big"))
        await jobs.register(new_job(number, **described, id=id_, created_at=at(number)))
    for job in await claim_jobs(jobs):
        status, second = ENDS.get(int(job.id[-1]), (None, None))
        await (jobs.record([polled(job, status, at(second))]) if status else jobs.release([job]))


async def found(jobs, **wanted):
    page = await jobs.find(JobFilter(**wanted), ALL)
    return [int(job.id[-1]) for job in page.rows]


@pytest.mark.usefixtures("four_jobs")
@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, [4, 3, 2, 1]),
        ({"providers": ("scenario",)}, [2, 1]),
        ({"providers": ("scenario", "decart")}, [3, 2, 1]),
        ({"providers": ("unheard-of",)}, []),
        ({"kinds": ("editor",)}, [4, 3]),
        ({"accounts": ("team",)}, [3, 2]),
        ({"remote_ids": ("a",)}, [4, 1]),
        ({"statuses": (S.SUCCEEDED,)}, [1]),
        ({"statuses": (S.QUEUED, S.RUNNING)}, [4, 3]),
        ({"labels": (("tag", "red"),)}, [2, 1]),
        ({"labels": (("tag", "red"), ("tag", "blue"))}, [1]),
        ({"labels": (("tag", "customer"),)}, []),
        ({"labels": (("metadata.customer", "7"),)}, [4, 3]),
        ({"labels": (("metadata.customer", "7"), ("metadata.x", "y"))}, [4]),
        ({"labels": (("metadata.customer", "y"),)}, []),
        ({"created_after": at(2)}, [4, 3]),
        ({"created_before": at(2)}, [1]),
        ({"created_after": at(1), "created_before": at(4)}, [3, 2]),
        ({"finished_after": at(5)}, [2]),
        ({"finished_before": at(6)}, [1]),
        ({"finished_after": at(4), "finished_before": at(7)}, [2, 1]),
        ({"providers": ("scenario",), "statuses": (S.FAILED,)}, [2]),
        ({"kinds": ("editor",), "labels": (("tag", "red"),)}, []),
    ],
)
async def test_filter_finds_what_it_says_newest_first(jobs, wanted, numbers):
    assert await found(jobs, **wanted) == numbers


async def test_more_values_can_be_asked_for_than_a_page_holds(jobs):
    for number in range(1, 8):
        await jobs.register(new_job(number))
    wanted = JobFilter(remote_ids=tuple(f"remote-{number}" for number in range(1, 8)))
    page = await jobs.find(wanted, 1)
    assert [job.remote_id for job in page.rows] == ["remote-7"]


async def test_each_filter_takes_a_hundred_values(jobs):
    tags = tuple(f"tag-{number}" for number in range(100))
    for number in range(1, 3):
        await jobs.register(new_job(number, tags=tags))
    await jobs.register(new_job(3, tags=tags[1:]))
    wanted = JobFilter(
        providers=("scenario", *tags[1:]),
        kinds=("inference", *tags[1:]),
        accounts=("default", *tags[1:]),
        remote_ids=tuple(f"remote-{number}" for number in range(100)),
        labels=tuple(("tag", tag) for tag in tags),
    )
    for each in (wanted, replace(wanted, remote_ids=())):
        assert [job.remote_id for job in (await jobs.find(each, ALL)).rows] == ["remote-2", "remote-1"]


@pytest.mark.usefixtures("four_jobs")
async def test_filters_of_all_sorts_hold_together(jobs):
    wanted = {
        "providers": ("scenario", "decart"),
        "kinds": ("inference",),
        "accounts": ("default",),
        "statuses": (S.SUCCEEDED,),
        "remote_ids": ("a",),
        "labels": (("tag", "blue"),),
        "created_after": NOW,
        "created_before": at(2),
        "finished_after": at(4),
        "finished_before": at(6),
    }
    assert await found(jobs, **wanted) == [1]


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        ("text", "text"),
        ("", ""),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        ([1, "a"], '[1,"a"]'),
        ({"a": None}, '{"a":null}'),
    ],
)
async def test_metadata_is_found_as_json_spells_it_and_text_as_it_is(jobs, value, spelt):
    await jobs.register(new_job(metadata={"key": value}))
    assert await found(jobs, labels=(("metadata.key", spelt),)) == [1]


async def test_job_that_repeats_a_tag_is_stored_with_it(jobs):
    await jobs.register(new_job(tags=("red", "red")))
    assert (await jobs.get(job_id(1))).tags == ("red", "red")


async def test_rerun_is_found_by_its_own_labels(jobs):
    await jobs.register(new_job(1, tags=("old",)))
    await poll_due(jobs, "failed")
    await jobs.register(new_job(2, remote_id=new_job(1).remote_id, tags=("new",)), rerun=True)
    assert await found(jobs, labels=(("tag", "old"),)) == [1]
    assert await found(jobs, labels=(("tag", "new"),)) == [2]


async def read_through(jobs, limit, *, meanwhile=None):
    """The numbers on all pages, in their order; `meanwhile` happens after each page."""
    numbers, after = [], None
    while True:
        page = await jobs.find(JobFilter(), limit, after)
        numbers += [int(job.id.removeprefix("job_")) for job in page.rows]
        if page.next_after is None:
            return numbers
        assert len(page.rows) == limit
        after = page.next_after
        if meanwhile:
            await meanwhile()


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
async def test_pages_hold_every_job_once(jobs, limit):
    for number in range(1, 8):
        await jobs.register(new_job(number))
    assert await read_through(jobs, limit) == [7, 6, 5, 4, 3, 2, 1]


async def test_pages_stay_as_they_were_while_jobs_arrive(jobs):
    for number in range(1, 8):
        await jobs.register(new_job(number))
    arriving = iter(range(8, 100))
    numbers = await read_through(jobs, 2, meanwhile=lambda: jobs.register(new_job(next(arriving))))
    assert numbers == [7, 6, 5, 4, 3, 2, 1]


async def test_pages_skip_no_job_while_jobs_change_or_go(jobs):
    for number in range(1, 8):
        await jobs.register(new_job(number))
    going = iter((6, 3))

    async def change():
        await jobs.forget(job_id(next(going)))
        await poll_due(jobs, "running", at(1000))

    assert await read_through(jobs, 2, meanwhile=change) == [7, 6, 5, 4, 2, 1]


async def test_page_of_nothing_is_the_last(jobs):
    page = await jobs.find(JobFilter(), 10)
    assert (page.rows, page.next_after) == ((), None)
