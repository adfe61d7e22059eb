"""The pages with figures in a real browser: they move on by themselves, and keep nobody out."""

import pytest
from playwright.async_api import expect

from tests.flow import live
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import Fault, wondercat

from .browsing import serious_flaws, sign_in
from .test_browser import SCREENS, some_jobs
from .test_overview_page import begin

PATHS = ("/", "/?minutes=1440", "/providers", "/providers/wondercat", "/providers/openai")


async def trouble(stage, clock):
    """An hour with jobs of all sorts, a subscriber that fails, an account that is suspended, and lasting silence."""
    stage.inbox.misbehave(Mischief.RATE_LIMITED, times=9, retry_after=900)
    await some_jobs(stage, clock)
    await live(stage, clock, 3000)
    await begin(stage, "refused")
    stage.world.break_polls(Fault.UNAUTHORIZED, job_id="refused", times=99)
    await live(stage, clock, 30)
    clock.advance(90)


@pytest.mark.parametrize("screen", SCREENS)
async def test_figures_keep_nobody_out(stage, browser, clock, key, screen):
    await trouble(stage, clock)
    context = await browser.new_context(**SCREENS[screen])
    page = await context.new_page()
    await sign_in(page, stage.url, key)
    for path in PATHS:
        await page.goto(stage.url + path)
        for row in await page.locator("details").all():
            await row.evaluate("row => { row.open = true; }")
        assert (path, await serious_flaws(page)) == (path, [])
        too_wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (path, too_wide) == (path, 0)
    await context.close()


async def test_overview_shows_what_happens_without_reloading(stage, signed_in, clock):
    page = signed_in
    await page.evaluate("window.isTheSame = true")
    await expect(page.locator("#first-steps")).to_be_visible()
    clock.advance(60)
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    clock.advance(1)
    await expect(page.get_by_role("link", name="1 wondercat jobs succeeded")).to_be_visible()
    await expect(page.get_by_role("img", name="Jobs finished per minute: succeeded 1, failed 0")).to_be_visible()
    await expect(page.locator("#first-steps")).to_have_count(0)
    assert await page.evaluate("window.isTheSame")


async def test_bars_are_drawn_in_their_frame_and_in_colour(stage, signed_in, clock):
    page = signed_in
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    clock.advance(1)
    await page.goto(f"{stage.url}/")
    frame = await page.locator("#trend-finished svg").bounding_box()
    bar = await page.locator("#trend-finished path.bar.status-succeeded").bounding_box()
    assert frame["x"] <= bar["x"] < bar["x"] + bar["width"] <= frame["x"] + frame["width"]
    assert bar["height"] == pytest.approx(frame["height"], abs=1)
    fill = await page.locator("#trend-finished path.bar.status-succeeded").evaluate("bar => getComputedStyle(bar).fill")
    assert fill == "rgb(23, 112, 58)"


async def test_learned_plots_stay_open_while_the_page_moves_on(stage, signed_in, clock):
    page = signed_in
    await page.goto(f"{stage.url}/providers/wondercat")
    polls = page.locator("#learned details").first
    await polls.locator("summary").click()
    clock.advance(60)
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    clock.advance(1)
    await expect(page.get_by_role("link", name="1 wondercat jobs succeeded")).to_be_visible()
    await expect(polls.locator("p")).to_be_visible()
