import io
import itertools
import json
import signal

import pytest
import typer
from cli_fake_service import JOB_ID, Reply, event, failed, job, listing, problem, stream, succeeded
from rich.console import Console

from tracker.cli.connection import connect
from tracker.cli.following import run
from tracker.cli.screens import Bars, Lines, progress_on
from tracker.cli.watching import Watch
from tracker.client.flows.terms import Surroundings

OTHER_ID = "job_b"
STREAM = "/v1/events/stream"
INTERRUPTIBLE = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "runpy.run_module('tracker', run_name='__main__')"


def screen_of_pairs(seen):
    return Lines(lambda job: seen.append((job["id"], job["status"], job["progress"])))


def watch(service, *ids, seen, clock=lambda: 0.0):
    with connect(service.url) as connection:
        watched = Watch(connection, ids, screen_of_pairs(seen), clock)
        run(watched.follow(Surroundings(dice=lambda: 0.0)))
    return watched


def told(cursor, job):
    return cursor, event(f"job.{job['status']}", job=job)


def is_at(second):
    return {"updated_at": f"2026-11-22T10:00:{second:02}.000Z"}


@pytest.fixture(autouse=True)
def silent_stream(service):
    service.on("GET", STREAM, stream(hangs=True))


def test_each_change_is_shown_once_until_all_have_ended(service):
    service.on("GET", "/v1/jobs/job_a", Reply(200, job(id="job_a")))
    service.on("GET", f"/v1/jobs/{OTHER_ID}", Reply(200, job(id=OTHER_ID)))
    stages = [
        *(job(id=OTHER_ID), succeeded(id="job_a"), job(id=OTHER_ID, progress=0.5), job(id=OTHER_ID, progress=0.5)),
        succeeded(id=OTHER_ID),
    ]
    blocks = [told(f"c{number}", stage) for number, stage in enumerate(stages)]
    service.on("GET", STREAM, stream(*blocks, hangs=True))
    seen = []
    assert watch(service, "job_a", OTHER_ID, "job_a", seen=seen).all_well
    assert seen == [
        ("job_a", "running", 0.25),
        (OTHER_ID, "running", 0.25),
        ("job_a", "succeeded", 1.0),
        (OTHER_ID, "running", 0.5),
        (OTHER_ID, "succeeded", 1.0),
    ]
    assert [request.query for request in service.sent("GET", STREAM)] == [{"job_id": ["job_a", OTHER_ID]}]
    assert len(service.sent("GET", "/v1/jobs/job_a")) == 1  # the stream told the rest


def test_event_that_is_older_than_what_was_seen_shows_nothing(service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, job(progress=0.9, **is_at(20))))
    old, new = job(progress=0.3, **is_at(10)), succeeded(**is_at(30))
    service.on("GET", STREAM, stream(told("c1", old), told("c2", new), hangs=True))
    seen = []
    watch(service, JOB_ID, seen=seen)
    assert [progress for _, _, progress in seen] == [0.9, 1.0]


def test_what_no_event_tells_is_looked_for_when_it_has_been_quiet(service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, job()), problem(404, detail="It was deleted."))
    seconds = itertools.count(step=10)
    assert not watch(service, JOB_ID, seen=[], clock=lambda: next(seconds)).all_well
    assert len(service.sent("GET", f"/v1/jobs/{JOB_ID}")) == 2


def test_only_jobs_that_are_left_are_asked_for_after_a_break(service):
    service.on("GET", "/v1/jobs/job_a", Reply(200, succeeded(id="job_a")))
    service.on("GET", f"/v1/jobs/{OTHER_ID}", Reply(200, job(id=OTHER_ID)))
    service.on("GET", STREAM, stream(), stream(told("c1", succeeded(id=OTHER_ID)), hangs=True))
    watch(service, "job_a", OTHER_ID, seen=[])
    assert [request.query["job_id"] for request in service.sent("GET", STREAM)] == [["job_a", OTHER_ID], [OTHER_ID]]


def test_service_that_does_not_come_back_is_exit_3(service, capsys):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, job()))
    service.on("GET", STREAM, stream(), problem(503, detail="Stopping."))
    with pytest.raises(typer.Exit) as end:
        watch(service, JOB_ID, seen=[])
    assert end.value.exit_code == 3
    assert "cannot be reached any more" in capsys.readouterr().err


