"""What the tests of replays do again and again."""

from dataclasses import replace

from store.deliveries import DeliveryFilter
from store.events import insert_events
from store.records import Replay, ReplayStatus, Status
from tracker.rules.events import progress_event

from .builders import ALL, NOW, at, new_job, poll_due, subscription_id

SUB = subscription_id(1)
LATER = at(1000)


async def begun(replays, number=1, *, since=NOW, until=LATER, **changes):
    """A replay that is stored, counted or not."""
    after, end = await replays.span(since, until)
    names = {"id": f"rpl_{number:04d}", "subscription_id": SUB, "since": since, "until": until, "events": ("job.*",)}
    defaults = {"only_failed": False, "rate": 50.0, "total": 0, "created_at": LATER, "next_at": LATER}
    replay = Replay(**names | defaults | {"position": after, "end_position": end} | changes)
    await replays.add(replay)
    return replay


async def step(replays, replay, most=50, now=LATER):
    """Queues one stretch."""
    stretch = await replays.look(replay, replay.position, most)
    return await replays.queue(replay, stretch, now)


async def run(replays, replay, most=50):
    """Queues all of it; returns the outcomes."""
    outcomes = []
    while replay.status is ReplayStatus.RUNNING:
        outcomes.append(await step(replays, replay, most, max(LATER, replay.next_at)))
        replay = outcomes[-1].replay
    return outcomes


async def tell(jobs, number=1, **changes):
    """A job that ran and succeeded: two events."""
    await jobs.register(new_job(number, **changes))
    await poll_due(jobs, "running")
    await poll_due(jobs, "succeeded", at(60))


async def rows_of(deliveries, subscriber=SUB):
    """The deliveries of a subscription, oldest first."""
    return (await deliveries.find(DeliveryFilter(subscription_id=subscriber), ALL)).rows[::-1]


async def fill_feed(database, count, start=0):
    """Puts so many events of one job into the feed, a millisecond apart; returns their ids."""
    job = new_job(status=Status.RUNNING)
    events = [progress_event(replace(job, announcements=n), at(n / 1000)) for n in range(start, start + count)]
    await database.write(lambda connection: insert_events(connection, events))
    return [event.id for event in events]


async def count_by_looking(replays, replay, most=ALL):
    """The sizes of the stretches, and the ids of the events in them."""
    sizes, ids, after = [], [], replay.position
    while True:
        stretch = await replays.look(replay, after, most)
        sizes.append(len(stretch.events))
        ids += [event.id for event in stretch.events]
        if stretch.is_last:
            return sizes, ids
        assert stretch.end > after, "each look gets further"
        after = stretch.end
