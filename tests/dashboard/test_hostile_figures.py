"""What providers, their descriptions and their jobs say is text on the pages with figures too."""

import asyncio

import pytest

from store.records import HeldAccount
from tests.flow import fetch, live, register
from tracker.demo.simulators import wondercat
from tracker.demo.stage import set_up
from tracker.providers.catalog import load_descriptions

HOSTILE = "</title></svg><script>window.pwned=1</script>'\"><img src=x onerror=window.pwned=1> {{ 7 * 7 }} \u202e"
SCRIPTS = {"live.js", "copy.js"}


def is_inert(page):
    assert {script.get("src").rpartition("/")[2] for script in page.all("script")} == SCRIPTS
    assert page.all("img") == []
    for element in page.elements:
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"]
        assert (element.get("href") or "/").startswith(("/", "#", "https://"))


@pytest.fixture
async def stage(surroundings):
    """A provider whose description and whose account say what they should not, and whose jobs name such a model."""
    (described,) = [each for each in load_descriptions(None) if each.name == "wondercat"]
    kinds = {name: kind.model_copy(update={"model": "/metadata/model"}) for name, kind in described.kinds.items()}
    hostile = described.model_copy(update={"title": HOSTILE, "docs": "javascript:window.pwned=1", "kinds": kinds})
    async with set_up(surroundings, [hostile], is_ticking=False) as stage:
        yield stage


async def hold(stage, clock):
    held = HeldAccount("wondercat", "default", "suspended", clock(), clock(), 1, HOSTILE)
    stage.service.accounts.find("wondercat", "default").stand_as(held)


@pytest.mark.parametrize("path", ["/", "/providers", "/providers/wondercat"])
async def test_pages_are_inert_and_show_what_was_said(stage, visitor, clock, path):
    await hold(stage, clock)
    page = await visitor.see(path)
    is_inert(page)
    assert HOSTILE in page.text


async def test_model_that_is_no_name_is_text(stage, visitor, clock):
    stage.world.add("wondercat", "inference", wondercat.success("inference", 3), job_id="r1")
    await register(stage, provider="wondercat", kind="inference", remote_id="r1", metadata={"model": HOSTILE})
    await live(stage, clock, 60)
    async with asyncio.timeout(10):
        while not any(row["model"] for row in (await fetch(stage, "/v1/providers/wondercat"))["learned"]):
            await live(stage, clock, 60)
    page = await visitor.see("/providers/wondercat")
    is_inert(page)
    assert any(HOSTILE[:20] in each.text for each in page.all("h3"))
