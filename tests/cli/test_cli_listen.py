"""`tracker listen` at the command line, and how its webhooks are sent. The whole way is in tests/test_listen.py."""

import json
import re
import signal

import httpx
import pytest
from cli_fake_service import FakeService, Reply, event, job, problem, stream
from standardwebhooks import Webhook

from store.records import PayloadForm
from tracker.cli.following import run
from tracker.cli.forwarding import PAUSES, Forwarder
from tracker.client.flows.streaming import Told
from tracker.client.models.event import Event
from tracker.client.models.reading import read

SECRET = "whsec_" + "A" * 44
STREAM = "/v1/events/stream"
ENOUGH = problem(401, detail="Enough.")
INTERRUPTIBLE = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
MAIN = "runpy.run_module('tracker', run_name='__main__')"


@pytest.fixture
def local():
    """The server on the laptop."""
    with FakeService() as server:
        server.on("POST", "/hook", Reply(204))
        yield server


@pytest.fixture
def listen(tracker, service, local):
    """Listen to a stream of these blocks, which then refuses the key."""

    def run_it(*blocks, options=(), **environ):
        service.on("GET", STREAM, stream(*blocks), ENOUGH)
        return tracker("listen", "--forward-to", f"{local.url}/hook", *options, **environ)

    return run_it


def told(number=1, text=None, **data):
    document = event(number=number, **data)
    return Told(read(Event, document), text or json.dumps(document, separators=(",", ":")))


def forwarded(event_told, url, **how):
    """What is shown of the tries to forward an event, and the pauses in between."""
    shown, pauses = [], []

    async def pause(seconds):
        pauses.append(seconds)

    async def forward():
        async with httpx.AsyncClient(trust_env=False) as http:
            show = how.pop("show", lambda _event, tried: shown.append(tried))
            await Forwarder(http, url, SECRET, show, pause=pause, **how).forward(event_told)

    run(forward())
    return shown, pauses


def test_each_event_is_posted_signed_and_its_answer_printed(listen, local):
    local.on("POST", "/hook", Reply(204), Reply(500))
    result = listen(("c1", event(number=1)), ("c2", event("job.failed", number=2)), options=["--secret", SECRET])
    good, bad = result.stdout.splitlines()
    assert re.search(r" job\.running remote-1 evt_1 -> 204 in \d+ ms$", good)
    assert re.search(r" job\.failed remote-1 evt_2 -> 500 in \d+ ms, not 2xx", bad)
    assert [request.headers["webhook-id"] for request in local.requests] == ["evt_1", "evt_2"]
    assert [request.headers["content-type"] for request in local.requests] == ["application/json"] * 2
    assert SECRET not in result.output


def test_new_secret_is_printed_and_signs(tracker, service, local):
    service.on("GET", STREAM, stream(("c1", event())), ENOUGH)
    result = tracker("listen", "--forward-to", f"{local.url}/hook")
    (secret,) = re.findall(r"^Signing secret: (whsec_\S+)$", result.stderr, re.MULTILINE)
    (request,) = local.requests
    body = json.dumps({name: value for name, value in event().items() if name != "id"}, separators=(",", ":"))
    assert Webhook(secret).verify(body, request.headers)["type"] == "job.running"


def test_secret_comes_from_the_environment_too(listen, local):
    listen(("c1", event()), TRACKER_LISTEN_SECRET=SECRET)
    (request,) = local.requests
    body = json.dumps({name: value for name, value in event().items() if name != "id"}, separators=(",", ":"))
    assert Webhook(SECRET).verify(body, request.headers)


def test_json_is_a_document_for_each_try(listen):
    result = listen(("c1", event(number=1)), ("c2", event(number=2)), options=["--json"])
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["event_id"], first["cursor"], first["outcome"]) == ("evt_1", "c1", "delivered")
    assert (second["http_status"], second["number"], second["retry_in"]) == (204, 1, None)


def test_break_is_told_and_nothing_is_skipped_or_sent_twice(tracker, service, local):
    ways = [
        stream(("c1", event(number=1))),
        problem(503, detail="Starting."),
        stream(("c2", event(number=2)), ("c3", event(number=3))),
        ENOUGH,
    ]
    service.on("GET", STREAM, *ways)
    options = ("--after", "c0", "--event", "job.*", "--tag", "hero")
    result = tracker("listen", "--forward-to", f"{local.url}/hook", *options)
    assert [request.headers["webhook-id"] for request in local.requests] == ["evt_1", "evt_2", "evt_3"]
    asked = service.sent("GET", STREAM)
    assert [request.headers["last-event-id"] for request in asked] == ["c0", "c1", "c1", "c3"]
    assert {str(request.query) for request in asked} == {str({"type": ["job.*"], "tag": ["hero"]})}
    assert result.stderr.count("The stream of events broke (the service ended the stream)") == 2
    assert result.stderr.count("is open again") == 1
    assert (result.exit_code, "Enough" in result.stderr) == (2, True)


