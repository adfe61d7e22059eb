"""What subscriptions say and receivers answer is text on every page."""

import pytest

from store.records import Attempt, AttemptResult, Share
from tracker.rules import retry

from ..api.steps import LEASE, PUBLIC_URL, subscribe
from .test_hostile import HOSTILE, is_inert
from .visiting import Seen


def in_a_url(text):
    """As much of a text as the API takes in a URL."""
    return "".join(character for character in text if character.isprintable() and not character.isspace())


async def hostile_subscription(stage, text):
    """A subscription that says this where it can, and what its receiver has answered in the same way."""
    made = await subscribe(
        stage.client,
        callback_url=f"{PUBLIC_URL}/{in_a_url(text)}",
        description=f"description{text}",
        tags=[f"tag{text}"[:100]],
        kinds=[f"kind{text}"],
        headers={"x-header": f"value{text.encode().hex()}"},
    )
    delivery = (await stage.client.post(f"/v1/subscriptions/{made['id']}/test")).json()
    service = stage.service
    now = service.surroundings.now.advance(1)
    (each,) = await service.deliveries.claim([Share(made["id"], False, 100)], now, now + LEASE)
    outcome, body = AttemptResult.REJECTED, f"body{text}"
    new = service.surroundings.new_id("att")
    tried = Attempt(new, each.delivery.id, 1, now, 5, outcome, 500, f"error{text}", body, address=f"at{text}")
    await service.deliveries.record([retry.decide(each.delivery, tried, (5.0,), now, 0.5)])
    return made, delivery


@pytest.mark.parametrize("text", HOSTILE)
async def test_pages_of_a_hostile_subscription_are_text(stage, visitor, text):
    made, delivery = await hostile_subscription(stage, text)
    path = f"/subscriptions/{made['id']}"
    for each in ("/subscriptions", path, f"{path}/remove"):
        page = await visitor.see(each)
        is_inert(page)
        assert f"description{text}" in page.text
        assert made["callback_url"] in page.text
    page = await visitor.see(f"/deliveries/{delivery['id']}")
    is_inert(page)
    for part in ("error", "body", "at"):
        assert part + text in page.text
    page = await visitor.see("/deliveries")
    is_inert(page)
    assert made["callback_url"] in page.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_secret_of_a_hostile_subscription_is_shown_on_a_page_of_text(visitor, text):
    answer = await visitor.send("/subscriptions", once="0" * 32, callback_url=f"{PUBLIC_URL}/{in_a_url(text)}")
    assert answer.status_code == 201
    is_inert(Seen(answer.text))


@pytest.mark.parametrize("text", HOSTILE)
async def test_form_that_is_shown_again_is_text(visitor, text):
    fields = dict.fromkeys(("callback_url", "description", "tags", "headers", "max_in_flight", "order", "kinds"), text)
    body = {"token": (await visitor.see("/jobs")).token(), "once": "0" * 32} | fields
    answer = await visitor.client.post("/subscriptions", data=body)
    assert answer.status_code == 422
    page = Seen(answer.text)
    shown = [field.get("value") for field in page.all("input") if field.get("name") in ("callback_url", "description")]
    assert shown == [text, text]
    assert [field.text.strip("\n") for field in page.all("textarea")] == [text, text]
    assert not any(page.all(name) for name in ("img", "iframe", "object", "base"))
    assert not any(name.startswith("on") for element in page.elements for name in element.attributes)


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_filter_of_deliveries_is_text(visitor, text):
    for name in ("subscription_id", "job_id", "event_id", "status", "cursor", text):
        answer = await visitor.get("/deliveries", **{name: text})
        assert answer.status_code in (200, 303, 422), answer.text
        is_inert(Seen(answer.text))


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_replay_is_text(stage, visitor, text):
    made = await subscribe(stage.client)
    fields = dict.fromkeys(("since", "until", "rate", "events"), text)
    answer = await visitor.send(f"/subscriptions/{made['id']}/replay", once="0" * 32, **fields)
    assert answer.status_code == 422
    is_inert(Seen(answer.text))
