"""`POST /v1/subscriptions`: what is refused, and how the answer says why."""

import base64

from .steps import PUBLIC_URL, fetch, flaws

WRONG = [
    ({"callback_url": None}, "/callback_url"),
    ({"callback_url": 7}, "/callback_url"),
    ({"callback_url": ""}, "/callback_url"),
    ({"events": []}, "/events"),
    ({"events": ["job.done"]}, "/events"),
    ({"events": ["job.*", 1]}, "/events/1"),
    ({"events": ["x" * 201]}, "/events/0"),
    ({"providers": ["unheard-of"]}, "/providers"),
    ({"providers": "decart"}, "/providers"),
    ({"kinds": [""]}, "/kinds/0"),
    ({"tags": ["a", ""]}, "/tags/1"),
    ({"description": "x" * 501}, "/description"),
    ({"description": "a\0b"}, "/description"),
    ({"headers": []}, "/headers"),
    ({"headers": {"x-number": 1}}, "/headers/x-number"),
    ({"headers": {f"x-{n}": "v" for n in range(21)}}, "/headers"),
    ({"secret": 7}, "/secret"),
    ({"status": "paused"}, "/status"),
    ({"url": PUBLIC_URL}, "/url"),
    ({"id": "sub_1"}, "/id"),
]
OURS = ["webhook-id", "Webhook-Signature", "webhook-", "host", "HOST", "content-type", "Content-Length", "content-md5"]
CONNECTIONS = ["transfer-encoding", "Connection"]
NO_TOKENS = ["", " ", "a b", "a:b", "ü", "x\r\ny", "a,b", "(x)"]
VALUES = ["a\r\nb: c", "a\nb", "\ttab", " outer", "outer ", "bücher", "\x7f", "a\x00b"]


def secret_of(size):
    return "whsec_" + base64.b64encode(b"\xff" * size).decode()


async def refusal(client, **changes):
    return flaws(await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL} | changes))


async def test_field_that_is_wrong_or_unknown_is_pointed_to(client):
    assert [(changes, *(await refusal(client, **changes))) for changes, _ in WRONG] == WRONG


async def test_callback_url_is_required(client):
    assert flaws(await client.post("/v1/subscriptions", json={})) == ["/callback_url"]


async def test_unknown_provider_is_refused_with_those_that_exist(client):
    response = await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL, "providers": ["unheard-of"]})
    assert {"decart,", "photogpt,", "scenario,"} <= set(response.json()["detail"].split())


async def test_secret_must_be_one_of_standard_webhooks(client):
    unusable = ["", "secret", secret_of(23), secret_of(65), "whsec_", secret_of(24).removeprefix("whsec_")]
    spelled = [secret_of(25).rstrip("="), "whsec_" + "_-" * 16, secret_of(24) + "\n", secret_of(24) + "=", "whsec_ü"]
    for secret in unusable + spelled:
        assert await refusal(client, secret=secret) == ["/secret"], secret


async def test_refusal_of_a_secret_does_not_repeat_it(client):
    response = await client.post("/v1/subscriptions", json={"callback_url": PUBLIC_URL, "secret": "whsec_hush-hush"})
    assert flaws(response) == ["/secret"]
    assert "hush" not in response.text


async def test_secret_of_24_to_64_bytes_is_taken(client):
    for size in (24, 25, 26, 64):
        body = {"callback_url": PUBLIC_URL, "secret": secret_of(size)}
        response = await client.post("/v1/subscriptions", json=body)
        assert (response.status_code, response.json()["secret"]) == (201, secret_of(size))


async def test_header_that_is_ours_or_the_connections_is_refused(client):
    for name in OURS + CONNECTIONS:
        assert await refusal(client, headers={"x-fine": "1", name: "v"}) == ["/headers"], name


async def test_header_that_could_not_be_sent_is_refused(client):
    for name in NO_TOKENS:
        assert await refusal(client, headers={name: "v"}) == ["/headers"], name
    refused = {value: await refusal(client, headers={"x-name": value}) for value in VALUES}
    assert {pointer for pointers in refused.values() for pointer in pointers} == {"/headers", "/headers/x-name"}


async def test_refused_subscription_leaves_nothing_behind(client):
    await refusal(client, secret="short")
    assert (await fetch(client, "/v1/subscriptions"))["data"] == []
