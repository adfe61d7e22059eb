from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest
from standardwebhooks import Webhook

from tracker.demo import receiver
from tracker.demo.receiver import Inbox, Mischief
from tracker.demo.server import serve


def secret_of(letter):
    return "whsec_" + base64.b64encode(letter * 33).decode()


SECRET, OTHER = secret_of(b"s"), secret_of(b"o")


@pytest.fixture
def inbox(clock):
    return Inbox(clock, SECRET)


@pytest.fixture
async def client(inbox):
    async with serve(receiver.app(inbox)) as url, httpx.AsyncClient(base_url=url, timeout=0.5) as client:
        yield client


@pytest.fixture
def send(client, clock):
    async def send(path="/hook", number=1, secret=SECRET, body=None, **changes):
        body = body or json.dumps({"type": "job.succeeded", "number": number}, separators=(",", ":")).encode()
        headers = {
            "webhook-id": f"evt_{number}",
            "webhook-timestamp": str(int(clock().timestamp())),
            "webhook-signature": Webhook(secret).sign(f"evt_{number}", clock(), body.decode()),
        }
        return await client.post(path, content=body, headers=headers | changes)

    return send


async def test_genuine_delivery_is_accepted_and_kept(inbox, clock, send):
    assert (await send()).status_code == 204
    (arrival,) = inbox.arrivals
    assert (arrival.path, arrival.webhook_id, arrival.arrived_at) == ("/hook", "evt_1", clock())
    assert (arrival.verified, arrival.error, arrival.status, arrival.was_accepted) == (True, None, 204, True)
    assert arrival.body == b'{"type":"job.succeeded","number":1}'
    assert arrival.json == {"type": "job.succeeded", "number": 1}
    assert arrival.headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": OTHER},
        {"webhook-id": "evt_2"},
        {"webhook-signature": "v1,bm8="},
        {"webhook-signature": "nonsense"},
        {"webhook-timestamp": "0"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 30},
    ],
)
async def test_delivery_that_is_not_genuine_is_refused_and_kept(inbox, send, changes):
    assert (await send(**changes)).status_code == 401
    (arrival,) = inbox.arrivals
    assert not arrival.verified
    assert not arrival.was_accepted
    assert arrival.error


async def test_body_that_was_changed_on_the_way_is_refused(send, clock):
    signature = Webhook(SECRET).sign("evt_1", clock(), "{}")
    assert (await send(body=b"{} ", **{"webhook-signature": signature})).status_code == 401


async def test_delivery_without_signature_is_refused(inbox, client):
    assert (await client.post("/hook", json={})).status_code == 401
    assert inbox.arrivals[0].error == "The header 'webhook-timestamp' is missing."


async def test_body_that_is_not_json_is_kept_raw(inbox, client):
    await client.post("/hook", content=b"\xff\xfe")
    assert (inbox.arrivals[0].body, inbox.arrivals[0].json) == (b"\xff\xfe", None)


async def test_one_of_several_signatures_is_enough_during_a_rotation(send, clock):
    body = b"{}"
    both = " ".join(Webhook(secret).sign("evt_1", clock(), "{}") for secret in (OTHER, SECRET))
    assert (await send(body=body, **{"webhook-signature": both})).status_code == 204


async def test_path_with_a_secret_of_its_own_takes_no_other(inbox, send):
    inbox.trust(OTHER, path="/mine")
    assert (await send("/mine", secret=OTHER)).status_code == 204
    assert (await send("/mine")).status_code == 401
    assert (await send("/other")).status_code == 204


async def test_secrets_may_be_given_by_path(clock):
    inbox = Inbox(clock, secrets_by_path={"/mine": SECRET})
    async with serve(receiver.app(inbox)) as url, httpx.AsyncClient() as client:
        await client.post(f"{url}/unknown", json={})
    assert inbox.arrivals[0].error == "No secret is known for /unknown."


async def test_arrivals_can_be_awaited_without_asking_again(inbox, send):
    heard = []
    inbox.arrived = heard.append
    waiting = asyncio.create_task(inbox.first(lambda arrival: arrival.webhook_id == "evt_2"))
    enough = asyncio.create_task(inbox.until(lambda arrivals: len(arrivals) == 2))
    await send(number=1)
    assert not waiting.done()
    await send(number=2)
    async with asyncio.timeout(1):
        assert (await waiting).webhook_id == "evt_2"
        await enough
    assert heard == inbox.arrivals
    assert await inbox.first(lambda arrival: arrival.webhook_id == "evt_1") == heard[0]


@pytest.mark.parametrize(
    ("mischief", "status"),
    [
        (Mischief.SERVER_ERROR, 500),
        (Mischief.UNAVAILABLE, 503),
        (Mischief.RATE_LIMITED, 429),
        (Mischief.GONE, 410),
        (Mischief.REDIRECT, 302),
    ],
)
async def test_receiver_answers_badly_once(inbox, send, mischief, status):
    inbox.misbehave(mischief)
    assert [(await send(number=number)).status_code for number in (1, 2)] == [status, 204]
    assert [arrival.status for arrival in inbox.arrivals] == [status, 204]
    assert all(arrival.verified for arrival in inbox.arrivals)


async def test_busy_receiver_says_when_to_come_back(inbox, send):
    inbox.misbehave(Mischief.RATE_LIMITED, retry_after=7)
    assert (await send()).headers["retry-after"] == "7"


async def test_redirect_leads_elsewhere(inbox, send):
    inbox.misbehave(Mischief.REDIRECT, location="http://127.0.0.1:9/")
    assert (await send()).headers["location"] == "http://127.0.0.1:9/"


async def test_mischief_may_be_meant_for_one_path(inbox, send):
    inbox.misbehave(Mischief.GONE, path="/bad", times=2)
    codes = [(await send(path)).status_code for path in ("/good", "/bad", "/bad", "/bad")]
    assert codes == [204, 410, 410, 204]


async def test_receiver_that_behaves_again_forgets_its_mischief(inbox, send):
    inbox.misbehave(Mischief.GONE, times=9)
    inbox.behave()
    assert (await send()).status_code == 204


@pytest.mark.parametrize(
    ("mischief", "error"),
    [
        (Mischief.HANG, httpx.ReadTimeout),
        (Mischief.HUNG_UP, httpx.RemoteProtocolError),
        (Mischief.TRUNCATED, httpx.RemoteProtocolError),
    ],
)
async def test_receiver_gives_no_clean_answer(inbox, send, mischief, error):
    inbox.misbehave(mischief)
    with pytest.raises(error):
        await send()
    assert inbox.arrivals[0].verified
    assert not inbox.arrivals[0].was_accepted


async def test_dripping_receiver_takes_longer_than_anybody_waits(inbox, send):
    inbox.misbehave(Mischief.DRIP)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(send(), 0.3)


async def test_huge_answer_is_a_success_all_the_same(inbox, send):
    inbox.misbehave(Mischief.HUGE_BODY)
    answer = await send()
    assert answer.status_code == 200
    assert len(answer.content) == 8 << 20