def test_job_that_ends_badly_does_not_end_the_watch_but_its_exit_code(tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, failed()))
    service.on("GET", f"/v1/jobs/{OTHER_ID}", Reply(200, succeeded(id=OTHER_ID)))
    result = tracker("jobs", "watch", JOB_ID, OTHER_ID)
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first == f"2026-11-22T10:00:00.123Z {JOB_ID} scenario/job 25% failed: out of memory: use a smaller picture"
    assert second.endswith("100% succeeded")


def test_job_that_is_not_there_is_exit_1_and_the_others_are_watched(tracker, service):
    service.on("GET", f"/v1/jobs/{OTHER_ID}", Reply(200, succeeded(id=OTHER_ID)))
    result = tracker("jobs", "watch", JOB_ID, OTHER_ID)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {JOB_ID} was not found.\n"
    assert OTHER_ID in result.stdout


def test_without_ids_all_unfinished_jobs_are_watched(tracker, service):
    service.on("GET", "/v1/jobs", listing(job(), job(id=OTHER_ID), next_cursor="more"))
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, succeeded()))
    service.on("GET", f"/v1/jobs/{OTHER_ID}", Reply(200, succeeded(id=OTHER_ID)))
    result = tracker("jobs", "watch")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "Watching the newest 200 of the unfinished jobs.\n"
    assert service.requests[0].query == {"status": ["queued", "running", "action_required"], "limit": ["200"]}


def test_nothing_to_watch_is_exit_0(tracker, service):
    service.on("GET", "/v1/jobs", listing())
    result = tracker("jobs", "watch")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No job is unfinished.\n")


def test_json_is_a_document_per_line(tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, succeeded()))
    service.on("GET", f"/v1/jobs/{OTHER_ID}", Reply(200, failed(id=OTHER_ID)))
    result = tracker("jobs", "watch", JOB_ID, OTHER_ID, "--json")
    assert result.exit_code == 1
    assert [json.loads(line) for line in result.stdout.splitlines()] == [succeeded(), failed(id=OTHER_ID)]


def test_poll_problem_is_shown(tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, succeeded(poll_problem={"code": "unauthorized"})))
    assert "succeeded (polling: unauthorized)" in tracker("jobs", "watch", JOB_ID).stdout


def test_service_that_breaks_meanwhile_is_exit_3(tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", problem(500, detail="Broken."))
    assert tracker("jobs", "watch", JOB_ID).exit_code == 3


def test_bars_follow_the_jobs():
    paper = io.StringIO()
    progress = progress_on(Console(file=paper, width=160, force_terminal=True, color_system=None))
    bars = Bars(progress)
    with progress:
        bars.show(job(progress=None))
        assert [(task.completed, task.total) for task in progress.tasks] == [(0, None)]
        bars.show(job(progress=0.5))
        assert [(task.completed, task.total) for task in progress.tasks] == [(0.5, 1.0)]
        bars.show(failed(id="job_[red]", progress=None))
        bars.show(succeeded(progress=None))
    assert [(task.completed, task.total) for task in progress.tasks] == [(1.0, 1.0), (0, 1.0)]
    assert f"{JOB_ID} scenario/job" in paper.getvalue()
    assert "job_[red]" in paper.getvalue()
    assert "failed: out of memory" in paper.getvalue()


def test_terminal_gets_bars_and_its_cursor_back(run_on_a_terminal, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, succeeded()))
    code, shown = run_on_a_terminal("jobs", "watch", JOB_ID)
    assert code == 0
    assert JOB_ID in shown
    assert "100%" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_terminal_that_speaks_ascii_gets_bars_too(run_on_a_terminal, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, failed(error={"message": "zu groß"})))
    code, shown = run_on_a_terminal("jobs", "watch", JOB_ID, environ={"PYTHONIOENCODING": "ascii"})
    assert code == 1
    assert "zu gro\\xdf" in shown


def test_ctrl_c_is_exit_130_without_a_traceback(start_tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, job()))
    process = start_tracker("jobs", "watch", JOB_ID, python=("-c", INTERRUPTIBLE + MAIN))
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
