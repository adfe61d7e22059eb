"""The whole service on loopback with its dashboard, and visitors."""

from contextlib import AsyncExitStack

import pytest

from .browsing import GUARD, Watch, launched, sign_in
from .visiting import Visitor, leads_to


@pytest.fixture
def key(stage):
    """The operator's key."""
    return stage.service.settings.api_key


@pytest.fixture
async def new_key(stage):
    """Makes a key of a scope, and tells it and its id."""

    async def new_key(scope):
        answer = await stage.client.post("/v1/keys", json={"name": f"to {scope}", "scope": scope})
        return answer.json()["key"], answer.json()["id"]

    return new_key


@pytest.fixture
async def enter(stage):
    """Visitors, each signed in with a key."""
    async with AsyncExitStack() as visitors:

        async def enter(key):
            visitor = await visitors.enter_async_context(Visitor(stage.url))
            assert leads_to(await visitor.sign_in(key), "/")
            return visitor

        yield enter


@pytest.fixture
async def visitor(enter, key):
    """The operator at the dashboard."""
    return await enter(key)


@pytest.fixture
async def stranger(stage):
    """Somebody who has not signed in."""
    async with Visitor(stage.url) as stranger:
        yield stranger


@pytest.fixture
async def browser():
    """A browser, or the reason why there is none."""
    async with launched() as browser:
        yield browser


@pytest.fixture
async def context(browser):
    """A window of its own, without any session."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(GUARD)
    yield context
    await context.close()


@pytest.fixture
async def page(stage, context):
    """A page that fails its test where it says an error, or asks another host for something. `page.watch` notes it."""
    page = await context.new_page()
    page.watch = Watch(page, stage.url)
    yield page
    assert page.watch.troubles == []


@pytest.fixture
async def signed_in(stage, page, key):
    """A page of the operator."""
    await sign_in(page, stage.url, key)
    return page
