"""The providers: which can be polled, how their accounts stand, and what is learned of their jobs."""

from tests.flow import live
from tracker.demo.simulators import Fault, wondercat

from .test_overview_page import begin, hrefs, look


def row(page, name):
    (found,) = [each for each in page.all("tr") if each.get("id") == f"provider-{name}"]
    return found


async def test_providers_with_credentials_come_first_and_the_others_say_what_they_need(visitor):
    page = await visitor.see("/providers")
    ready = [each.get("id") for each in page.all("tr") if each.get("id")]
    assert ready == [f"provider-{name}" for name in ("decart", "photogpt", "scenario", "wondercat")]
    assert "OPENAI_API_KEY" in page.text
    assert {"/providers/openai", "/providers/wondercat", "/docs/providers"} <= set(hrefs(page))


async def test_jobs_of_each_provider_are_counted_with_links(stage, visitor, clock):
    await begin(stage, "r1")
    await begin(stage, "r2", script=wondercat.success("inference", 3))
    await live(stage, clock, 30)
    page = await look(visitor, clock, "/providers")
    links = {each.get("href"): each.text for each in page.all("a")}
    assert links["/jobs?provider=wondercat&status=succeeded"] == "1"
    assert links["/jobs?provider=wondercat&status=queued&status=running&status=action_required"] == "1"
    assert "active" in row(page, "wondercat").text


async def test_page_shows_accounts_budget_and_description(visitor):
    page = await visitor.see("/providers/wondercat")
    (account,) = [each for each in page.all("tr") if each.get("id") == "account-default"]
    assert "active" in account.text
    assert "a second" in account.text
    assert "/jobs?provider=wondercat&account=default" in hrefs(page)
    assert "WONDERCAT_API_KEY" in page.text


async def test_provider_without_credentials_says_so(visitor):
    page = await visitor.see("/providers/openai")
    assert "OPENAI_API_KEY" in page.text
    assert "https://" in page.text


async def test_every_kind_has_its_plot_and_its_costs(visitor):
    page = await visitor.see("/providers/wondercat")
    assert [each.text for each in page.all("h3")] == ["editor", "inference", "publish"]
    labels = [each.get("aria-label") for each in page.all("svg") if each.get("role") == "img"]
    assert len(labels) == 3
    assert all("half are done after" in label for label in labels)
    assert page.text.count("documented") >= 3
    assert "No job has ended yet" in page.text


async def test_suspended_account_tells_why(stage, visitor, clock):
    await begin(stage, "r1")
    stage.world.break_polls(Fault.UNAUTHORIZED, times=99)
    await live(stage, clock, 30)
    page = await look(visitor, clock, "/providers/wondercat")
    (account,) = [each for each in page.all("tr") if each.get("id") == "account-default"]
    assert "suspended" in account.text
    assert "refuses the credentials" in account.text
    assert "suspended" in row(await visitor.see("/providers"), "wondercat").text


async def test_open_breaker_is_shown_on_both_pages(stage, visitor, clock):
    await begin(stage, *(f"r{number}" for number in range(8)))
    stage.world.break_polls(Fault.HUNG_UP, times=10_000)
    await live(stage, clock, 30)
    assert "unreachable" in (await look(visitor, clock, "/providers/wondercat")).text
    assert "unreachable" in row(await visitor.see("/providers"), "wondercat").text


async def test_unknown_provider_is_not_found(visitor):
    assert "nobody" in (await visitor.see("/providers/nobody", 404)).text
