"""Subscriptions and deliveries in a real browser."""

import re

import pytest
from playwright.async_api import expect

from tracker.demo.stage import SUBSCRIPTION_PATH

from ..api.steps import a_job, attempt, see, subscribe
from .browsing import serious_flaws, sign_in
from .test_browser import SCREENS
from .test_hostile import HOSTILE
from .test_hostile_webhooks import hostile_subscription


async def send_out(stage):
    """Sends what is due, and waits for the answers."""
    await stage.service.deliverer.tick()
    await stage.service.deliverer.drain()


async def test_url_is_subscribed_once_by_a_double_click_and_tested(stage, signed_in):
    page = signed_in
    await page.goto(f"{stage.url}/subscriptions")
    await page.get_by_role("link", name="New subscription").click()
    await page.get_by_label("Callback URL").fill(stage.callbacks + SUBSCRIPTION_PATH)
    await page.get_by_label("job.*", exact=True).check()
    await page.get_by_text("How it is sent").click()
    await page.get_by_label("Secret").fill(stage.subscription_secret)
    await page.get_by_role("button", name="Subscribe").dblclick()
    await expect(page.get_by_text(stage.subscription_secret)).to_be_visible()
    (made,) = (await stage.client.get("/v1/subscriptions")).json()["data"]
    assert "job.*" in made["events"]
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.locator("#head .status")).to_have_text("pending")
    await send_out(stage)
    # No event of a job tells of it.
    await expect(page.locator("#head .status")).to_have_text("delivered")
    await expect(page.get_by_role("row", name="wait")).to_be_visible()


async def test_what_is_wrong_is_told_at_its_field_and_the_rest_is_kept(stage, signed_in):
    page = signed_in
    page.watch.allowed.append("422")
    await page.goto(f"{stage.url}/subscriptions/new")
    await page.get_by_label("Callback URL").fill("ftp://receiver.example")
    await page.get_by_label("Description").fill("kept")
    await page.get_by_role("button", name="Subscribe").click()
    field = page.get_by_label("Callback URL")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile("The scheme must be https, not 'ftp'."))
    await expect(page.get_by_label("Description")).to_have_value("kept")


async def test_progress_of_a_replay_is_seen_without_reloading(stage, signed_in, clock):
    page = signed_in
    made = await subscribe(stage.client, events=["job.*"])
    for number in range(2):
        job = (await stage.client.post("/v1/jobs", json=a_job(number))).json()
        await see(stage.service, job, "succeeded")
        await attempt(stage.service, made["id"], 200)
    await page.goto(f"{stage.url}/subscriptions/{made['id']}")
    await page.get_by_text("Replay…").click()
    await page.get_by_label("Since (UTC)").fill("2026-01-01T11:00:00")
    await page.get_by_label("Deliveries a second").fill("0.5")
    await page.get_by_role("button", name="Replay").click()
    replays = page.locator("#replay-list")
    await expect(replays).to_contain_text("0 of 2")
    await page.evaluate("window.isTheSame = true")
    await stage.service.replayer.tick()
    await expect(replays).to_contain_text("1 of 2")
    clock.advance(2)
    await stage.service.replayer.tick()
    await expect(replays).to_contain_text("2 of 2")
    assert await page.evaluate("window.isTheSame")


async def test_answer_that_was_opened_stays_so_when_the_next_attempt_comes(stage, signed_in, clock):
    page = signed_in
    made = await subscribe(stage.client)
    delivery = (await stage.client.post(f"/v1/subscriptions/{made['id']}/test")).json()
    await attempt(stage.service, made["id"], 500)
    await page.goto(f"{stage.url}/deliveries/{delivery['id']}")
    await page.get_by_text("Answer", exact=True).click()
    answer = page.get_by_text("the answer", exact=True)
    await expect(answer).to_be_visible()
    clock.advance(60)
    await attempt(stage.service, made["id"], 200, is_retry=True)
    await expect(page.locator("#head .status")).to_have_text("delivered")
    await expect(answer.first).to_be_visible()


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_subscription_is_inert(stage, signed_in, text):
    page = signed_in
    made, delivery = await hostile_subscription(stage, text)
    for path in ("/subscriptions", f"/subscriptions/{made['id']}", f"/deliveries/{delivery['id']}"):
        await page.goto(stage.url + path)
        await expect(page.get_by_role("main")).to_be_visible()
        assert await page.evaluate("[typeof window.pwned, document.images.length]") == ["undefined", 0]


@pytest.mark.parametrize("screen", SCREENS)
async def test_pages_of_webhooks_keep_nobody_out(stage, browser, key, screen):
    made, delivery = await hostile_subscription(stage, HOSTILE[0])
    await stage.client.post(f"/v1/subscriptions/{made['id']}/replay", json={"since": "2026-01-01T11:00:00Z"})
    context = await browser.new_context(**SCREENS[screen])
    page = await context.new_page()
    await sign_in(page, stage.url, key)
    own = f"/subscriptions/{made['id']}"
    listed = ("/subscriptions", own, f"{own}/remove", "/deliveries", f"/deliveries/{delivery['id']}")
    for path in (*listed, "/deliveries?status=blocked", "/subscriptions/new"):
        await page.goto(stage.url + path)
        await is_open_to_all(page)
    await page.get_by_label("Callback URL").fill("ftp://receiver.example")
    await page.get_by_role("button", name="Subscribe").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await is_open_to_all(page)
    await page.get_by_label("Callback URL").fill("https://receiver.example/other")
    await page.get_by_role("button", name="Subscribe").click()
    await expect(page.get_by_text("it is not shown again.")).to_be_visible()
    await is_open_to_all(page)
    await context.close()


async def is_open_to_all(page):
    """Whether axe finds nothing serious with everything unfolded, and nothing lies beside the screen."""
    for details in await page.locator("details").all():
        await details.evaluate("details => { details.open = true; }")
    assert (page.url, await serious_flaws(page)) == (page.url, [])
    assert (page.url, await page.evaluate("document.documentElement.scrollWidth - innerWidth")) == (page.url, 0)
