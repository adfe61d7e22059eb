"""`GET /v1/events/stream` on a real server: what is told, how it goes on after a break, and how it ends."""

import asyncio

import httpx
from sqlalchemy import event as listening

from store.records import ApiKey, Scope
from tracker.rules.keys import key_digest

from .steps import KEY, fetch, problem, see, track
from .streams import GUARD, Block, all_left, cursor, ids_of, new_event, tell

PATH = "/v1/events/stream"
READ_KEY = "a-key-that-may-read"


async def test_event_is_a_block_with_its_cursor_its_type_and_a_line_of_json(client, service, begun):
    stream = await begun()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-store"
    await see(service, await track(client, tags=["zwei\nZeilen\u2028"]), "succeeded")
    block = await stream.event()
    feed = await fetch(client, "/v1/events")
    assert block == Block(feed["next_cursor"], "job.succeeded", feed["data"][0])
    assert list(block.data) == ["id", "type", "timestamp", "data"]


async def test_stream_starts_now_and_says_where_that_is(service, follow):
    await tell(service, 1, 2)
    stream = await follow()
    assert await stream.block() == Block(cursor(2))
    await tell(service, 3)
    assert await stream.ids(1) == ids_of([3])


async def test_stream_goes_on_behind_a_cursor_and_the_header_goes_before_the_query(service, begun):
    await tell(service, *range(1, 6))
    assert await (await begun(f"{PATH}?after={cursor(3)}")).ids(2) == ids_of([4, 5])
    assert await (await begun(last_event_id=cursor(3))).ids(2) == ids_of([4, 5])
    assert await (await begun(f"{PATH}?after={cursor(1)}", last_event_id=cursor(4))).ids(1) == ids_of([5])
    assert await (await begun(f"{PATH}?after={cursor(4)}", last_event_id="")).ids(1) == ids_of([5])


async def test_id_that_no_stream_gave_out_is_refused(client):
    for last_event_id in ("evt_1", "!", cursor("x")):
        response = await client.get(PATH, headers={"last-event-id": last_event_id})
        (error,) = problem(response, 422)["errors"]
        assert error["header"] == "Last-Event-ID"


async def test_breaks_lose_and_repeat_nothing_while_events_arrive(service, follow):
    async def write():
        for number in range(0, 300, 5):
            await tell(service, *range(number, number + 5))

    writing, seen, where = asyncio.create_task(write()), [], {"last_event_id": cursor(0)}
    while len(seen) < 300:
        stream = await follow(**where)
        seen += await stream.ids(min(1 + len(seen) % 13, 300 - len(seen)))
        stream.leave()
        where = {"last_event_id": stream.last_id}
    await writing
    assert seen == ids_of(range(300))
    await all_left(service)


async def test_break_before_the_first_event_misses_none(service, begun):
    stream = await begun()
    stream.leave()
    await tell(service, 1)
    again = await begun(last_event_id=stream.last_id)
    assert await again.ids(1) == ids_of([1])


async def test_filters_are_those_of_the_feed(client, service, begun):
    first = await track(client, 1, tags=["hero"])
    second = await track(client, 2, provider="decart", kind="job")
    filters = {
        f"type=job.running&job_id={first['id']}": ["job.running"],
        "provider=decart": ["job.running", "job.succeeded"],
        "kind=inference&type=job.succeeded": ["job.succeeded"],
        "tag=hero&tag=none": ["job.running", "job.succeeded"],
    }
    streams = [await begun(f"{PATH}?{query}") for query in filters]
    for job in (first, second):
        await see(service, job, "running")
        await see(service, job, "succeeded")
    for stream, types in zip(streams, filters.values(), strict=True):
        job = second if types is filters["provider=decart"] else first
        told = [await stream.event() for _ in types]
        assert [(block.event, block.data["data"]["job"]["id"]) for block in told] == [(t, job["id"]) for t in types]
    # The same is found in the past.
    for query, types in filters.items():
        again = await begun(f"{PATH}?{query}&after={cursor(0)}")
        assert [(await again.event()).event for _ in types] == types


