"""The form for a subscription: it makes one, once, and shows its secret once; what is wrong is told at its field."""

import asyncio

import pytest

from ..api.steps import PUBLIC_URL, ids_of
from .visiting import Seen
from .webhooks import FORM, links, marked, once, send


async def test_form_makes_a_subscription_and_shows_its_secret_this_once(stage, visitor):
    answer = await send(visitor, **FORM)
    assert answer.status_code == 201
    (made,) = (await stage.client.get("/v1/subscriptions")).json()["data"]
    assert (made["callback_url"], made["events"]) == (PUBLIC_URL, ["job.succeeded"])
    page = Seen(answer.text)
    (secret,) = [code.text for code in page.all("code") if code.text.startswith("whsec_")]
    assert secret in [button.get("data-copy") for button in page.all("button")]
    assert f"/subscriptions/{made['id']}" in links(page)
    for path in ("/subscriptions", f"/subscriptions/{made['id']}"):
        assert "whsec_" not in (await visitor.see(path)).text


async def test_all_that_the_form_asks_reaches_the_api(stage, visitor):
    secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
    given = {
        "callback_url": f" {PUBLIC_URL} ",
        "description": "für uns",
        "events": ["job.*", "subscription.disabled"],
        "providers": ["wondercat", "scenario"],
        "kinds": ["inference"],
        "tags": "a, b\r\n\r\n c \r\n",
        "headers": "authorization: Bearer a:b\r\nx-team:blue",
        "payload": "thin",
        "order": "latest",
        "max_in_flight": "7",
        "v1a": "1",
        "secret": secret,
    }
    answer = await send(visitor, **given)
    assert secret in answer.text
    (made,) = (await stage.client.get("/v1/subscriptions")).json()["data"]
    expected = given | {
        "callback_url": PUBLIC_URL,
        "tags": ["a, b", "c"],
        "headers": {"authorization": "Bearer a:b", "x-team": "blue"},
        "max_in_flight": 7,
        "signatures": ["v1", "v1a"],
    }
    assert {name: made[name] for name in expected if name in made} == {
        name: value for name, value in expected.items() if name not in ("v1a", "secret")
    }


async def test_form_that_is_sent_twice_at_once_makes_one_subscription(stage, visitor):
    key = once()
    answers = await asyncio.gather(*(send(visitor, key, **FORM) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.text.partition("whsec_")[2][:44] for answer in answers}) == 1
    assert len(await ids_of(stage.client, "/v1/subscriptions")) == 1


async def test_form_that_was_sent_and_says_something_else_now_has_to_be_sent_anew(stage, visitor):
    key = once()
    await send(visitor, key, **FORM)
    answer = await send(visitor, key, **FORM | {"payload": "thin"})
    assert answer.status_code == 422
    assert "was sent before" in answer.text
    assert len(await ids_of(stage.client, "/v1/subscriptions")) == 1
    fields = {field.get("name"): field.get("value") for field in Seen(answer.text).all("input")}
    assert fields["once"] != key


@pytest.mark.parametrize("given", ["", "x", "0" * 31, "0" * 33, "é" * 32])
async def test_form_that_is_not_ours_makes_nothing(stage, visitor, given):
    assert (await send(visitor, given, **FORM)).status_code == 400
    assert await ids_of(stage.client, "/v1/subscriptions") == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("callback_url", "", "at least 1 character"),
        ("callback_url", "ftp://receiver.example", "scheme"),
        ("events", ["job.odd"], "job.odd"),
        ("providers", ["nobody"], "nobody"),
        ("headers", "host: x", "host"),
        ("headers", "no colon", "Name: value"),
        ("headers", "a: 1\nA: 2\na: 3", "twice"),
        ("max_in_flight", "0", "greater than or equal to 1"),
        ("max_in_flight", "many", "integer"),
        ("secret", "whsec_short", "base64"),
        ("order", "odd", "latest"),
    ],
)
async def test_what_the_api_refuses_is_told_at_its_field(stage, visitor, field, value, told):
    answer = await send(visitor, **FORM | {"description": "kept", field: value})
    assert answer.status_code == 422
    page = Seen(answer.text)
    assert list(marked(page)) == [field] if field not in ("events", "providers") else told in page.text
    assert told in page.text
    assert "kept" in [element.get("value") for element in page.all("input")]
    assert await ids_of(stage.client, "/v1/subscriptions") == []


async def test_secret_that_was_typed_is_not_shown_again(visitor):
    answer = await send(visitor, callback_url="ftp://x", secret="whsec_typed")
    assert answer.status_code == 422
    assert "whsec_typed" not in answer.text
