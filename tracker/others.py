"""This process beside the others on the same database: what they tell each other, and what each takes a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from store.errors import DatabaseAwayError
from tracker.fleet import Fleet
from tracker.hints import FLEET, Hint, Hints
from tracker.rules.parts import Part, the_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AsyncExitStack
    from datetime import datetime

    from store.accounts import HeldAccounts
    from store.records import HeldAccount
    from store.replicas import Replicas
    from tracker.bell import Bell
    from tracker.metronome import Metronome
    from tracker.surroundings import Surroundings

_log = structlog.stdlib.get_logger("tracker")


class Others:
    """The other replicas, if the database is one that others may work on; else nobody, and the whole is ours.

    `fits` tells whether all that is under way fits into the parts as they are; `take_up` is called with how accounts
    stand by what others found out.
    """

    def __init__(
        self,
        replicas: Replicas,
        held: HeldAccounts,
        surroundings: Surroundings,
        metronome: Metronome,
        bell: Bell,
        fits: Callable[[], bool],
        take_up: Callable[[Iterable[HeldAccount]], None],
    ) -> None:
        self._replicas = replicas
        self._held = held
        self._bell = bell
        self._take_up = take_up
        self._fleet = Fleet(replicas, surroundings, fits, tell=lambda: self.tell(FLEET), changed=self._look_again)
        self._hints = Hints(replicas.own_id, replicas.tell, self._hear)
        self._beat = metronome.beat("fleet", self.report)
        self._wakers: dict[str, Callable[[], None]] = {FLEET: self._beat.wake}

    def part_of(self, key: str) -> Part:
        """This process's part in what `key` names."""
        return self._fleet.part_of(key) if self._replicas.are_possible else the_whole(key)

    async def join(self, stack: AsyncExitStack, wakers: Mapping[str, Callable[[], None]]) -> None:
        """Works beside the others from now on, until the stack is closed. `wakers` are called at news, by topic."""
        self._wakers |= wakers
        if self._replicas.are_possible:
            await self.report()
            stack.push_async_callback(self._leave)
            self._replicas.listen(self._hints.take)
            self._beat.wake()

    async def report(self) -> datetime | None:
        """Reports to the others and takes up what they found out; returns when to do so next."""
        if not self._replicas.are_possible:
            return None
        due = await self._fleet.tick()
        self._take_up(await self._held.all())
        return due

    def tell(self, topics: str, job_ids: Sequence[str] = ()) -> None:
        """Tells the others that there is work for these loops, and that these jobs have changed."""
        if self._replicas.are_possible:
            self._hints.tell(topics, job_ids)

    async def _leave(self) -> None:
        try:
            await self._fleet.leave()
        except DatabaseAwayError as error:
            _log.warning("replica.unreported", reason=str(error))
        await self._hints.drain()

    def _hear(self, hint: Hint) -> None:
        for topic in hint.topics.intersection(self._wakers):
            self._wakers[topic]()
        if hint.job_ids is None:
            self._bell.ring_all()
        else:
            self._bell.ring(hint.job_ids)

    def _look_again(self) -> None:
        """What others did and did not tell is found out by a look."""
        for topic in self._wakers.keys() - {FLEET}:
            self._wakers[topic]()