async def test_heartbeat_is_a_comment(service, begun):
    stream = await begun()
    for _ in range(2):
        await service.feed.tick()
        assert await stream.block() == Block(comment="heartbeat")
    await tell(service, 1)
    assert await stream.ids(1) == ids_of([1])


async def test_heartbeat_says_where_to_go_on_when_events_were_passed_over(service, begun):
    stream = await begun(f"{PATH}?type=job.failed")
    await tell(service, 1, 2, new_event(3, "job.failed"), 4)
    assert await stream.ids(1) == ids_of([3])
    await service.feed.drain()
    await service.feed.tick()
    assert await stream.block() == Block(cursor(4), comment="heartbeat")
    await service.feed.tick()
    assert await stream.block() == Block(comment="heartbeat")


async def test_slow_reader_is_cut_and_can_resume(service, follow):
    total, size = 60, 100_000
    quick = await follow()
    slow = await follow(receive_buffer=4096)
    for number in range(total):
        await tell(service, new_event(number, size=size))
        # It delays nobody.
        assert await quick.ids(1) == ids_of([number])
    quick.leave()
    await all_left(service)
    seen = await slow.rest()
    assert 0 < len(seen) < total
    again = await follow(last_event_id=slow.last_id)
    seen += await again.ids(total - len(seen))
    assert seen == ids_of(range(total))


async def test_hundreds_of_readers_are_told_everything_in_order_by_one_read_of_each_batch(service, begun):
    streams = [await begun() for _ in range(300)]
    await service.feed.drain()
    reads = []
    listening.listen(service._database._reader, "begin", reads.append)
    for number in range(0, 40, 4):
        await tell(service, *range(number, number + 4))
        await service.feed.drain()
    told = await asyncio.gather(*(stream.ids(40) for stream in streams))
    assert told == [ids_of(range(40))] * 300
    assert len(reads) == 20  # ten batches, each with a look at the watermark first


async def test_client_that_leaves_frees_everything(service, begun):
    streams = [await begun() for _ in range(5)]
    assert service.feed.followers == 5
    before = len(asyncio.all_tasks())
    for stream in streams:
        stream.leave()
    await all_left(service)
    await service.feed.drain()
    # A stream has a task for the request, and those that send, watch the client and watch the sending.
    assert len(asyncio.all_tasks()) <= before - 5 * 4


async def test_revoked_key_is_cut_off_at_the_next_heartbeat(service, begun):
    now = service.surroundings.now()
    key = ApiKey("key_1", "for a test", Scope.READ, key_digest(READ_KEY), now)
    await service.key_ring.add(key)
    stream, other = await begun(key=READ_KEY), await begun()
    await service.feed.tick()
    assert await stream.block() == await other.block() == Block(comment="heartbeat")
    await service.key_ring.revoke(key.id)
    await service.feed.tick()
    assert await stream.block() is None
    assert await other.block() == Block(comment="heartbeat")


async def test_read_key_may_follow_and_strangers_may_not(service, stranger, begun, follow):
    now = service.surroundings.now()
    await service.keys.add(ApiKey("key_1", "for a test", Scope.READ, key_digest(READ_KEY), now))
    await begun(key=READ_KEY)
    await follow(key="none", status=401)
    problem(await stranger.get(PATH), 401)


async def test_stop_ends_all_streams_in_order(service, url, begun):
    streams = [await begun() for _ in range(3)]
    service.let_go()
    assert [await stream.block() for stream in streams] == [None] * 3
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        # A stream that comes too late is over at once; its body is whole.
        response = await client.get(url + PATH, timeout=GUARD)
    assert (response.status_code, response.text) == (200, f"id: {cursor(0)}\n\n")


async def test_head_is_answered_with_the_headers_alone(follow):
    stream = await follow(method="HEAD")
    assert stream.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert await stream.block() is None
