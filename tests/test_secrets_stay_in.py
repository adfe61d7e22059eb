"""What is secret stays in.

Credentials go to their provider and nowhere else: not to other hosts, logs, readings, events or API answers. What signs
webhooks, and the values of custom headers, lie sealed in the database.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.flow import fetch, live, register
from tracker.api.bodies import RotationBody, SubscriptionBody
from tracker.demo.server import serve
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.providers.description import parse_description
from tracker.providers.scrub import BLOT, scrubbed
from tracker.rules.exchange import ExchangeFailure, HttpAnswer

if TYPE_CHECKING:
    from starlette.requests import Request

SECRET = 'sk-"quoted"/and\\slashed-0123456789'
ECHO = """
    name = "echo"
    title = "Echo"
    base_url = "https://echo.example"
    hosts = ["echo.example"]
    auth = { scheme = "header", header = "X-Key", token = "ECHO_API_KEY" }
    default_kind = "job"
    [status]
    pointers = ["/status"]
    running = ["busy"]
    succeeded = ["done"]
    failed = ["broken"]
    [error]
    message = ["/error"]
    hint = "/hint"
    [output]
    seen = "/seen"
    [steps]
    items = "/steps"
    id = "/id"
    type = "/type"
    status = "/status"
    [timing]
    interval = 1
    [kinds.job]
    path = "/jobs/{id}"
    id = ["/id"]
    [kinds.url]
    path = "{param.poll_url}"
"""


def echo(request: Request) -> Response:
    """A provider that repeats the credentials wherever it can."""
    key = request.headers.get("x-key", "")
    job_id = request.path_params["job_id"]
    if job_id == "redirected":
        return RedirectResponse(request.query_params.get("to", "/elsewhere"))
    if job_id == "refused":
        return JSONResponse({"error": f"wrong key {key}"}, 401)
    if job_id == "garbage":
        return Response(f"{{ {key}", media_type="application/json")
    if job_id == "other":
        return JSONResponse({"id": f"another {key}", "status": "busy"})
    document = {
        "id": job_id,
        "status": job_id,
        "error": f"{key} has no credit",
        "hint": [key],
        "seen": {key: [f"https://cdn.example/{key}"]},
        "steps": [{"id": key, "type": key, "status": key}],
    }
    return JSONResponse(document)


@pytest.fixture
async def stage(surroundings, back_end):
    app = Starlette(routes=[Route("/jobs/{job_id}", echo)])
    async with serve(app) as url:
        overrides = back_end | {"ECHO_API_KEY": SECRET, "TRACKER_ECHO_BASE_URL": url}
        described = [parse_description(ECHO, "echo.toml")]
        async with set_up(surroundings, described, overrides, is_ticking=False, is_learning=False) as stage:
            yield stage


async def everything_told(stage, clock, remote_id, seconds=3.0, **body):
    """All that gets out about a job: the API's answers, webhooks, and logs."""
    with capture_logs() as lines:
        await stage.client.post(
            "/v1/subscriptions", json={"callback_url": f"{stage.callbacks}{SUBSCRIPTION_PATH}", "events": ["*"]}
        )
        job = await register(stage, provider="echo", remote_id=remote_id, events=["*"], **body)
        await live(stage, clock, seconds)
    told = [await fetch(stage, f"/v1/jobs/{job['id']}?expand=history,steps,reading")]
    told += [await fetch(stage, f"/v1/jobs/{job['id']}/{what}") for what in ("events", "deliveries", "history")]
    told += [await fetch(stage, "/v1/providers/echo"), await fetch(stage, "/v1/providers")]
    webhooks = [arrival.json for arrival in stage.inbox.arrivals]
    return told[0], json.dumps([told, webhooks, [str(line) for line in lines]])


@pytest.mark.parametrize("remote_id", ["busy", "done", "broken", "refused", "garbage", "other", "redirected"])
async def test_credentials_that_a_provider_repeats_get_out_nowhere(stage, clock, remote_id):
    job, told = await everything_told(stage, clock, remote_id)
    assert job["polls"] > 0
    for spelled in (SECRET, json.dumps(SECRET)[1:-1], json.dumps(json.dumps(SECRET)[1:-1])[1:-1], "0123456789"):
        assert spelled not in told
    assert (BLOT in told) == (remote_id in ("busy", "done", "broken", "other"))


