"""The polling loop: claim due jobs → ask, for one alone or for many by one request → decide → record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog

from tracker.asking import problem_of
from tracker.batches import Batches, finish_or_cancel
from tracker.poll_log import log_page, log_poll
from tracker.rules.fairness import DueLane, share_requests
from tracker.rules.schedule import LONGEST_HINT
from tracker.rules.track import ask_alone, decide, give_up, is_out_of_time
from tracker.walks import ListWalk

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from store.jobs import Jobs, Recorded
    from store.records import Job, PollLane, PollOutcome, StoredProfile
    from tracker.accounts import Account, Accounts
    from tracker.asking import Asker
    from tracker.intervals import Intervals
    from tracker.providers.listing import PageOf
    from tracker.rules.reading import Answer
    from tracker.surroundings import Surroundings

    Item: TypeAlias = tuple[PollOutcome | None, int]
    """Something to write, and how many slots are free once it is."""

POLL_SECONDS = 30.0
LARGEST_ANSWER = 1024 * 1024
LEASE = timedelta(seconds=90)
"""Longer than a poll and its writing can take; a lost one is recovered by the sweep."""

_LEASE_FOR_A_PAGE = timedelta(seconds=POLL_SECONDS + 10)
"""What must be left of a lease for one more page of a list."""

_PAUSE_AFTER_EMPTY_CLAIM = timedelta(seconds=1)
_GATHERED = timedelta(milliseconds=50)
"""What gets due so soon after a look is claimed together: to look costs as much as several polls."""

_RIDES = 0.5
"""The share of its kind's interval that a job may be polled early by, when a list shows it along with others."""

_log = structlog.stdlib.get_logger("tracker")


