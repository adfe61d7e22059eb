"""Secrets of subscriptions: rotated, with a grace; and the public key of those that ask for one."""

import asyncio
import base64
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from store.records import Share
from tracker.rules.rotation import LONGEST_GRACE, MOST_SECRETS
from tracker.service import Service

from .steps import LEASE, client_of, fetch, flaws, problem, subscribe

GIVEN = "whsec_" + base64.b64encode(b"g" * 64).decode()
DAY = 86_400


async def rotate(client, made, **body):
    answer = await client.post(f"/v1/subscriptions/{made['id']}/rotate-secret", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def signed(client, service, made):
    """The headers of a test event as they would be sent now, and its body."""
    await client.post(f"/v1/subscriptions/{made['id']}/test")
    now = service.surroundings.now()
    (claimed,) = await service.deliveries.claim([Share(made["id"], is_retry=False, count=1)], now, now + LEASE)
    return service.deliverer._sender._request(claimed, now)


async def signers(client, service, made, secrets):
    """Which of these secrets sign a delivery now, in the order of their signatures."""
    request = await signed(client, service, made)
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    by_signature = {
        Webhook(each).sign(request.headers["webhook-id"], at, request.content.decode()): each for each in secrets
    }
    return [by_signature[signature] for signature in request.headers["webhook-signature"].split(" ")]


async def test_both_secrets_sign_for_a_day_and_then_the_new_one_alone(client, service, clock):
    made = await subscribe(client)
    old = made.pop("secret")
    clock.advance(60)
    rotated = await rotate(client, made)
    new = rotated.pop("secret")
    assert len(base64.b64decode(new.removeprefix("whsec_"), validate=True)) == 33
    assert rotated.pop("previous_secret_expires_at") == "2026-01-02T12:01:00.000Z"
    assert rotated == made | {"updated_at": "2026-01-01T12:01:00.000Z"}
    assert await signers(client, service, made, [old, new]) == [new, old]
    clock.advance(DAY - 1)
    assert await signers(client, service, made, [old, new]) == [new, old]
    clock.advance(1)
    assert await signers(client, service, made, [old, new]) == [new]


async def test_new_secret_is_shown_once(client):
    made = await subscribe(client)
    secret = (await rotate(client, made))["secret"]
    assert secret not in (await client.get(f"/v1/subscriptions/{made['id']}")).text
    assert secret not in (await client.get("/v1/subscriptions")).text


async def test_grace_and_secret_can_be_given(client, service, clock):
    made = await subscribe(client)
    rotated = await rotate(client, made, secret=GIVEN, grace_seconds=90.5)
    assert (rotated["secret"], rotated["previous_secret_expires_at"]) == (GIVEN, "2026-01-01T12:01:30.500Z")
    clock.advance(91)
    assert await signers(client, service, made, [made["secret"], GIVEN]) == [GIVEN]


async def test_without_grace_the_old_secret_signs_nothing_more(client, service):
    made = await subscribe(client)
    rotated = await rotate(client, made, grace_seconds=0)
    assert rotated["previous_secret_expires_at"] is None
    assert await signers(client, service, made, [made["secret"], rotated["secret"]]) == [rotated["secret"]]


async def test_body_may_be_left_out(client):
    made = await subscribe(client)
    answer = await client.post(f"/v1/subscriptions/{made['id']}/rotate-secret")
    assert (answer.status_code, answer.json()["previous_secret_expires_at"]) == (200, "2026-01-02T12:00:00.000Z")


async def test_expired_secret_is_gone_from_the_store_after_the_next_rotation(client, service, clock):
    made = await subscribe(client)
    await rotate(client, made, grace_seconds=60)
    clock.advance(60)
    assert len((await service.subscriptions.get(made["id"])).secrets) == 2
    await rotate(client, made, grace_seconds=60)
    assert len((await service.subscriptions.get(made["id"])).secrets) == 2


async def test_rotation_that_would_leave_too_many_secrets_is_a_conflict_that_changes_nothing(client, service):
    made = await subscribe(client)
    for _ in range(MOST_SECRETS - 1):
        await rotate(client, made)
    before = await service.subscriptions.get(made["id"])
    answer = await client.post(f"/v1/subscriptions/{made['id']}/rotate-secret")
    assert "give the old ones no grace" in problem(answer, 409)["detail"]
    assert await service.subscriptions.get(made["id"]) == before
    await rotate(client, made, grace_seconds=0)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"grace_seconds": -1}, "/grace_seconds"),
        ({"grace_seconds": LONGEST_GRACE + 1}, "/grace_seconds"),
        ({"grace_seconds": "60"}, "/grace_seconds"),
        ({"grace_seconds": True}, "/grace_seconds"),
        ({"grace_seconds": None}, "/grace_seconds"),
        ({"secret": "hush"}, "/secret"),
        ({"secret": "whsec_" + base64.b64encode(b"x" * 23).decode()}, "/secret"),
        ({"secret": "whsec_" + base64.b64encode(b"x" * 65).decode()}, "/secret"),
        ({"secret": "whsec_" + base64.urlsafe_b64encode(b"\xff" * 24).decode()}, "/secret"),
        ({"grace": 60}, "/grace"),
    ],
)
async def test_rotation_that_cannot_be_is_refused_where_it_is_wrong(client, service, body, pointer):
    made = await subscribe(client)
    before = await service.subscriptions.get(made["id"])
    assert flaws(await client.post(f"/v1/subscriptions/{made['id']}/rotate-secret", json=body)) == [pointer]
    assert await service.subscriptions.get(made["id"]) == before


