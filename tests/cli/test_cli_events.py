import json
import signal

import pytest
from cli_fake_service import JOB_ID, Reply, failed, job, listing, problem

INTERRUPTIBLE = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "runpy.run_module('tracker', run_name='__main__')"
AT = "2026-11-22T10:00:00.123Z"


def event(event_type="job.running", number=1, **data):
    return {"id": f"evt_{number}", "type": event_type, "timestamp": AT, "data": data or {"job": job()}}


def stream(*blocks):
    """A stream that breaks off behind these blocks of (cursor, event)."""
    text = "".join(f"id: {cursor}\nevent: {each['type']}\ndata: {json.dumps(each)}\n\n" for cursor, each in blocks)
    return Reply(200, text=": heartbeat\n\n" + text, content_type="text/event-stream")


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
        f"{AT} job.progress {subject} 25%",
        f"{AT} job.step {subject} s1 done",
        f"{AT} job.failed {subject} out of memory: use a smaller picture",
        f"{AT} subscription.test sub_1",
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
    assert result.stdout == f"{AT} job.running {JOB_ID} scenario/job remote-1\n"
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_service_that_is_away_is_exit_3(tracker, follow):
    result = tracker("events", *follow, TRACKER_URL="http://127.0.0.1:1")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (3, "", 1)


@pytest.mark.parametrize("arguments", [["--after", "no cursor"], ["--after", ""], ["--follow", "--limit", "3"]])
def test_wrong_arguments_are_exit_2_and_ask_nothing(tracker, service, arguments):
    result = tracker("events", *arguments)
    assert (result.exit_code, service.requests) == (2, [])


def test_ctrl_c_ends_what_follows_without_a_traceback(start_tracker, service):
    service.on("GET", "/v1/events/stream", stream(("MQ", event())))
    process = start_tracker("events", "--follow", python=("-c", INTERRUPTIBLE + MAIN))
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