async def test_credentials_do_not_follow_a_redirect(stage, clock):
    seen = []

    async def elsewhere(request: Request) -> Response:
        seen.append(request.headers.get("x-key"))
        return JSONResponse({"status": "done"})

    async with serve(Starlette(routes=[Route("/{rest:path}", elsewhere)])) as other:
        base = stage.service.catalog.find("echo").base_url
        url = f"{base}/jobs/redirected?to={other}/x"
        job, _ = await everything_told(stage, clock, "r1", kind="url", params={"poll_url": url})
    assert job["poll_problem"]["code"] == "redirect"
    assert seen == []


async def test_poll_url_on_another_host_is_refused_and_nothing_is_sent_there(stage):
    seen = []

    async def elsewhere(request: Request) -> Response:
        seen.append(request.headers.get("x-key"))
        return JSONResponse({"status": "done"})

    async with serve(Starlette(routes=[Route("/{rest:path}", elsewhere)])) as other:
        body = {"provider": "echo", "kind": "url", "remote_id": "1", "params": {"poll_url": f"{other}/x"}}
        answer = await stage.client.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/params/poll_url"
    assert "give an https URL on echo.example" in answer.json()["errors"][0]["detail"]
    assert seen == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 2x0 {key}\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n{key}\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: {key}\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/{key}\r\ncontent-length: 0\r\n\r\n",
        b"{key}",
    ],
)
async def test_credentials_in_what_is_no_sound_http_get_out_nowhere(surroundings, clock, answer):
    async def say(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"x-key: (.*)\r\n", head, re.IGNORECASE)
        writer.write(answer.replace(b"{key}", key[1]))
        writer.close()

    listener = await asyncio.start_server(say, "127.0.0.1", 0)
    overrides = {
        "ECHO_API_KEY": "plain-key-0123456789",
        "TRACKER_ECHO_BASE_URL": f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}",
    }
    described = [parse_description(ECHO, "echo.toml")]
    async with listener, set_up(surroundings, described, overrides, is_ticking=False, is_learning=False) as stage:
        job, told = await everything_told(stage, clock, "r1")
    assert job["poll_problem"]
    assert "0123456789" not in told


def on_the_disk(stage):
    """All that lies on the disk of the database, as the service has it open."""
    path = Path(stage.service.settings.database_url.removeprefix("sqlite:///"))
    files = [file for file in sorted(path.parent.glob(f"{path.name}*")) if file.suffix != ".lock"]
    assert [file.suffix for file in files] == [".db", ".db-shm", ".db-wal"]
    return b"".join(file.read_bytes() for file in files)


async def signed_in_every_way(stage, clock):
    """Sends webhooks of a rotated subscription with headers and ed25519, and of a job; tells all that is secret."""
    url = f"{stage.callbacks}{SUBSCRIPTION_PATH}"
    body = {"callback_url": url, "headers": {"authorization": "Bearer hush-hush"}, "signatures": ["v1", "v1a"]}
    made = (await stage.client.post("/v1/subscriptions", json=body)).json()
    path = f"/v1/subscriptions/{made['id']}"
    await stage.client.patch(path, json={"headers": body["headers"] | {"x-team": "hush-team"}})
    rotated = (await stage.client.post(f"{path}/rotate-secret")).json()
    callback = (await stage.client.get("/v1/callback-secret")).json()
    for secret in (made["secret"], callback["secret"]):
        stage.inbox.trust(secret)
        stage.inbox.trust(secret, path=SUBSCRIPTION_PATH)
    await stage.client.post(f"{path}/test")
    await register(stage, provider="echo", remote_id="done")
    await live(stage, clock, 3)
    assert sorted((arrival.path, arrival.error) for arrival in stage.inbox.arrivals) == [
        ("/done", None),
        *[(SUBSCRIPTION_PATH, None)] * 2,
    ]
    private = base64.b64encode(stage.service.private_key.private_bytes_raw()).decode()
    secrets = [answer["secret"].removeprefix("whsec_") for answer in (made, rotated, callback)]
    return ["hush-hush", "hush-team", "whsec_", "whsk_", private, *secrets]


async def sealed_stage(stack, surroundings, **overrides):
    described = [parse_description(ECHO, "echo.toml")]
    url = await stack.enter_async_context(serve(Starlette(routes=[Route("/jobs/{job_id}", echo)])))
    environ = {"ECHO_API_KEY": SECRET, "TRACKER_ECHO_BASE_URL": url, "TRACKER_CALLBACK_SECRET": ""}
    staged = set_up(surroundings, described, environ | overrides, is_ticking=False, is_learning=False)
    return await stack.enter_async_context(staged)


