"""The world that simulated providers show: jobs whose lives advance on a clock, and faults that wait."""

from __future__ import annotations

import math
import uuid
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tracker.demo.simulators.faults import Fault, Trouble
from tracker.demo.simulators.lists import Listing
from tracker.demo.simulators.scripts import Phase, Script, State, cut, final_at, state_at, updated_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """A job at a provider. Nothing runs: its state is a function of its script and the time.

    The provider knows it from `appears_after` until `expires_after` seconds after its making. `details` is what the
    provider's answers tell of it besides.
    """

    provider: str
    kind: str
    id: str
    script: Script
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    appears_after: float = 0.0
    expires_after: float = math.inf

    def state(self, now: datetime) -> State:
        """Where it stands."""
        return state_at(self.script, self.created_at, now)

    def updated_at(self, now: datetime) -> datetime:
        """When its present phase began."""
        return updated_at(self.script, self.created_at, now)

    def is_known(self, now: datetime, late_seconds: float = 0.0) -> bool:
        """Whether the provider answers about it rather than with 404; a list may learn of it `late_seconds` late."""
        age = (now - self.created_at).total_seconds()
        return max(self.appears_after, late_seconds) <= age < self.expires_after

    @property
    def finished_at(self) -> datetime | None:
        """When it becomes or became final; None while that depends on more than time."""
        return final_at(self.script, self.created_at)


class World:
    """Holds the simulated jobs of one provider or of several, and counts what is asked of them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.jobs: dict[str, SimulatedJob] = {}
        self.polls: Counter[str] = Counter()
        """Polls by job id, of unknown jobs too, but not those with wrong credentials."""
        self.lists: Counter[str] = Counter()
        """Requests for a page of a list by provider, but not those with wrong credentials."""
        self.submits: Counter[str] = Counter()
        """Submits over HTTP by the id of the job that they started."""
        self.requests = 0
        """Requests of every sort, those with wrong credentials too."""
        self.defaults: dict[tuple[str, str], Script] = {}
        """Scripts for submits that choose none, by provider and kind."""
        self.asked: Callable[[str], None] = lambda _job_id: None
        """Called at each poll with the job's id."""
        self.listings: defaultdict[str, Listing] = defaultdict(Listing)
        """How lists behave, by provider."""
        self._list_troubles: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self._troubles: defaultdict[str | None, deque[Trouble]] = defaultdict(deque)

    def add(
        self,
        provider: str,
        kind: str,
        script: Script,
        *,
        job_id: str | None = None,
        details: Mapping[str, Any] | None = None,
        appears_after: float = 0.0,
        expires_after: float = math.inf,
    ) -> SimulatedJob:
        """Makes a job as of now."""
        job = SimulatedJob(
            provider=provider,
            kind=kind,
            id=job_id or self.new_id(),
            script=script,
            created_at=self.now(),
            details=details or {},
            appears_after=appears_after,
            expires_after=expires_after,
        )
        self.jobs[job.id] = job
        return job

    def new_id(self, prefix: str = "") -> str:
        """An id that is new in this world and, on a clock that moves, in any other."""
        return f"{prefix}{uuid.uuid5(uuid.NAMESPACE_OID, f'{self.now().isoformat()}/{len(self.jobs)}')}"

    def find(self, provider: str, kind: str, job_id: str) -> SimulatedJob | None:
        """The job as its provider knows it now."""
        job = self.jobs.get(job_id)
        if job is None or (job.provider, job.kind) != (provider, kind) or not job.is_known(self.now()):
            return None
        return job

    def listed(self, provider: str, kind: str) -> Iterator[SimulatedJob]:
        """The jobs in a provider's list now, which may learn of them later than a poll does."""
        now, late_seconds = self.now(), self.listings[provider].late_seconds
        for job in self.jobs.values():
            if job.provider == provider and job.kind == kind and job.is_known(now, late_seconds):
                yield job

    def finished_at(self, job_id: str) -> datetime | None:
        """When a job becomes or became final, by the provider's clock."""
        return self.jobs[job_id].finished_at

    def go_on_with(self, job: SimulatedJob, script: Script) -> SimulatedJob:
        """Ends the job's present phase now; `script` is what follows."""
        now = self.now()
        return self._replace(replace(job, script=(*cut(job.script, job.created_at, now), *script)))

    def restart(self, job: SimulatedJob, script: Script) -> SimulatedJob:
        """Begins the job's life anew, as of now."""
        return self._replace(replace(job, script=script, created_at=self.now()))

    def cancel(self, job: SimulatedJob, word: str = "canceled") -> SimulatedJob:
        """Ends the job now, under the provider's word for it, where it is not final yet."""
        state = job.state(self.now())
        if state.is_final:
            return job
        progress = None if state.progress is None else (state.progress, state.progress)
        return self.go_on_with(job, (Phase(word, progress=progress, flow=state.phase.flow),))

    def break_polls(
        self, fault: Fault, *, job_id: str | None = None, times: int = 1, retry_after: float | None = 1.0
    ) -> None:
        """Lets the next polls of one job, or of any, go wrong; faults queue up and each takes one poll."""
        self._troubles[job_id].extend([Trouble(fault, retry_after)] * times)

    def break_lists(self, provider: str, fault: Fault, *, times: int = 1, retry_after: float | None = 1.0) -> None:
        """Lets the next requests of a provider's list go wrong; faults queue up and each takes one request."""
        self._list_troubles[provider].extend([Trouble(fault, retry_after)] * times)

    def heal(self) -> None:
        """Forgets all faults that still wait."""
        self._list_troubles.clear()
        self._troubles.clear()

    def count_poll(self, job_id: str) -> Trouble | None:
        """Counts a poll of a job and takes the fault that waits for it: the job's own first, then anybody's."""
        self.polls[job_id] += 1
        self.asked(job_id)
        for waiting in (self._troubles[job_id], self._troubles[None]):
            if waiting:
                return waiting.popleft()
        return None

    def count_list(self, provider: str) -> Trouble | None:
        """Counts a request of a provider's list and takes the fault that waits for it."""
        self.lists[provider] += 1
        waiting = self._list_troubles[provider]
        return waiting.popleft() if waiting else None

    def _replace(self, job: SimulatedJob) -> SimulatedJob:
        self.jobs[job.id] = job
        return job
