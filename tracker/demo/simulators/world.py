"""What the simulated providers share: jobs whose state is a function of the time, and faults on request."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson
from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

Fault = Literal[
    "500", "503", "429", "401", "404", "410", "hang", "drip", "truncated", "oversized", "html", "malformed", "redirect"
]


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a job's life: the provider's word for it, and how many seconds it lasts.

    While it lasts, progress grows from `begins` to `ends` (None: the provider reports none).
    """

    word: str
    seconds: float = 0.0
    begins: float | None = None
    ends: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A workflow's node: from `starts` to `ends` (seconds of the job's life) it has the status `processing`."""

    id: str
    type: str
    starts: float
    ends: float
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SimulatedJob:
    """A job that goes through its phases; the last one is for good. `facts` are shown once it has come to that."""

    id: str
    kind: str
    phases: tuple[Phase, ...]
    created_at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def finished_at(self) -> datetime:
        """When the last phase begins."""
        return self.created_at + timedelta(seconds=sum(phase.seconds for phase in self.phases[:-1]))

    def history(self, now: datetime) -> list[tuple[Phase, datetime]]:
        """The phases that have begun, with their times."""
        begun, at = [], self.created_at
        for phase in self.phases:
            if at > now:
                break
            begun.append((phase, at))
            at += timedelta(seconds=phase.seconds)
        return begun or [(self.phases[0], self.created_at)]

    def progress(self, now: datetime) -> float | None:
        """Progress within the present phase."""
        phase, since = self.history(now)[-1]
        if phase.begins is None or phase.ends is None:
            return phase.begins
        share = min((now - since).total_seconds() / phase.seconds, 1.0) if phase.seconds else 1.0
        return round(phase.begins + (phase.ends - phase.begins) * share, 4)

    def is_finished(self, now: datetime) -> bool:
        """Whether the last phase has begun."""
        return now >= self.finished_at


class World:
    """The jobs of all simulated providers on one clock, what was asked about them, and what shall go wrong."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.jobs: dict[str, SimulatedJob] = {}
        self.polls: Counter[str] = Counter()
        self.faults: dict[str, deque[Fault]] = {}
        self.asked: Callable[[str], None] = lambda _job_id: None
        """Called at each poll with the job's id."""

    def add(
        self,
        job_id: str,
        kind: str,
        phases: tuple[Phase, ...],
        facts: Mapping[str, Any] | None = None,
        steps: tuple[Step, ...] = (),
    ) -> SimulatedJob:
        """A job that begins now."""
        job = SimulatedJob(job_id, kind, phases, self.now(), facts or {}, steps)
        self.jobs[job_id] = job
        return job

    def submit(self, prefix: str, kind: str, phases: tuple[Phase, ...], facts: Mapping[str, Any]) -> SimulatedJob:
        """A job that begins now, with the next id."""
        return self.add(f"{prefix}{len(self.jobs) + 1:06d}", kind, phases, facts)

    def fail_next(self, job_id: str, *faults: Fault) -> None:
        """The job's next polls meet these faults, one each."""
        self.faults.setdefault(job_id, deque()).extend(faults)

    async def poll(self, job_id: str) -> SimulatedJob | Response | None:
        """What a poll of this job meets: the job, a fault, or nothing (None: it is unknown)."""
        self.polls[job_id] += 1
        self.asked(job_id)
        faults = self.faults.get(job_id)
        if faults:
            return await _faulty(faults.popleft())
        return self.jobs.get(job_id)


def iso(at: datetime) -> str:
    """A time as JavaScript writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - JSON
    """An answer in JSON."""
    return Response(orjson.dumps(value), status, headers, "application/json")


_BODIES: dict[str, tuple[bytes, int, dict[str, str], str]] = {
    # uvicorn closes a connection on which less came than was promised.
    "truncated": (b'{"job": {', 200, {"content-length": "4000"}, "application/json"),
    "oversized": (b'{"padding": "' + b"x" * 1_200_000 + b'"}', 200, {}, "application/json"),
    "html": (b"<html>Bad gateway</html>", 200, {}, "text/html"),
    "malformed": (b'{"job": {"status": "success"', 200, {}, "application/json"),
    "redirect": (b"", 302, {"location": "http://127.0.0.1:9/elsewhere"}, "application/json"),
}


async def _faulty(fault: Fault) -> Response:
    if fault == "hang":
        await asyncio.Event().wait()
    if fault == "drip":
        return StreamingResponse(_drops(), media_type="application/json")
    if fault in _BODIES:
        return Response(*_BODIES[fault])
    headers = {"retry-after": "1"} if fault in ("429", "503") else None
    return answer({"error": f"fault {fault}"}, int(fault), headers)


async def _drops() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.05)
