"""The dashboard in a real browser, with real data."""

import asyncio
import base64

import pytest
from playwright.async_api import expect

from tests.flow import live, register
from tracker.dashboard.routes import PAGES
from tracker.demo.recipes import RECIPES, begin
from tracker.demo.server import serve
from tracker.demo.simulators import wondercat

from ..api.steps import a_job, see
from .browsing import SCREENS, serious_flaws, sign_in
from .test_hostile import HOSTILE, hostile_job

PATHS = [path for method, path, _ in PAGES if method == "GET" and path != "/live" and "{" not in path]
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
WHAT_RAN = "[typeof window.pwned, document.images.length]"


async def some_jobs(stage, clock):
    """Jobs of the demo, some of which have ended; tells the first of each sort."""
    jobs = {}
    for number, recipe in enumerate(RECIPES):
        begin(recipe, f"{recipe.prefix}{number:02d}", stage.world)
        job = await register(
            stage, provider=recipe.provider, kind=recipe.kind, remote_id=f"{recipe.prefix}{number:02d}", tags=["demo"]
        )
        jobs.setdefault(recipe.outcome, job)
    await live(stage, clock, 7)
    return jobs


async def test_wrong_key_is_refused_and_the_right_one_accepted(stage, page, key):
    page.watch.allowed.append("401")
    await page.goto(f"{stage.url}/jobs?tag=hero")
    await page.get_by_label("API key").fill("a wrong key")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("No such key")
    assert await page.context.cookies() == []
    await page.get_by_label("API key").fill(key)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{stage.url}/jobs?tag=hero")
    (cookie,) = await page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert await page.evaluate("document.cookie") == ""
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_title("Sign in · Tracker")
    assert await page.context.cookies() == []


async def test_link_of_the_first_start_signs_in_by_one_click(stage, page, key):
    await page.goto(stage.url + stage.service.site.login_path(key))
    await expect(page).to_have_title("Overview · Tracker")
    assert "code" not in page.url


async def test_list_shows_what_happens_without_reloading(stage, signed_in):
    page = signed_in
    await page.goto(f"{stage.url}/jobs")
    await page.evaluate("window.isTheSame = true")
    await expect(page.locator(".empty")).to_be_visible()
    await page.get_by_label("Tag").fill("typed meanwhile")
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    row = page.locator(f"#{job['id']}")
    await see(stage.service, job, "running", progress=0.25)
    await expect(row).to_contain_text("25 %")
    await see(stage.service, job, "succeeded")
    await expect(row).to_contain_text("succeeded")
    assert await page.get_by_label("Tag").input_value() == "typed meanwhile"
    assert await page.evaluate("window.isTheSame")


async def test_flood_of_events_is_gathered_into_a_look_a_second(stage, signed_in, clock):
    page = signed_in
    bodies = [a_job(number, tags=["flood"], events=["job.*"], callback_url=stage.callbacks) for number in range(300)]
    for body in bodies:
        stage.world.add("wondercat", "inference", wondercat.success("inference", 20), job_id=body["remote_id"])
    (await stage.client.post("/v1/jobs/batch", json={"jobs": bodies})).raise_for_status()
    looks = []
    page.on("request", lambda request: request.url.endswith("/jobs?tag=flood") and looks.append(request))
    began = await now(page)
    await page.goto(f"{stage.url}/jobs?tag=flood")
    await live(stage, clock, 120)
    await expect(page.locator("main tr .status", has_text="succeeded")).to_have_count(50)
    seconds = (await now(page) - began) / 1000
    assert len({arrival.webhook_id for arrival in stage.inbox.arrivals}) >= 600
    # Told of each event, it would have looked for each.
    assert 1 < len(looks) <= 2 + seconds


async def now(page):
    """Milliseconds by the page's own clock."""
    return await page.evaluate("Date.now()")


async def test_page_of_a_job_keeps_what_was_opened_while_it_changes(stage, signed_in):
    page = signed_in
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    await see(stage.service, job, "running", progress=0.25)
    await page.goto(f"{stage.url}/jobs/{job['id']}")
    reading = page.locator("details", has_text="Last reading")
    await reading.locator("summary").click()
    await expect(reading.locator("pre")).to_contain_text("0.25")
    await page.get_by_role("button", name="Poll now").focus()
    await see(stage.service, job, "running", progress=0.5)
    await expect(reading.locator("pre")).to_contain_text("0.5")
    await expect(reading.locator("pre")).to_be_visible()
    await expect(page.get_by_role("button", name="Poll now")).to_be_focused()


async def test_live_page_comes_back_after_a_restart_of_the_service(stage, signed_in):
    page = signed_in
    page.watch.allowed.append("net::ERR_")
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    row = page.locator(f"#{job['id']}")
    async with serve(stage.service.site) as url:
        page.watch.also(url)
        await page.goto(f"{url}/jobs")
        await expect(row).to_contain_text("queued")
    await expect(page.get_by_role("status")).not_to_be_empty()
    again = serve(stage.service.site, port=int(url.rpartition(":")[2]))
    async with page.expect_response(lambda answer: answer.url == f"{url}/live" and answer.ok), again:
        await expect(page.get_by_role("status")).to_be_empty()
        await see(stage.service, job, "succeeded")
        await expect(row).to_contain_text("succeeded")


