"""The feed: every event once, in order, whatever it is filtered by, and word of what is new."""

import asyncio
from dataclasses import replace
from itertools import product

import pytest

from store.events import ALL_EVENTS, Events, insert_events
from store.records import Event, EventFilter
from tracker.rules.feed import passes

from .builders import ALL, NOW, Gate, at, job_id, new_job, new_subscription, new_test, poll_due


def new_event(number, event_type="job.progress", body=b'{"data":{}}', **changes):
    """An event about a job, as the feed stores it."""
    about = {"job_id": job_id(1), "sequence": 1, "provider": "scenario", "kind": "inference"}
    return replace(Event(f"evt_{number:04d}", event_type, NOW, body, **about), **changes)


@pytest.fixture
def tell(database):
    """Writes events into the feed."""

    async def tell(*told):
        await database.write(lambda connection: insert_events(connection, told))

    return tell


@pytest.fixture
def short_sighted(database):
    """Looks through three positions in one transaction."""
    return Events(database, span=3)


async def pages_of(events, limit, wanted=ALL_EVENTS):
    """The ids of all that the feed holds, page by page, and where it ends."""
    pages, position = [], 0
    while True:
        page = await events.after(position, limit, wanted)
        pages.append([event.id for event in page.events])
        position = page.end
        if page.is_last:
            return pages, position


async def test_empty_feed_ends_at_its_beginning(events):
    page = await events.after(0, ALL)
    assert (page.events, page.end, page.is_last, await events.end()) == ((), 0, True, 0)


async def test_feed_is_cut_in_pages_oldest_first(events, tell):
    await tell(*map(new_event, range(5)))
    ids = [f"evt_{number:04d}" for number in range(5)]
    assert await pages_of(events, 2) == ([ids[:2], ids[2:4], ids[4:]], await events.end())
    assert await pages_of(events, 5) == ([ids], await events.end())


async def test_end_of_a_page_leads_on_to_what_happens_later(events, tell):
    await tell(new_event(1))
    page = await events.after(0, ALL)
    await tell(new_event(2), new_event(3))
    following = await events.after(page.end, ALL)
    assert [event.id for event in (*page.events, *following.events)] == ["evt_0001", "evt_0002", "evt_0003"]
    assert (await events.after(following.end, ALL)).end == following.end


async def test_end_moves_over_events_that_are_not_wanted(events, tell):
    await tell(new_event(1), new_event(2))
    page = await events.after(0, ALL, EventFilter(types=("job.failed",)))
    assert (page.events, page.end, page.is_last) == ((), await events.end(), True)


async def test_position_ahead_of_the_feed_is_kept(events, tell):
    await tell(new_event(1))
    page = await events.after(1000, ALL)
    assert (page.events, page.end, page.is_last) == ((), 1000, True)


async def test_rare_event_is_found_however_far_off(short_sighted, tell):
    events = short_sighted
    await tell(*map(new_event, range(20)), new_event(20, "job.failed"), *map(new_event, range(21, 30)))
    page = await events.after(0, ALL, EventFilter(types=("job.failed",)))
    assert [event.id for event in page.events] == ["evt_0020"]
    rest = await events.after(page.end, ALL, EventFilter(types=("job.failed",)))
    assert (rest.events, rest.end, rest.is_last) == ((), await events.end(), True)


async def test_gap_that_retention_left_is_jumped_over(short_sighted, tell):
    events = short_sighted
    await tell(*(new_event(number, timestamp=at(number)) for number in range(30)))
    assert await events.forget(at(28), ALL) == 28
    pages, _ = await pages_of(events, 1)
    assert pages == [["evt_0028"], ["evt_0029"]]


async def test_page_ends_where_bodies_are_large(events, tell):
    large = b'{"data":"' + b"x" * 3_000_000 + b'"}'
    await tell(*(new_event(number, body=large) for number in range(5)))
    pages, _ = await pages_of(events, ALL)
    assert [len(page) for page in pages] == [2, 2, 1]