def test_server_that_is_down_is_tried_again_and_then_passed_over(dead_url):
    shown, pauses = forwarded(told(), f"{dead_url}/hook")
    assert [tried.outcome.value for tried in shown] == ["connection"] * 4
    assert [tried.pause for tried in shown] == [*PAUSES, None]
    assert pauses == list(PAUSES)
    assert all(tried.error for tried in shown)


def test_answer_ends_the_tries_whatever_it_says(local):
    local.on("POST", "/hook", Reply(302))
    shown, pauses = forwarded(told(), f"{local.url}/hook")
    assert [(tried.outcome.value, tried.http_status, tried.pause) for tried in shown] == [("rejected", 302, None)]
    assert pauses == []


def test_event_that_comes_twice_has_the_same_id_and_body(local):
    forwarded(told(), f"{local.url}/hook")
    forwarded(told(), f"{local.url}/hook")
    bodies = [json.dumps(request.body, separators=(",", ":")) for request in local.requests]
    first, second = (
        Webhook(SECRET).verify(body, request.headers) for body, request in zip(bodies, local.requests, strict=True)
    )
    assert first == second
    assert len({request.headers["webhook-id"] for request in local.requests}) == 1


def test_thin_and_oversized_webhooks_are_what_the_service_would_send(local):
    large = told(job=job(output={"text": "x" * 300_000}))
    for event_told, form in ((told(), PayloadForm.THIN), (large, PayloadForm.FULL)):
        forwarded(event_told, f"{local.url}/hook", form=form, jobs_url="http://tracker/v1/jobs")
    thin, truncated = (request.body["data"] for request in local.requests)
    assert set(thin["job"]) == {"id", "provider", "kind", "account", "remote_id", "status", "url"}
    assert (truncated["truncated"], truncated["job"]["url"]) == (True, f"http://tracker/v1/jobs/{job()['id']}")


def test_stream_in_another_form_is_exit_3_and_nothing_is_sent(tracker, service, local):
    document = json.dumps({"type": "job.running", **event()}, separators=(",", ":"))
    service.on("GET", STREAM, Reply(200, text=f"id: c1\ndata: {document}\n\n", content_type="text/event-stream"))
    result = tracker("listen", "--forward-to", f"{local.url}/hook")
    assert (result.exit_code, local.requests) == (3, [])
    assert "not Tracker's" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--forward-to"),
        (["--forward-to", "ftp://host/"], "http://localhost:3000/hook"),
        (["--forward-to", "http://me:secret@host/"], "without user info"),
        (["--forward-to", "localhost:3000", "--secret", "whsec_AAAA"], "bytes"),
        (["--forward-to", "localhost:3000", "--secret", "topsecret"], "whsec_"),
        (["--forward-to", "localhost:3000", "--after", "no cursor"], "is not a cursor"),
    ],
)
def test_wrong_options_are_exit_2_and_ask_nothing(tracker, service, options, said):
    result = tracker("listen", *options)
    assert (result.exit_code, service.requests) == (2, [])
    assert said in result.stderr
    assert "topsecret" not in result.stderr


def test_address_without_a_scheme_is_http(tracker, service, local):
    service.on("GET", STREAM, stream(("c1", event())), ENOUGH)
    tracker("listen", "--forward-to", f"{local.url.removeprefix('http://')}/hook")
    assert len(local.requests) == 1


def test_service_that_is_away_at_the_start_is_exit_3(tracker, dead_url):
    result = tracker("listen", "--forward-to", "localhost:3000", TRACKER_URL=dead_url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "tracker up" in result.stderr


def test_ctrl_c_ends_it_quietly(start_tracker, service, local):
    service.on("GET", STREAM, stream(("c1", event()), hangs=True))
    arguments = ("listen", "--forward-to", f"{local.url}/hook", "--secret", SECRET)
    process = start_tracker(*arguments, python=("-c", INTERRUPTIBLE + MAIN))
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines() == [
        "Signing secret: the one that you gave",
        f"Ready: events go to {local.url}/hook. Ctrl-C ends it.",
    ]