async def test_session_that_ends_leads_to_the_login(stage, page, new_key):
    key, key_id = await new_key("read")
    await sign_in(page, stage.url, key)
    page.watch.allowed.append("401")
    await page.goto(f"{stage.url}/jobs")
    await stage.client.delete(f"/v1/keys/{key_id}")
    await stage.client.post("/v1/jobs", json=a_job())
    await expect(page).to_have_title("Sign in · Tracker")
    assert page.url == f"{stage.url}/login?next=%2Fjobs"


async def test_job_is_polled_and_forgotten_by_its_buttons(stage, signed_in):
    page = signed_in
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    await page.goto(f"{stage.url}/jobs/{job['id']}")
    await page.get_by_role("button", name="Poll now").click()
    await page.wait_for_load_state()
    assert page.url == f"{stage.url}/jobs/{job['id']}"
    await page.get_by_text("Forget…").click()
    await page.get_by_role("button", name="Forget this job").click()
    await page.wait_for_url(f"{stage.url}/jobs")
    assert (await stage.client.get(f"/v1/jobs/{job['id']}")).status_code == 404


async def test_preview_is_loaded_by_a_click_alone(stage, signed_in):
    page = signed_in
    picture = "https://cdn.example/picture.png"
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    await see(stage.service, job, "running", progress=0.25, output={"url": picture})
    asked = asyncio.Event()

    async def answer(route):
        asked.set()
        await route.fulfill(body=PIXEL, content_type="image/png")

    await page.route(picture, answer)
    await page.goto(f"{stage.url}/jobs/{job['id']}")
    await expect(page.get_by_role("button", name="Preview")).to_be_visible()
    assert page.watch.troubles == []
    assert not asked.is_set()
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_role("img", name="Preview of this output")).to_be_visible()
    await see(stage.service, job, "running", progress=0.5, output={"url": picture})
    await expect(page.locator("#job")).to_contain_text("50 %")
    await expect(page.get_by_role("img", name="Preview of this output")).to_be_visible()
    assert page.watch.troubles == [f"request: {picture}"]
    page.watch.troubles.clear()
    await page.get_by_role("button", name="Hide").click()
    await expect(page.get_by_role("img", name="Preview of this output")).to_have_count(0)


async def test_hostile_jobs_are_inert(stage, signed_in):
    page = signed_in
    await page.goto(f"{stage.url}/jobs")
    # First as they are put into the page that is shown, then as they are loaded.
    jobs = {text: await hostile_job(stage, text) for text in HOSTILE}
    for job in jobs.values():
        await expect(page.locator(f"#{job['id']}")).to_contain_text("failed")
    assert await page.evaluate(WHAT_RAN) == ["undefined", 0]
    for text, job in jobs.items():
        await page.goto(f"{stage.url}/jobs/{job['id']}")
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"id{text}")
        assert await page.evaluate(WHAT_RAN) == ["undefined", 0]


@pytest.mark.parametrize("screen", SCREENS)
async def test_pages_keep_nobody_out(stage, browser, clock, key, screen):
    jobs = await some_jobs(stage, clock)
    context = await browser.new_context(**SCREENS[screen])
    page = await context.new_page()
    await page.goto(f"{stage.url}/login")
    assert await serious_flaws(page) == []
    await sign_in(page, stage.url, key)
    for path in [*PATHS, *(f"/jobs/{job['id']}" for job in jobs.values()), "/jobs/unknown", "/jobs?status=failed"]:
        await page.goto(stage.url + path)
        for row in await page.locator("details:not(.confirm)").all():
            await row.evaluate("row => { row.open = true; }")
        assert (path, await serious_flaws(page)) == (path, [])
        too_wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (path, too_wide) == (path, 0)
    await context.close()


async def test_keyboard_reaches_the_content_first(stage, signed_in):
    page = signed_in
    await page.goto(f"{stage.url}/jobs")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")


async def test_ids_are_copied_by_their_buttons(stage, signed_in, context):
    page = signed_in
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    await page.goto(f"{stage.url}/jobs/{job['id']}")
    await page.get_by_role("button", name=f"Copy {job['id']}").click()
    await expect(page.locator(".copied")).to_have_count(1)
    assert await page.evaluate("navigator.clipboard.readText()") == job["id"]


async def test_times_are_told_in_the_viewers_zone(stage, browser, key):
    context = await browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = await context.new_page()
    await sign_in(page, stage.url, key)
    await stage.client.post("/v1/jobs", json=a_job())
    await page.goto(f"{stage.url}/jobs")
    # The test's clock says noon, UTC.
    await expect(page.locator("td time").last).to_have_attribute("title", "1 Jan 2026, 21:00:00 GMT+9")
    await context.close()
