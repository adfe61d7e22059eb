import json

import pytest
from cli_fake_service import JOB_ID, Reply, event, failed, job, problem, stream, succeeded

JOB = f"/v1/jobs/{JOB_ID}"
STREAM = "/v1/events/stream"
LATER = "2026-11-22T10:00:09.000Z"


def told(cursor, job):
    return cursor, event(f"job.{job['status']}", job=job)


@pytest.fixture
def running(service):
    """A job that is running whenever it is asked for."""
    service.on("GET", JOB, Reply(200, job()))


def test_job_that_has_ended_is_not_waited_for(tracker, service):
    service.on("GET", JOB, Reply(200, succeeded()))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1].startswith(f"{JOB_ID} succeeded after ")
    assert len(service.requests) == 1


@pytest.mark.usefixtures("running")
def test_stream_tells_how_the_job_goes_on_to_its_end(tracker, service):
    changes = [job(progress=0.5), succeeded(updated_at=LATER)]
    service.on("GET", STREAM, stream(*(told(f"c{n}", change) for n, change in enumerate(changes)), hangs=True))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stderr) == (0, "")
    *changes, end = result.stdout.splitlines()
    assert [line.split(" ", 3)[-1] for line in changes] == ["25% running", "50% running", "100% succeeded"]
    assert end.startswith(f"{JOB_ID} succeeded after ")
    assert [request.query for request in service.sent("GET", STREAM)] == [{"job_id": [JOB_ID]}]
    assert len(service.sent("GET", JOB)) == 2  # at the start, and when the stream opened


def test_end_between_the_first_look_and_the_stream_is_seen(tracker, service):
    service.on("GET", JOB, Reply(200, job()), Reply(200, succeeded()))
    service.on("GET", STREAM, stream(hangs=True))
    assert tracker("jobs", "wait", JOB_ID).exit_code == 0


@pytest.mark.usefixtures("running")
def test_wait_outlives_a_break(tracker, service):
    service.on("GET", STREAM, stream(told("c1", job())), stream(told("c2", succeeded()), hangs=True))
    result = tracker("jobs", "wait", JOB_ID)
    assert result.exit_code == 0
    assert len(result.stderr.splitlines()) == 2
    assert [request.headers.get("last-event-id") for request in service.sent("GET", STREAM)] == [None, "c1"]


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("status", ["failed", "canceled", "expired"])
def test_job_that_ended_badly_is_exit_1_and_says_how_and_why(tracker, service, status):
    service.on("GET", STREAM, stream(told("c1", failed(status=status)), hangs=True))
    result = tracker("jobs", "wait", JOB_ID)
    assert result.exit_code == 1
    assert f"{JOB_ID} {status} after " in result.stderr
    assert result.stderr.endswith(" s: out of memory: use a smaller picture\n")


def test_bad_end_without_a_reason_is_told_without_one(tracker, service):
    service.on("GET", JOB, Reply(200, failed(error=None)))
    assert tracker("jobs", "wait", JOB_ID).stderr.endswith(" s\n")


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("seconds", ["0", "0.2"])
def test_time_that_runs_out_is_exit_1_and_says_how_long(tracker, service, seconds):
    service.on("GET", STREAM, stream(hangs=True))
    result = tracker("jobs", "wait", JOB_ID, "--timeout", seconds)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {JOB_ID} is still running after ")
    assert result.stderr.endswith(" s; it goes on.\n")


@pytest.mark.parametrize(("end", "code"), [(succeeded(), 0), (failed(), 1), (job(), 1)])
def test_json_is_the_job_as_it_is_in_the_end(tracker, service, end, code):
    service.on("GET", JOB, Reply(200, end))
    result = tracker("jobs", "wait", JOB_ID, "--timeout", "0", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (code, end)


@pytest.mark.usefixtures("running")
def test_json_is_one_document_whatever_happens_meanwhile(tracker, service):
    service.on("GET", STREAM, stream(told("c1", job(progress=0.5)), told("c2", succeeded()), hangs=True))
    result = tracker("jobs", "wait", JOB_ID, "--json")
    assert (result.exit_code, result.stderr, json.loads(result.stdout)) == (0, "", succeeded())


def test_job_that_is_not_there_is_exit_1(tracker, service):
    service.on("GET", JOB, problem(404, detail="No such job."))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stderr) == (1, f"Error: {JOB_ID} was not found: No such job.\n")


def test_job_that_is_forgotten_meanwhile_is_exit_1(tracker, service):
    service.on("GET", JOB, Reply(200, job()), problem(404, detail="No such job."))
    service.on("GET", STREAM, stream(hangs=True))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stderr) == (1, f"Error: {JOB_ID} was not found.\n")


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_timeout_that_is_no_number_of_seconds_is_a_usage_error(tracker, service, seconds):
    result = tracker("jobs", "wait", JOB_ID, "--timeout", seconds)
    assert result.exit_code == 2
    assert "is not a number of seconds" in result.stderr
    assert service.requests == []


@pytest.mark.usefixtures("running")
def test_terminal_gets_a_bar_and_then_the_end(run_on_a_terminal, service):
    service.on("GET", STREAM, stream(told("c1", succeeded()), hangs=True))
    code, shown = run_on_a_terminal("jobs", "wait", JOB_ID)
    assert code == 0
    assert "100%" in shown
    assert shown.index("100%") < shown.index(f"{JOB_ID} succeeded after ")
