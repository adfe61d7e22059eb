"""Hints between replicas: one at a time, with all that gathered meanwhile; nobody hears themselves."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tracker.hints import DELIVER, FEED, FLEET, POLL, REPLAY, Hint, Hints


class Line:
    """What is sent, once it is let through."""

    def __init__(self):
        self.sent = []
        self.heard = []
        self.is_open = asyncio.Event()
        self.hints = Hints("me", self.send, self.heard.append)

    async def send(self, text):
        self.sent.append(text)
        await self.is_open.wait()

    async def hears(self, text):
        await asyncio.to_thread(self.hints.take, text)
        await asyncio.sleep(0)
        return self.heard


@pytest.fixture
async def line():
    return Line()


async def test_what_gathers_while_a_hint_is_on_its_way_is_one_hint(line):
    line.hints.tell(POLL, ["job_1"])
    await asyncio.sleep(0)
    line.hints.tell(DELIVER, ["job_2"])
    line.hints.tell(DELIVER, ["job_3", "job_2"])
    line.is_open.set()
    await line.hints.drain()
    assert line.sent == ["me p job_1", "me d job_2 job_3"]


async def test_nothing_to_tell_is_not_told(line):
    line.hints.tell("")
    await line.hints.drain()
    assert line.sent == []


async def test_what_others_tell_is_heard(line):
    assert await line.hears("other dp job_1 job_2") == [Hint(frozenset({DELIVER, POLL}), ("job_1", "job_2"))]


async def test_own_words_are_not_heard(line):
    assert await line.hears("me p job_1") == []


async def test_jobs_may_change_without_work_for_anybody(line):
    assert await line.hears("other  job_1") == [Hint(frozenset(), ("job_1",))]


async def test_lost_hints_stand_for_everything(line):
    assert await line.hears("") == [Hint(frozenset({POLL, DELIVER, REPLAY, FEED, FLEET}), None)]


async def test_hint_that_cannot_be_sent_is_told_in_the_log_and_the_next_is_tried():
    sent = []

    async def send(text):
        sent.append(text)
        raise OSError("the line is dead")

    hints = Hints("me", send, sent.append)
    with capture_logs() as logs:
        hints.tell(POLL)
        await hints.drain()
        hints.tell(DELIVER)
        await hints.drain()
    assert sent == ["me p", "me d"]
    assert [entry["event"] for entry in logs] == ["hint.lost"] * 2
