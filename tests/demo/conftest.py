"""What the tests of the demo share: a world on the clock that is moved by hand, and clients of its providers."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx
import pytest

from tracker.demo.server import serve
from tracker.demo.simulators import World, decart, photogpt, scenario, wondercat


@pytest.fixture
def world(clock) -> World:
    return World(clock)


@asynccontextmanager
async def client_of(app, base_path, **how):
    async with serve(app) as url, httpx.AsyncClient(base_url=url + base_path, **how) as client:
        yield client


@pytest.fixture
async def scenario_api(world):
    app = scenario.app(world, api_key="key", api_secret="secret")
    async with client_of(app, scenario.BASE_PATH, auth=("key", "secret")) as client:
        yield client


@pytest.fixture
async def wondercat_api(world):
    app = wondercat.app(world, api_key="key")
    async with client_of(app, wondercat.BASE_PATH, headers={"authorization": "Bearer key"}) as client:
        yield client


@pytest.fixture
async def decart_api(world):
    app = decart.app(world, api_key="key")
    async with client_of(app, decart.BASE_PATH, headers={"x-api-key": "key"}) as client:
        yield client


@pytest.fixture
async def photogpt_api(world):
    app = photogpt.app(world, api_key="key")
    headers = {"authorization": "Bearer key", "api-version": "1"}
    async with client_of(app, photogpt.BASE_PATH, headers=headers) as client:
        yield client
