"""What the tests with official SDKs share: a world whose clock is moved by hand."""

from __future__ import annotations

import pytest

from tracker.demo.simulators import World


@pytest.fixture
def world(clock) -> World:
    return World(clock)
