"""One run of the service for all who verify what it sent."""

import asyncio

import pytest

from .signed import MODES, collect


@pytest.fixture(scope="session")
def collected():
    return asyncio.run(collect())


@pytest.fixture(params=MODES)
def signed(request, collected):
    return collected[request.param]