async def test_secret_that_signs_already_is_no_rotation(client):
    made = await subscribe(client, secret=GIVEN)
    path = f"/v1/subscriptions/{made['id']}/rotate-secret"
    assert flaws(await client.post(path, json={"secret": GIVEN})) == ["/secret"]
    await rotate(client, made)
    assert flaws(await client.post(path, json={"secret": GIVEN})) == ["/secret"]


async def test_rotations_at_the_same_time_both_count(client, service):
    made = await subscribe(client)
    new = [each["secret"] for each in await asyncio.gather(rotate(client, made), rotate(client, made))]
    signed_by = await signers(client, service, made, [made["secret"], *new])
    assert sorted(signed_by[:2]) == sorted(new)
    assert signed_by[2:] == [made["secret"]]


async def test_unknown_subscription_cannot_be_rotated(client):
    answer = await client.post("/v1/subscriptions/sub_unheard-of/rotate-secret")
    assert "'sub_unheard-of'" in problem(answer, 404)["detail"]


async def test_ed25519_signature_is_sent_where_it_is_asked_for_and_only_there(client, service):
    plain, asking = await subscribe(client), await subscribe(client, signatures=["v1a", "v1"])
    assert asking["signatures"] == ["v1", "v1a"]
    for made, schemes in ((plain, ["v1"]), (asking, ["v1", "v1a"])):
        signature = (await signed(client, service, made)).headers["webhook-signature"]
        assert [part.partition(",")[0] for part in signature.split(" ")] == schemes


@pytest.mark.parametrize("signatures", [[], ["v1a"], ["v2"], ["v1", "v1a", "v1a"], "v1", None])
async def test_signatures_that_cannot_be_are_refused(client, signatures):
    body = {"callback_url": "https://receiver.example/hook", "signatures": signatures}
    (pointer,) = flaws(await client.post("/v1/subscriptions", json=body))
    assert pointer.startswith("/signatures")


async def test_public_key_is_open_to_all_and_outlives_a_restart(settings_of, surroundings):
    keys = []
    for _ in range(2):
        service = Service(settings_of(), surroundings, is_ticking=False, is_learning=False)
        async with service, AsyncExitStack() as stack:
            stranger = await stack.enter_async_context(client_of(service))
            keys.append(await fetch(stranger, "/.well-known/tracker-webhook-keys"))
    assert keys[0] == keys[1]
    (key,) = keys[0]["keys"]
    assert key.keys() == {"id", "algorithm", "signature", "public_key"}
    assert (key["algorithm"], key["signature"]) == ("ed25519", "v1a")
    assert len(base64.b64decode(key["public_key"].removeprefix("whpk_"), validate=True)) == 32
