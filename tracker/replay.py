"""The replay loop: read a stretch of the feed → decide what is sent again → queue it, no faster than was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from store.deliveries import SubscriptionGoneError
from store.records import ReplayStatus
from tracker.rules.replay import batch_size, count, finish

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from store.records import KeptAnswer, Replay
    from store.replays import Replays
    from tracker.surroundings import Surroundings

LOOKS_AT_START = 20
"""Parts of the feed that are counted before a new replay is answered; the loop counts the rest."""

_COUNTED_AT_ONCE = 1000
_REPLAYS_AT_ONCE = 20

_log = structlog.stdlib.get_logger("tracker")


class Replayer:
    """Queues the deliveries of the replays that run, a second's worth at a time.

    `wake` has the loop tick; `deliver` is called when deliveries were made due.
    """

    def __init__(
        self, replays: Replays, surroundings: Surroundings, wake: Callable[[], None], deliver: Callable[[], None]
    ) -> None:
        self._replays = replays
        self._surroundings = surroundings
        self._wake = wake
        self._deliver = deliver

    async def start(
        self, replay: Replay, answered: Callable[[Replay], KeptAnswer | None] = lambda _begun: None
    ) -> Replay:
        """Begins a replay, and counts at least the first of it. What it is `answered` with is stored along with it.

        Raises SubscriptionGoneError, AlreadyAnsweredError.
        """
        after, end = await self._replays.span(replay.since, replay.until)
        replay = replace(replay, position=after, end_position=end, counted_to=after)
        for _ in range(LOOKS_AT_START):
            if replay.counted_to is None:
                break
            replay = count(replay, await self._replays.look(replay, replay.counted_to, _COUNTED_AT_ONCE))
        if replay.counted_to is None and not replay.total:
            replay = finish(replay, self._surroundings.now())
        await self._replays.add(replay, answered(replay))
        self._wake()
        return replay

    async def tick(self) -> datetime | None:
        """Goes on with the replays that are due; returns when the next one is."""
        now = self._surroundings.now()
        for replay in await self._replays.due(now, _REPLAYS_AT_ONCE):
            try:
                await self._go_on(replay, now)
            except SubscriptionGoneError:
                # Its replays went with it.
                continue
        return await self._replays.next_at(now)

    async def _go_on(self, replay: Replay, now: datetime) -> None:
        if replay.counted_to is not None:
            stretch = await self._replays.look(replay, replay.counted_to, _COUNTED_AT_ONCE)
            await self._replays.record_count(replay, count(replay, stretch))
        if replay.next_at <= now:
            await self._queue(replay, now)

    async def _queue(self, replay: Replay, now: datetime) -> None:
        stretch = await self._replays.look(replay, replay.position, batch_size(replay))
        outcome = await self._replays.queue(replay, stretch, now)
        if outcome is None:
            return
        if outcome.requeued or outcome.inserted:
            self._deliver()
        if outcome.replay.status is ReplayStatus.DONE:
            _log_end(outcome.replay)


def _log_end(replay: Replay) -> None:
    _log.info(
        "replay.done",
        replay_id=replay.id,
        subscription_id=replay.subscription_id,
        queued=replay.queued,
    )