class Poller:
    """Polls the jobs that are due, by as many requests at a time as there are slots and as the accounts have room for.

    `told` is called after each batch with what it came to; `wake_at` asks for a tick at a time. `busy` slots are taken.
    """

    def __init__(
        self,
        jobs: Jobs,
        asker: Asker,
        accounts: Accounts,
        intervals: Intervals,
        surroundings: Surroundings,
        slots: int,
        told: Callable[[Recorded], None],
        wake_at: Callable[[datetime], None],
    ) -> None:
        self._jobs = jobs
        self._asker = asker
        self._accounts = accounts
        self._intervals = intervals
        self._surroundings = surroundings
        self._slots = slots
        self._told = told
        self._wake_at = wake_at
        self._requests: dict[asyncio.Task[None], Sequence[Job]] = {}
        self._walks: list[ListWalk] = []
        self.busy = 0
        self._is_short = False
        self._claiming = asyncio.Lock()
        self._is_stopping = False
        self._taught: set[str] = set()
        self._unwritten: dict[tuple[str, str, str], StoredProfile] = {}
        self._outcomes: Batches[Item] = Batches("polls", self._record, self._settle)

    async def tick(self) -> datetime | None:
        """Sends requests for what is due, while there is room for them; returns when to look again."""
        async with self._claiming:
            now = self._surroundings.now()
            if not self._is_stopping:
                await self._turn_pages(now)
            if self._is_stopping or self._free <= 0:
                # A slot that gets free asks for the next tick.
                self._is_short = True
                return None
            lanes = await self._jobs.lanes()
            shares = share_requests(self._due(lanes, now), self._rooms(lanes, now), self._free, now)
            if not shares:
                return self._next_look(lanes, now, has_claimed=False)
            claim = await self._jobs.claim(shares, now, now + LEASE)
            await self._start(claim.jobs, now)
            return self._next_look(claim.lanes, now, has_claimed=bool(claim.jobs))

    async def drain(self) -> None:
        """Returns once every poll that was started is written."""
        while self._requests:
            await asyncio.wait(self._requests)
        await self._outcomes.drain()

    async def stop(self, grace: float) -> None:
        """Claims nothing more, lets requests finish for `grace` seconds, and gives the leases of the others back."""
        self._is_stopping = True
        async with self._claiming:
            unfinished = await finish_or_cancel(self._requests, grace)
        await self._outcomes.close()
        sought = [job for walk in self._walks for job in walk.sought.values()]
        await self._jobs.release([*sought, *(job for jobs in unfinished for job in jobs)])

    @property
    def _free(self) -> int:
        return self._slots - self.busy

    def _due(self, lanes: Sequence[PollLane], now: datetime) -> list[DueLane]:
        """The lanes that wait for a request; while a list is walked through, no other walk begins beside it."""
        walked = {(walk.account, walk.kind) for walk in self._walks}
        due = []
        for lane in lanes:
            interval = None if lane.is_alone else self._list_interval(lane, now)
            if not self.is_ours(lane, now):
                continue
            if lane.due_at <= now and (interval is None or (self._account(lane), lane.kind) not in walked):
                due.append(DueLane(lane, None if interval is None else interval * _RIDES))
        return due

    def is_ours(self, lane: PollLane, now: datetime) -> bool:
        """Whether this replica polls the jobs of a lane. A list shows all that wait, so one replica asks for it."""
        is_listed = not lane.is_alone and self._list_interval(lane, now) is not None
        return not is_listed or self._account(lane).share(now).of(1) == 1

    def _rooms(self, lanes: Sequence[PollLane], now: datetime) -> dict[tuple[str, str], int]:
        return {(lane.provider, lane.account): self._account(lane).room(now) for lane in lanes}

    def _list_interval(self, of: PollLane | Job, now: datetime) -> float | None:
        """The interval of a kind whose list may be asked for now; None: its jobs are asked for one by one."""
        is_resting = not self._account(of).lists[of.kind].is_over(now)
        return None if is_resting else self._asker.list_interval(of.provider, of.kind)

    def _account(self, of: PollLane | Job) -> Account:
        return self._accounts.find(of.provider, of.account)

    def _next_look(self, lanes: Sequence[PollLane], now: datetime, *, has_claimed: bool) -> datetime | None:
        """When a lane is due, or has room again; where a request that ends makes the room, that asks for a tick."""
        waiting = [walk.account for walk in self._walks if not walk.is_turning]
        waiting += [self._account(each.lane) for each in self._due(lanes, now)]
        self._is_short = bool(waiting)
        times = [max(lane.due_at, now + _GATHERED) for lane in lanes if lane.due_at > now]
        soon = now if has_claimed else now + _PAUSE_AFTER_EMPTY_CLAIM
        for account in waiting:
            at = soon if account.room(now) > 0 else account.has_room_at(now)
            times += [at] if at is not None and self._free > 0 else []
        return min(times, default=None)

    async def _start(self, jobs: Sequence[Job], now: datetime) -> None:
        """Sends a request for each job that is asked for alone, and begins a walk for those that a list shows."""
        lists: dict[tuple[str, ...], list[Job]] = defaultdict(list)
        alone = []
        for job in jobs:
            if is_out_of_time(job, now):
                self._outcomes.put((give_up(job, now), 0))
            elif job.is_alone or self._list_interval(job, now) is None:
                alone.append(job)
            elif (key := self._asker.list_key(job, now)) is None:
                self._outcomes.put((ask_alone(job, now, for_good=True), 0))
            else:
                lists[job.provider, job.account, job.kind, key].append(job)
        early = []
        for group in lists.values():
            if not any(_is_due(job, now) for job in group):
                # Who rides along has nobody to ride with where no job of the list is due.
                early += group
            elif len(group) == 1:
                alone += group
            else:
                self._walks += self._new_walks(group, now)
        await self._jobs.release(early)
        await self._ask_alone(alone, now)
        await self._turn_pages(now)

    async def _ask_alone(self, jobs: Sequence[Job], now: datetime) -> None:
        surplus = []
        for job in jobs:
            account = self._account(job)
            if self._free > 0 and account.room(now) > 0:
                self._send(account, self._poll(job, account), [job])
            else:
                # A lane of lists turned out to hold more lists than there is room for.
                surplus.append(job)
        await self._jobs.release(surplus)
        if surplus:
            self._wake_at(now)

    def _new_walks(self, jobs: Sequence[Job], now: datetime) -> list[ListWalk]:
        """One walk, or several where a request can name so many jobs only."""
        most = self._asker.most_by_one_request(jobs[0]) or len(jobs)
        parts = [jobs[start : start + most] for start in range(0, len(jobs), most)]
        return [ListWalk(self._account(jobs[0]), part, now + LEASE) for part in parts]

    async def _turn_pages(self, now: datetime) -> None:
        """Sends for the next page of every walk that has room; one whose leases run out is given up."""
        late = [each for each in self._walks if not each.is_turning and now > each.leased_until - _LEASE_FOR_A_PAGE]
        for walk in late:
            self._end_of(walk)
            for outcome in walk.give_up(now):
                self._outcomes.put((outcome, 0))
        for walk in self._walks:
            if not walk.is_turning and self._free > 0 and walk.account.room(now) > 0:
                walk.is_turning = True
                self._send(walk.account, self._turn_page(walk), ())

    def _send(self, account: Account, request: Coroutine[None, None, None], jobs: Sequence[Job]) -> None:
        self.busy += 1
        account.begin()
        task = asyncio.get_running_loop().create_task(request, name=f"poll {account.provider} {account.name}")
        self._requests[task] = jobs
        task.add_done_callback(lambda done: self._end(done, account))

    def _end(self, task: asyncio.Task[None], account: Account) -> None:
        account.end()
        jobs = self._requests.pop(task)
        if not task.cancelled() and (fault := task.exception()):
            # Nothing will be written of it: the slot is given back here, and the lease runs out by itself.
            _log.error("poll.failed", job_ids=[job.id for job in jobs], exc_info=fault)
            self._free_slots(1)

    async def _poll(self, job: Job, account: Account) -> None:
        started = self._surroundings.now()
        answer = await self._asker.ask(job, account)
        outcome = self._decided(job, answer)
        log_poll(outcome, (self._surroundings.now() - started).total_seconds())
        self._put([outcome])

    async def _turn_page(self, walk: ListWalk) -> None:
        started = self._surroundings.now()
        try:
            page = await self._asker.turn_page(walk.asked, list(walk.sought.values()), walk.page, walk.account)
            now = self._surroundings.now()
            outcomes = walk.found_on(page, self._decided, now)
            if not walk.goes_on(page):
                outcomes += await self._end_walk(walk, page, now)
        except Exception:
            # A walk that cannot go on must not be tried for ever: its leases run out by themselves.
            self._end_of(walk)
            raise
        walk.is_turning = False
        log_page(walk, page, outcomes, (now - started).total_seconds())
        self._put(outcomes)

    async def _end_walk(self, walk: ListWalk, page: PageOf, now: datetime) -> Sequence[PollOutcome]:
        timing = self._intervals.timing(walk.asked[0])
        outcomes, given_back = walk.end(page, timing, now, self._surroundings.jitter())
        await self._jobs.release(given_back)
        self._end_of(walk)
        return outcomes

    def _end_of(self, walk: ListWalk) -> None:
        """Takes a walk off the list of those under way: jobs may have come meanwhile that waited for its end."""
        self._walks.remove(walk)
        self._is_short = True

    def _decided(self, job: Job, answer: Answer) -> PollOutcome:
        if answer.retry_after is not None and answer.retry_after > LONGEST_HINT:
            _log.warning("hint.capped", job_id=job.id, asked_seconds=answer.retry_after, taken_seconds=LONGEST_HINT)
        timing, plan = self._intervals.timing(job), self._intervals.plan_of(job)
        now, jitter = self._surroundings.now(), self._surroundings.jitter()
        try:
            return decide(job, answer, timing, now, jitter, plan)
        except Exception as error:
            # On a page of a list it would take the other jobs with it.
            return decide(job, problem_of(error, job.id), timing, now, jitter)

    def _put(self, outcomes: Sequence[PollOutcome]) -> None:
        """Has what one request came to written; then its slot is free."""
        for outcome in outcomes:
            self._outcomes.put((outcome, 0))
        self._outcomes.put((None, 1))

    async def _record(self, batch: list[Item]) -> None:
        outcomes = [outcome for outcome, _ in batch if outcome is not None]
        if not outcomes:
            return
        await self._learn(outcomes)
        with self._accounts.changed() as held:
            recorded = await self._jobs.record(outcomes, tuple(self._unwritten.values()), held)
        self._unwritten.clear()
        self._told(recorded)
        if recorded.next_due_at is not None:
            self._wake_at(recorded.next_due_at)

    async def _learn(self, outcomes: Sequence[PollOutcome]) -> None:
        """Learns from jobs that have ended, and once only where they cannot be written at the first try."""
        ended = [each.job for each in outcomes if each.job.status.is_final and each.job.id not in self._taught]
        self._taught.update(job.id for job in ended)
        learned = await self._intervals.learn(ended)
        self._unwritten |= {(each.provider, each.kind, each.model): each for each in learned}

    def _settle(self, batch: list[Item]) -> None:
        self._taught.difference_update(outcome.job.id for outcome, _ in batch if outcome is not None)
        self._free_slots(sum(slots for _, slots in batch))

    def _free_slots(self, count: int) -> None:
        self.busy -= count
        if self._is_short or self._walks:
            # Jobs, or the next page of a list, may have been left waiting for these.
            self._is_short = False
            self._wake_at(self._surroundings.now())


def _is_due(job: Job, now: datetime) -> bool:
    return job.next_poll_at is not None and job.next_poll_at <= now
