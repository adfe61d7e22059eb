import io
import json
import signal

from cli_fake_service import JOB_ID, Reply, failed, job, listing, problem, succeeded
from rich.console import Console

from tracker.cli.connection import connect
from tracker.cli.watching import Bars, Lines, progress_on, watch_until_final

OTHER_ID = "job_b"
INTERRUPTIBLE = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "runpy.run_module('tracker', run_name='__main__')"


def screen_of_pairs(seen):
    return Lines(lambda job: seen.append((job["id"], job["status"], job["progress"])))


def watch(service, *ids, screen):
    pauses = []
    with connect(service.url) as connection:
        all_well = watch_until_final(connection, ids, screen, pauses.append)
    return all_well, pauses


def test_each_change_is_shown_once_until_all_have_ended(service):
    service.on("GET", "/v1/jobs/job_a", *(Reply(200, one) for one in (job(id="job_a"), succeeded(id="job_a"))))
    stages = (job(id=OTHER_ID), job(id=OTHER_ID), job(id=OTHER_ID, progress=0.5), succeeded(id=OTHER_ID))
    service.on("GET", f"/v1/jobs/{OTHER_ID}", *(Reply(200, stage) for stage in stages))
    seen = []
    all_well, pauses = watch(service, "job_a", OTHER_ID, "job_a", screen=screen_of_pairs(seen))
    assert seen == [
        ("job_a", "running", 0.25),
        (OTHER_ID, "running", 0.25),
        ("job_a", "succeeded", 1.0),
        (OTHER_ID, "running", 0.5),
        (OTHER_ID, "succeeded", 1.0),
    ]
    assert all_well
    assert pauses == [1.0, 1.0, 1.0]
    assert len(service.sent("GET", "/v1/jobs/job_a")) == 2  # a final job is not asked about again


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
    assert service.asked.wait(60)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
