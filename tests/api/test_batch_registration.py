"""`POST /v1/jobs/batch`: many jobs at once, each as if it came alone and after the others."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from tracker.api.bodies import LARGEST_BODY, MOST_JOBS

from .steps import a_job, fetch, flaws, ids_of, problem, see, track


async def register(client, *jobs):
    response = await client.post("/v1/jobs/batch", json={"jobs": jobs})
    assert response.status_code == 200, response.text
    return response.json()["data"]


def numbers(rows):
    return [row["job"]["remote_id"] for row in rows]


async def test_jobs_are_answered_in_their_order_and_shown_whole(client):
    rows = await register(client, *(a_job(number, tags=["new"]) for number in (3, 1, 2)))
    assert [row["status"] for row in rows] == [201, 201, 201]
    assert numbers(rows) == ["remote-3", "remote-1", "remote-2"]
    for row in rows:
        assert await fetch(client, f"/v1/jobs/{row['job']['id']}") == row["job"]
    assert set(await ids_of(client, "/v1/jobs", tag="new")) == {row["job"]["id"] for row in rows}


async def test_job_that_is_tracked_is_answered_as_it_is(client):
    known = await track(client, 1, tags=["first"])
    rows = await register(client, a_job(2), a_job(1, tags=["second"]))
    assert [row["status"] for row in rows] == [201, 200]
    assert rows[1]["job"] == known


async def test_repeats_are_like_one_request_after_the_other(client, service):
    ended = await track(client, 9)
    await see(service, ended, "succeeded")
    again = a_job(9)
    rows = await register(client, a_job(1), a_job(1), again, again | {"rerun": True}, again | {"rerun": True})
    assert [row["status"] for row in rows] == [201, 200, 200, 201, 200]
    assert rows[0]["job"] == rows[1]["job"]
    assert [row["job"]["run"] for row in rows[2:]] == [1, 2, 2]
    assert rows[3]["job"] == rows[4]["job"]


async def test_wrong_job_spoils_no_other_and_is_told_where_it_is_wrong(client):
    jobs = [
        a_job(1),
        a_job(2, colour="red", tags=[""]),
        {"provider": "unheard-of", "remote_id": "1"},
        a_job(3, callback_url="ftp://receiver.example/"),
        a_job(4, metadata={"a": "\0"}),
        "remote-5",
        None,
        a_job(6),
    ]
    rows = await register(client, *jobs)
    assert [row["status"] for row in rows] == [201, *[422] * 6, 201]
    pointers = [[flaw["pointer"] for flaw in row["problem"]["errors"]] for row in rows[1:7]]
    assert pointers == [
        ["/jobs/1/tags/0", "/jobs/1/colour"],
        ["/jobs/2/provider"],
        ["/jobs/3/callback_url"],
        ["/jobs/4/metadata/a"],
        ["/jobs/5"],
        ["/jobs/6"],
    ]
    for row in rows[1:7]:
        assert row.keys() == {"status", "problem"}
        assert row["problem"]["instance"] == "/v1/jobs/batch"
        assert all(flaw["pointer"] in row["problem"]["detail"] for flaw in row["problem"]["errors"])
    assert len(await ids_of(client, "/v1/jobs")) == 2


async def test_batch_of_wrong_jobs_alone_is_answered_too(client):
    assert [row["status"] for row in await register(client, {}, {})] == [422, 422]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["/jobs"]),
        ({"jobs": []}, ["/jobs"]),
        ({"jobs": {}}, ["/jobs"]),
        ({"jobs": [{}] * (MOST_JOBS + 1)}, ["/jobs"]),
        ({"jobs": [{}], "colour": "red"}, ["/colour"]),
        ([], [""]),
    ],
)
async def test_batch_that_is_none_is_refused_as_a_whole(client, body, places):
    assert flaws(await client.post("/v1/jobs/batch", json=body)) == places


async def test_batch_over_1_mib_is_refused_as_a_whole(client):
    jobs = [a_job(number, metadata={"padding": "x" * 1100}) for number in range(1000)]
    problem(await client.post("/v1/jobs/batch", json={"jobs": jobs}), 413)
    assert LARGEST_BODY < 1100 * 1000
    assert await ids_of(client, "/v1/jobs") == []


async def test_thousand_jobs_are_one_transaction(client, service):
    commits = []
    event.listen(service._database._writer, "commit", commits.append)
    rows = await register(client, *(a_job(number, tags=["a", "b"]) for number in range(MOST_JOBS)))
    assert [row["status"] for row in rows] == [201] * MOST_JOBS
    assert numbers(rows) == [f"remote-{number}" for number in range(MOST_JOBS)]
    assert len(commits) == 1


async def test_new_jobs_wake_the_polling_loop_once_for_the_first_that_is_due(client, service):
    woken = []
    service.app.state.context = replace(service.app.state.context, poll_at=woken.append)
    await register(client, a_job(1, poll_after="2026-01-01T12:10:00Z"), a_job(2, poll_after="2026-01-01T12:05:00Z"))
    assert [at.isoformat() for at in woken] == ["2026-01-01T12:05:00+00:00"]
    await register(client, a_job(1), a_job(2))
    assert len(woken) == 1