async def test_events_of_jobs_are_found_by_what_their_jobs_are(events, jobs):
    await jobs.register(new_job(1, tags=("hero", "a")))
    await jobs.register(new_job(2, provider="decart", kind="job"))
    await poll_due(jobs, "running")
    for wanted, number in [
        (EventFilter(providers=("decart",)), 2),
        (EventFilter(kinds=("inference",)), 1),
        (EventFilter(tags=("a", "none")), 1),
        (EventFilter(job_ids=(job_id(2),)), 2),
    ]:
        (event,) = (await events.after(0, ALL, wanted)).events
        assert event.job_id == job_id(number)
    await jobs.forget(job_id(1))
    assert len((await events.after(0, ALL, EventFilter(tags=("hero",)))).events) == 1


async def test_event_that_is_about_no_job_is_in_the_feed(events, deliveries, subscriptions):
    await subscriptions.add(new_subscription())
    event, delivery = new_test(new_subscription())
    await deliveries.add_test(event, delivery)
    (told,) = (await events.after(0, ALL)).events
    assert replace(told, position=None) == event
    assert (await events.after(0, ALL, EventFilter(providers=("scenario",)))).events == ()


async def test_store_finds_what_passes_the_rule(events, tell):
    sorts = [
        ("job.running", "job.failed"),
        ("a", "b"),
        ("scenario", "decart"),
        ("x", "y"),
        ((), ("ü",), ("ü", '"q" %')),
    ]
    told = [
        new_event(number, event_type, job_id=job, sequence=number, provider=provider, kind=kind, tags=tags)
        for number, (event_type, job, provider, kind, tags) in enumerate(product(*sorts))
    ]
    await tell(*told)
    wishes = [[(), (values[0],), (values[1], "none")] for values in sorts[:4]]
    for types, jobs, providers, kinds, tags in product(*wishes, [(), ("ü",), ('"q" %', "none"), ('"q"',)]):
        wanted = EventFilter(types, jobs, providers, kinds, tags)
        found = (await events.after(0, ALL, wanted)).events
        assert [event.id for event in found] == [event.id for event in told if passes(event, wanted)], wanted


async def test_every_commit_that_holds_events_is_told_of(events, jobs, deliveries, subscriptions, tell):
    heard = asyncio.Semaphore(0)
    events.when_told(heard.release)
    await subscriptions.add(new_subscription())
    await jobs.register(new_job())
    for write in (poll_due(jobs, "running"), deliveries.add_test(*new_test(new_subscription())), tell(new_event(1))):
        assert heard.locked()
        await write
        async with asyncio.timeout(10):
            await heard.acquire()


async def test_event_is_there_once_it_is_told_of(events, tell):
    seen = asyncio.get_running_loop().create_future()

    async def look():
        seen.set_result(await events.after(0, ALL))

    looks = []
    events.when_told(lambda: looks.append(asyncio.create_task(look())))
    await tell(new_event(1))
    async with asyncio.timeout(10):
        assert [event.id for event in (await seen).events] == ["evt_0001"]


async def test_writes_without_events_are_told_to_nobody(events, jobs, tell):
    heard = []
    events.when_told(lambda: heard.append(1))
    await tell()
    await jobs.register(new_job())
    await poll_due(jobs, "queued")
    await poll_due(jobs, "queued", at(60))
    # What the writer said first is heard first.
    await tell(new_event(1))
    assert len(heard) == 2


async def test_failed_neighbour_takes_no_word_away(database, events, tell):
    heard = []
    events.when_told(lambda: heard.append(1))
    gate = Gate()
    held = await gate.hold(database.write)
    writes = [asyncio.create_task(write) for write in (tell(new_event(1)), tell(new_event(1)), tell(new_event(2)))]
    await asyncio.sleep(0)
    gate.open()
    await held
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [outcome is None for outcome in outcomes] == [True, False, True]
    assert len(heard) == 2
    assert len((await events.after(0, ALL)).events) == 2