async def test_with_an_encryption_key_nothing_that_signs_lies_on_the_disk_or_in_the_log(surroundings, clock):
    key = base64.b64encode(bytes(range(32))).decode()
    async with AsyncExitStack() as stack:
        lines = stack.enter_context(capture_logs())
        stage = await sealed_stage(stack, surroundings, TRACKER_ENCRYPTION_KEY=key)
        hush = await signed_in_every_way(stage, clock)
        disk = on_the_disk(stage)
    assert [text for text in (*hush, key) if text.encode() in disk] == []
    assert lines
    assert [text for text in (*hush, key) if text in str(lines)] == []


async def test_without_an_encryption_key_they_lie_there_so_the_search_would_find_them(surroundings, clock):
    async with AsyncExitStack() as stack:
        stage = await sealed_stage(stack, surroundings)
        hush = await signed_in_every_way(stage, clock)
        disk = on_the_disk(stage)
    assert [text for text in hush if text.encode() not in disk] == []


async def test_polls_and_fan_out_need_no_key(surroundings, clock):
    async with AsyncExitStack() as stack:
        key = base64.b64encode(bytes(range(32))).decode()
        stage = await sealed_stage(stack, surroundings, TRACKER_ENCRYPTION_KEY=key)
        body = {"callback_url": f"{stage.callbacks}{SUBSCRIPTION_PATH}", "headers": {"authorization": "Bearer hush"}}
        await stage.client.post("/v1/subscriptions", json=body)
        job = (await stage.client.post("/v1/jobs", json={"provider": "echo", "remote_id": "done"})).json()
        stage.service.vault._keys.clear()
        clock.advance(10)
        await stage.service.poller.tick()
        await stage.service.poller.drain()
        assert (await fetch(stage, f"/v1/jobs/{job['id']}"))["status"] == "succeeded"
        (delivery,) = (await fetch(stage, "/v1/deliveries"))["data"]
        assert delivery["status"] == "pending"


async def test_text_forms_of_what_holds_secrets_do_not_show_them(surroundings, clock):
    async with AsyncExitStack() as stack:
        stage = await sealed_stage(stack, surroundings)
        hush = await signed_in_every_way(stage, clock)
        (subscription,) = (await stage.service.subscriptions.find(10)).rows
        holders = [subscription, *subscription.secrets, stage.service.app.state.context, stage.service.vault]
        holders += [
            stage.service.settings,
            SubscriptionBody(callback_url="x", secret="hush-hush", headers={"a": "hush-hush"}),
        ]
        holders += [RotationBody(secret="hush-hush"), stage.service.deliverer, stage.service.deliverer._sender._signer]
        shown = "".join(map(repr, holders))
    assert [text for text in hush if text in shown] == []


def test_credentials_as_http_basic_spells_them_are_blotted():
    pair = base64.b64encode(b"the-user:the-password").decode()
    body = json.dumps({"error": f"Basic {pair} is refused"}).encode()
    assert pair.encode() not in scrubbed(HttpAnswer(401, {}, body), ["the-user", "the-password"]).body


def test_credentials_in_headers_and_failures_are_blotted():
    secret = "long-enough-secret"
    assert scrubbed(HttpAnswer(200, {"content-type": f"text/{secret}"}), [secret]).headers == {
        "content-type": f"text/{BLOT}"
    }
    assert secret not in scrubbed(ExchangeFailure("connection", f"bad line {secret}"), [secret]).message


def test_answer_without_credentials_is_left_as_it_is():
    answer = HttpAnswer(200, {}, b'{"a":1}')
    assert scrubbed(answer, ["long-enough-secret"]) is answer
    failure = ExchangeFailure("timeout", "none")
    assert scrubbed(failure, ["long-enough-secret"]) == failure


def test_credentials_too_short_to_be_secrets_are_not_sought():
    assert scrubbed(HttpAnswer(200, {}, b'{"status":"key"}'), ["key", ""]).body == b'{"status":"key"}'


def test_body_that_is_no_json_is_blotted_too():
    assert scrubbed(HttpAnswer(200, {}, b"<p>long-enough-secret"), ["long-enough-secret"]).body == f"<p>{BLOT}".encode()
