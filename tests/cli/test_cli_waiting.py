import json

import pytest
from cli_fake_service import JOB_ID, Reply, failed, job, problem, succeeded

from tracker.cli.connection import connect
from tracker.cli.waiting import wait_until_final

WAIT = f"/v1/jobs/{JOB_ID}/wait"


class Clock:
    """Seconds that pass only when someone reads the time."""

    def __init__(self, step):
        self.step = step
        self.now = 0.0

    def __call__(self):
        now, self.now = self.now, self.now + self.step
        return now


def test_succeeded_job_is_exit_0(tracker, service):
    service.on("GET", WAIT, Reply(200, succeeded()))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{JOB_ID} succeeded after ")
    assert service.requests[0].query == {"timeout": ["30"]}


@pytest.mark.parametrize("status", ["failed", "canceled", "expired"])
def test_job_that_ended_badly_is_exit_1_and_says_how_and_why(tracker, service, status):
    service.on("GET", WAIT, Reply(200, failed(status=status)))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{JOB_ID} {status} after " in result.stderr
    assert result.stderr.endswith(" s: out of memory: use a smaller picture\n")


def test_bad_end_without_a_reason_is_told_without_one(tracker, service):
    service.on("GET", WAIT, Reply(200, failed(error=None)))
    assert tracker("jobs", "wait", JOB_ID).stderr.endswith(" s\n")


def test_time_that_runs_out_is_exit_1_and_says_how_long(tracker, service):
    service.on("GET", WAIT, Reply(200, job()))
    result = tracker("jobs", "wait", JOB_ID, "--timeout", "0")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {JOB_ID} is still running after 0.0 s; it goes on.\n"
    assert service.requests[0].query == {"timeout": ["0"]}


@pytest.mark.parametrize(("end", "code"), [(succeeded(), 0), (failed(), 1), (job(), 1)])
def test_json_is_the_job_as_it_is_in_the_end(tracker, service, end, code):
    service.on("GET", WAIT, Reply(200, end))
    result = tracker("jobs", "wait", JOB_ID, "--timeout", "0", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (code, end)


def test_wait_goes_on_until_the_job_is_final(service):
    service.on("GET", WAIT, Reply(200, job(status="queued")), Reply(200, job()), Reply(200, succeeded()))
    pauses = []
    with connect(service.url) as connection:
        ended, waited = wait_until_final(connection, JOB_ID, None, Clock(step=1), pauses.append)
    assert (ended["status"], waited) == ("succeeded", 3.0)
    assert len(pauses) == 2  # a service that answers at once is not asked in a tight loop


def test_last_request_waits_only_for_the_time_that_is_left(service):
    service.on("GET", WAIT, Reply(200, job()))
    with connect(service.url) as connection:
        _, waited = wait_until_final(connection, JOB_ID, 70.5, Clock(step=30), lambda _: None)
    assert waited == 90
    assert [request.query["timeout"] for request in service.requests] == [["30"], ["30"], ["11"]]


def test_job_that_is_forgotten_meanwhile_is_exit_1(tracker, service):
    service.on("GET", WAIT, problem(404, detail="No such job."))
    result = tracker("jobs", "wait", JOB_ID)
    assert (result.exit_code, result.stderr) == (1, f"Error: {JOB_ID} was not found: No such job.\n")


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_timeout_that_is_no_number_of_seconds_is_a_usage_error(tracker, service, seconds):
    result = tracker("jobs", "wait", JOB_ID, "--timeout", seconds)
    assert result.exit_code == 2
    assert "is not a number of seconds" in result.stderr
    assert service.requests == []
