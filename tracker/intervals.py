"""The learned intervals: profiles and the plans made of them, by provider, kind and model.

A decision takes a plan that is there. What is learned is learned in a thread, and written with the polls that it was
learned from; a plan is made anew behind the loop's back, and the old one serves until then.

A fault in here costs polls, never a completion: it is told in the log, and the documented intervals hold.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import structlog

from store.records import StoredProfile
from tracker.rules.plan import Plan, plan_for
from tracker.rules.profile import Ending, Nature, Profile, child_of, first_profile, learn, nature_of
from tracker.rules.profile_bytes import profile_or, profile_to_bytes
from tracker.rules.programme import Terms
from tracker.rules.schedule import most_overdue
from tracker.rules.sightings import ending_of
from tracker.rules.undetected import most_undetected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from store.records import Job, Waiting
    from tracker.rules.schedule import Timing
    from tracker.surroundings import Surroundings

MOST_MODELS = 200
"""Models of a kind that are told apart: a name that is different for each job must not fill the store."""

MOST_LESSONS = 20
"""Jobs that are learned from at a time at most, and in a second over longer times; each takes a millisecond or two."""

_SAVED_LESSONS = 200
"""Lessons that quiet times leave for busy ones."""

_REST = 9.0
"""So many times as long as it took to make a plan nothing is planned: it may take a tenth of the time."""

_log = structlog.stdlib.get_logger("tracker")


class Key(NamedTuple):
    """What a profile is of; without a model it is of the whole kind."""

    provider: str
    kind: str
    model: str = ""


class Intervals:
    """The profiles and plans of every kind.

    `timing_of` knows the documented intervals of (provider, kind), `model_of` the model that a job names ("": none).
    `delay_per_poll` is the detection delay in seconds that one poll is worth, where the operator said so for all kinds.
    Without `is_learning` there are no plans: jobs are polled at their documented intervals.
    """

    def __init__(
        self,
        stored: Iterable[StoredProfile],
        timing_of: Callable[[str, str], Timing],
        model_of: Callable[[Job], str],
        surroundings: Surroundings,
        delay_per_poll: float | None = None,
        *,
        is_learning: bool = True,
    ) -> None:
        self._stored = {Key(each.provider, each.kind, each.model): each.state for each in stored}
        self._timing_of = timing_of
        self._model_of = model_of
        self._surroundings = surroundings
        self._delay_per_poll = delay_per_poll
        self._is_learning = is_learning
        self._profiles: dict[Key, Profile] = {}
        self._plans: dict[Key, Plan] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="learn")
        self._planner = ThreadPoolExecutor(1, thread_name_prefix="plan")
        self._is_over = threading.Event()
        self._lessons = float(_SAVED_LESSONS)
        self._lessons_at = surroundings.now()
        self._planning: set[asyncio.Future[None]] = set()
        self._outdated: set[Key] = set()

    def key(self, job: Job) -> Key:
        """What a job teaches, and is planned by; a model beyond the most that are told apart is its kind's."""
        key = Key(job.provider, job.kind, self._model_of(job))
        if not key.model or key in self._profiles or key in self._stored:
            return key
        models = sum(1 for each in self.keys(job.provider) if each.model and each.kind == job.kind)
        return key if models < MOST_MODELS else Key(job.provider, job.kind)

    def timing(self, job: Job) -> Timing:
        """The documented intervals of a job's kind."""
        return self._timing_of(job.provider, job.kind)

    def plan_of(self, job: Job) -> Plan | None:
        """The plan for a job; None: its documented intervals hold."""
        if not self._is_learning:
            return None
        try:
            return self.plan(self.key(job))
        except Exception:
            _log.exception("plan.failed", provider=job.provider, kind=job.kind)
            return None

    def plan(self, key: Key) -> Plan:
        """The plan for a key; made on the spot the first time that it is asked for."""
        plan = self._plans.get(key)
        if plan is None:
            # Meanwhile the thread may have made one of a newer profile.
            plan = self._plans.setdefault(key, plan_for(self._profile(key), self.terms(key)))
        return plan

    def terms(self, key: Key) -> Terms:
        """What polls of a key are worth, and when they may come."""
        timing = self._timing_of(key.provider, key.kind)
        worth = self._delay_per_poll or self._nature(key).delay_per_poll
        return Terms(worth, timing.minimum, max(min(timing.longest_gap, timing.timeout), timing.minimum))

    def keys(self, provider: str) -> list[Key]:
        """The keys of a provider that something was learned of, by kind and model."""
        learned = [key for key, profile in list(self._profiles.items()) if profile.jobs]
        return sorted(key for key in {*self._stored, *learned} if key.provider == provider)

    async def learn(self, jobs: Iterable[Job]) -> list[StoredProfile]:
        """Learns from those of these jobs that have ended, in their order; returns the profiles to be written.

        Out of many that end at once some are taken: their webhooks are not to wait for lessons that say the same.
        """
        try:
            return await self._taught(jobs)
        except Exception:
            # The jobs have ended all the same, and somebody waits to be told.
            _log.exception("learning.failed")
            return []

    async def drain(self) -> None:
        """Returns once every plan is made of the newest profile."""
        while self._planning:
            await asyncio.wait(self._planning)

    def close(self) -> None:
        """Ends the threads; what they are at work on is not waited for."""
        self._is_over.set()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._planner.shutdown(wait=False, cancel_futures=True)

    def choose(self, waiting: Sequence[Waiting], count: int, now: datetime) -> list[str]:
        """The ids of so many due jobs, those first whose ends may have stayed undetected for the longest."""
        if not self._is_learning:
            return most_overdue(waiting, count, now)
        try:
            plans = {key: self.plan(key) for key in {Key(job.provider, job.kind) for job in waiting}}
        except Exception:
            _log.exception("plan.failed")
            return most_overdue(waiting, count, now)
        return most_undetected([(job, plans[Key(job.provider, job.kind)]) for job in waiting], count, now)

    async def _taught(self, jobs: Iterable[Job]) -> list[StoredProfile]:
        taught = [(self.key(job), ending_of(job, self.timing(job))) for job in jobs if self._is_learning]
        endings = self._lessons_of([(key, ending) for key, ending in taught if ending is not None])
        if not endings:
            return []
        changed = await asyncio.get_running_loop().run_in_executor(self._thread, self._learn, endings)
        for key in changed:
            if key in self._outdated:
                # The planning that waits its turn will know of this too.
                continue
            self._outdated.add(key)
            future = asyncio.get_running_loop().run_in_executor(self._planner, self._plan_at_leisure, key)
            self._planning.add(future)
            future.add_done_callback(self._planning.discard)
        now = self._surroundings.now()
        return [StoredProfile(*key, profile_to_bytes(self._profiles[key]), now) for key in changed]

    def _lessons_of(self, endings: list[tuple[Key, Ending]]) -> list[tuple[Key, Ending]]:
        """As many of them, spread evenly, as may be learned from now."""
        now = self._surroundings.now()
        gained = (now - self._lessons_at).total_seconds() * MOST_LESSONS
        self._lessons, self._lessons_at = min(self._lessons + max(gained, 0.0), _SAVED_LESSONS), now
        most = min(int(self._lessons), MOST_LESSONS)
        chosen = endings[:: -(-len(endings) // most)] if endings and most else []
        self._lessons -= len(chosen)
        return chosen

    def _plan_at_leisure(self, key: Key) -> None:
        began = perf_counter()
        self._plan_anew(key)
        self._is_over.wait(_REST * (perf_counter() - began))

    def _learn(self, endings: Sequence[tuple[Key, Ending]]) -> list[Key]:
        for key, ending in endings:
            for each in _lineage(key):
                self._profiles[each] = learn(self._profile(each), ending)
        return list(dict.fromkeys(each for key, _ in endings for each in _lineage(key)))

    def _plan_anew(self, key: Key) -> None:
        self._outdated.discard(key)
        self._plans[key] = plan_for(self._profile(key), self.terms(key))
        for each in self._followers(key):
            self._plans[each] = plan_for(self._profile(each), self.terms(each))

    def _followers(self, key: Key) -> list[Key]:
        """The models without a job of their own that were planned by what their kind, `key`, had learned."""
        planned = [each for each in list(self._plans) if each.model and (each.provider, each.kind, "") == key]
        return [each for each in planned if each not in self._profiles and each not in self._stored]

    def _profile(self, key: Key) -> Profile:
        if key not in self._profiles:
            parent = self._profile(Key(key.provider, key.kind)) if key.model else None
            first = first_profile(self._nature(key)) if parent is None else child_of(parent)
            known = profile_or(self._stored.get(key), first)
            if parent is not None and key not in self._stored:
                # It goes on with what its kind learns, until it has a job of its own.
                return known
            # Both the loop and the thread come here: what was learned meanwhile stays.
            self._profiles.setdefault(key, known)
        return self._profiles[key]

    def _nature(self, key: Key) -> Nature:
        return nature_of(self._timing_of(key.provider, key.kind))


def _lineage(key: Key) -> Iterable[Key]:
    """The keys that a job of `key` teaches something: its kind's first, so that a new model begins with that."""
    return (key,) if not key.model else (Key(key.provider, key.kind), key)
