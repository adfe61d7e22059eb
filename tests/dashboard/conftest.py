"""The whole service on loopback with its dashboard, and visitors."""

from contextlib import AsyncExitStack

import pytest

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
