"""The first page: how the service stands, and what it did of late."""

import pytest

from tests.flow import live, register
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import Fault, wondercat

LONG = wondercat.success("inference", 10_000)


async def begin(stage, *names, script=LONG, **body):
    for name in names:
        stage.world.add("wondercat", "inference", script, job_id=name)
        await register(stage, provider="wondercat", kind="inference", remote_id=name, **body)


async def look(visitor, clock, path="/"):
    # What is counted is kept for a moment.
    clock.advance(1)
    return await visitor.see(path)


def link(page, href):
    """The text of the link that leads there."""
    (found,) = [each.text for each in page.all("a") if each.get("href") == href]
    return found


def hrefs(page):
    return [each.get("href") for each in page.all("a")]


def drawings(page):
    return [each.get("aria-label") for each in page.all("svg") if each.get("role") == "img"]


async def test_page_of_an_idle_service_says_the_next_step_and_plots_nothing(visitor, clock):
    page = await look(visitor, clock)
    assert "tracker jobs add" in page.text
    assert "tracker demo --keep" in page.text
    assert "/providers" in hrefs(page)
    assert drawings(page) == []


async def test_numbers_lead_to_the_lists_that_they_count(stage, visitor, clock):
    await begin(stage, "r1", "r2")
    await begin(stage, "r3", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    page = await look(visitor, clock)
    assert link(page, "/jobs?status=queued&status=running&status=action_required") == "2"
    for status, count in (("queued", 2), ("succeeded", 1)):
        href = f"/jobs?provider=wondercat&status={status}"
        assert link(page, href) == str(count)
        assert len([row for row in (await visitor.see(href)).all("tr") if row.get("id")]) == count
    assert "/jobs?provider=wondercat&status=failed" not in hrefs(page)
    assert "/providers/wondercat" in hrefs(page)


async def test_what_was_done_is_plotted_and_told(stage, visitor, clock):
    stage.inbox.misbehave(Mischief.SERVER_ERROR, times=1)
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 60)
    page = await look(visitor, clock)
    ended, tried, delay, polls = drawings(page)
    assert ended == "Jobs finished per minute: succeeded 1, failed 0, canceled 0, expired 0"
    assert tried.startswith("Webhook attempts per minute: delivered 1, rejected 1,")
    assert delay.startswith("Detection delay: mean")
    assert polls.startswith("Polls per finished job: mean")
    assert any(each.text.endswith(": 1 succeeded") for each in page.all("title"))


@pytest.mark.parametrize(("minutes", "title"), [("60", "per minute"), ("360", "per 3 minutes"), ("1440", "per 12")])
async def test_span_is_in_the_address(stage, visitor, clock, minutes, title):
    await begin(stage, "r1")
    page = await look(visitor, clock, f"/?minutes={minutes}")
    assert f"Jobs finished {title}" in page.text
    (chosen,) = [each for each in page.all("a") if each.get("aria-current") == "true"]
    assert chosen.get("href") == ("/" if minutes == "60" else f"/?minutes={minutes}")


async def test_span_that_cannot_be_told_is_refused_in_the_words_of_the_api(visitor):
    page = await visitor.see("/?minutes=<b>", 422)
    assert "minutes is '<b>'" in page.text


async def test_suspended_account_is_shown_with_its_reason(stage, visitor, clock):
    await begin(stage, "r1")
    stage.world.break_polls(Fault.UNAUTHORIZED, times=99)
    await live(stage, clock, 30)
    page = await look(visitor, clock)
    (notice,) = [each for each in page.all("li") if each.get("id") == "held-wondercat-default"]
    assert notice.text.startswith("suspended wondercat, account default since")
    assert "refuses the credentials" in notice.text


async def test_provider_that_cannot_be_reached_is_shown(stage, visitor, clock):
    await begin(stage, *(f"r{number}" for number in range(8)))
    stage.world.break_polls(Fault.HUNG_UP, times=10_000)
    await live(stage, clock, 30)
    page = await look(visitor, clock)
    (notice,) = [each for each in page.all("li") if each.get("id") == "breaker-wondercat"]
    assert "unreachable" in notice.text


async def test_subscribers_that_are_held_back_are_shown(stage, visitor, clock):
    stage.inbox.misbehave(Mischief.RATE_LIMITED, times=9, retry_after=900)
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    page = await look(visitor, clock)
    (notice,) = [each for each in page.all("li") if each.get("id") == "held-subscribers"]
    assert "1 subscriber that keeps failing" in notice.text
    assert link(page, "/deliveries?status=pending") == "1"


async def test_where_all_is_well_nothing_needs_a_look(stage, visitor, clock):
    await begin(stage, "r1", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    assert "Needs a look" not in (await look(visitor, clock)).text


async def test_who_may_only_read_sees_it_all(stage, enter, new_key, clock):
    await begin(stage, "r1")
    key, _ = await new_key("read")
    page = await look(await enter(key), clock)
    assert "Jobs under way" in page.text
    assert page.forms() == []
