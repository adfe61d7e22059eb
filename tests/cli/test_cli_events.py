import json
import signal
from urllib.parse import urlsplit

import pytest
from cli_fake_service import JOB_ID, NOW, event, failed, job, listing, problem, stream

from tracker.key_file import KeyFile

INTERRUPTIBLE = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "runpy.run_module('tracker', run_name='__main__')"


def test_page_is_a_line_for_each_event_and_tells_how_to_go_on(tracker, service):
    told = [
        event("job.progress"),
        event("job.step", job=job(), step={"id": "s1", "status": "done"}),
        event("job.failed", job=failed()),
        event("subscription.test", subscription={"id": "sub_1"}),
    ]
    service.on("GET", "/v1/events", listing(*told, next_cursor="MTI"))
    result = tracker("events", "--after", "Nw", "--type", "job.*", "--type", "subscription.test", "--limit", "4")
    assert (result.exit_code, result.stderr) == (0, "Go on with --after MTI\n")
    subject = f"{JOB_ID} scenario/job remote-1"
    assert result.stdout.splitlines() == [
        f"{NOW} job.progress {subject} 25%",
        f"{NOW} job.step {subject} s1 done",
        f"{NOW} job.failed {subject} out of memory: use a smaller picture",
        f"{NOW} subscription.test sub_1",
    ]
    assert service.requests[0].query == {"after": ["Nw"], "type": ["job.*", "subscription.test"], "limit": ["4"]}


def test_page_as_json_is_the_documents_own(tracker, service):
    service.on("GET", "/v1/events", listing(event(), next_cursor="MTI"))
    result = tracker("events", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {"data": [event()], "next_cursor": "MTI"}


def test_empty_page_says_so(tracker, service):
    service.on("GET", "/v1/events", listing(next_cursor="MA"))
    result = tracker("events")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There are none.\n")


def test_followed_stream_goes_on_behind_what_was_printed(tracker, service):
    ways = [
        stream(("MQ", event(number=1))),
        stream(("Mg", event(number=2))),
        problem(401, detail="The key is revoked."),
    ]
    service.on("GET", "/v1/events/stream", *ways)
    result = tracker("events", "--follow", "--json", "--after", "MA", "--type", "job.*")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        event(number=1) | {"cursor": "MQ"},
        event(number=2) | {"cursor": "Mg"},
    ]
    sent = service.sent("GET", "/v1/events/stream")
    assert [request.headers.get("last-event-id") for request in sent] == ["MA", "MQ", "Mg"]
    assert {tuple(request.query["type"]) for request in sent} == {("job.*",)}
    assert result.exit_code == 2
    assert "The key is revoked" in result.stderr


def test_followed_events_are_lines(tracker, service):
    service.on("GET", "/v1/events/stream", stream(("MQ", event())), problem(422, detail="The type is unknown."))
    result = tracker("events", "--follow")
    assert result.stdout == f"{NOW} job.running {JOB_ID} scenario/job remote-1\n"
    broken, error = result.stderr.splitlines()
    assert broken == "The stream of events broke (the service ended the stream); trying again, to go on where it was."
    assert (result.exit_code, "The type is unknown" in error) == (2, True)


def test_break_is_told_once_and_its_end_too(tracker, service):
    away = [problem(503, detail="Starting."), problem(503, detail="Starting.")]
    service.on("GET", "/v1/events/stream", stream(), *away, stream(("MQ", event())), problem(401, detail="No."))
    broken, again, broken_again, _ = tracker("events", "--follow").stderr.splitlines()
    assert broken == broken_again
    assert again == "The stream of events is open again."


@pytest.mark.parametrize(("path", "follow"), [("/v1/events", []), ("/v1/events/stream", ["--follow"])])
def test_every_filter_of_the_feed_is_sent(tracker, service, path, follow):
    service.on("GET", path, problem(422, detail="Enough."))
    wanted = {"event": "job.*", "job": "job_1", "provider": "decart", "kind": "job", "tag": "hero"}
    options = [word for name, value in wanted.items() for word in (f"--{name}", value, f"--{name}", f"{value}2")]
    assert tracker("events", *follow, *options).exit_code == 2
    (request,) = service.requests
    sent = {"type": wanted["event"], "job_id": wanted["job"]} | {n: wanted[n] for n in ("provider", "kind", "tag")}
    assert request.query == {name: [value, f"{value}2"] for name, value in sent.items()}


def test_key_that_lies_ready_opens_the_stream_too(tracker, service, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    KeyFile("sqlite:///tracker.db").keep("key-in-a-file-of-its-own", "127.0.0.1", urlsplit(service.url).port)
    service.on("GET", "/v1/events/stream", problem(401, detail="No."))
    tracker("events", "--follow", TRACKER_API_KEY="")
    assert service.requests[0].headers["authorization"] == "Bearer key-in-a-file-of-its-own"


def test_pipe_whose_reader_leaves_ends_what_follows_at_once_and_quietly(start_tracker, service):
    service.on("GET", "/v1/events/stream", stream(("MQ", event())), stream(hangs=True))
    process = start_tracker("events", "--follow")
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert "Error" not in process.stderr.read()


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_service_that_is_away_is_exit_3(tracker, follow):
    result = tracker("events", *follow, TRACKER_URL="http://127.0.0.1:1")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (3, "", 1)


@pytest.mark.parametrize("arguments", [["--after", "no cursor"], ["--after", ""], ["--follow", "--limit", "3"]])
def test_wrong_arguments_are_exit_2_and_ask_nothing(tracker, service, arguments):
    result = tracker("events", *arguments)
    assert (result.exit_code, service.requests) == (2, [])


def test_ctrl_c_ends_what_follows_without_a_traceback(start_tracker, service):
    service.on("GET", "/v1/events/stream", stream(("MQ", event()), hangs=True))
    process = start_tracker("events", "--follow", python=("-c", INTERRUPTIBLE + MAIN))
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
