"""The life of a simulated job, written down beforehand: where it stands is a pure function of the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed."""

    message: str
    code: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A step of a workflow and how it stands."""

    id: str
    type: str
    status: str
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a job's life: the provider's own word for it, and how long it lasts in seconds.

    Strings in `output` may hold `{id}` (the job's id) and `{poll}` (its number: signed URLs change with each poll).
    """

    status: str
    seconds: float = math.inf
    progress: tuple[float, float] | None = None
    output: Mapping[str, Any] | None = None
    error: Failure | None = None
    flow: tuple[Node, ...] = ()


Script = tuple[Phase, ...]
"""Phases in order; the last one is final and lasts for ever."""

Outcomes = Mapping[str, Mapping[str, Callable[[float], Script]]]
"""By kind and by name of the outcome: what makes the usual script, given how many seconds it is to take."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a job stands: the phases that have begun and when, the last one being the present one."""

    begun: tuple[tuple[Phase, datetime], ...]
    progress: float | None
    is_final: bool

    @property
    def phase(self) -> Phase:
        """The present phase."""
        return self.begun[-1][0]

    @property
    def since(self) -> datetime:
        """When the present phase began."""
        return self.begun[-1][1]

    @property
    def history(self) -> tuple[tuple[str, datetime], ...]:
        """Each status word and when it began; phases with the same word in a row are one."""
        words = [(phase.status, at) for phase, at in self.begun]
        return tuple(word for index, word in enumerate(words) if index == 0 or word[0] != words[index - 1][0])

    def disguised(self, word: str) -> State:
        """The same moment under another status word, without a result."""
        phase = replace(self.phase, status=word, output=None, error=None)
        return State((*self.begun[:-1], (phase, self.since)), self.progress, is_final=False)


def state_at(script: Script, created_at: datetime, now: datetime) -> State:
    """Where a job with this script, made at `created_at`, stands at `now`."""
    starts = _starts(script, (now - created_at).total_seconds())
    begun = [(phase, created_at + timedelta(seconds=start)) for phase, start in zip(script, starts, strict=False)]
    phase, since = begun[-1]
    return State(tuple(begun), _progress(phase, (now - since).total_seconds()), is_final=len(begun) == len(script))


def updated_at(script: Script, created_at: datetime, now: datetime) -> datetime:
    """When the present phase began: what the whole state says, for a third of its cost."""
    return created_at + timedelta(seconds=_starts(script, (now - created_at).total_seconds())[-1])


def _starts(script: Script, elapsed: float) -> list[float]:
    """After how many seconds each of the phases began that have begun by now."""
    starts = [0.0]
    for phase in script[:-1]:
        # Whole microseconds, as clocks count: a sum of shares must not fall behind the whole.
        start = round(starts[-1] + phase.seconds, 6)
        if start > elapsed:
            break
        starts.append(start)
    return starts


def _progress(phase: Phase, elapsed: float) -> float | None:
    if phase.progress is None:
        return None
    start, end = phase.progress
    if math.isinf(phase.seconds):
        return end
    share = min(max(elapsed / phase.seconds, 0.0), 1.0) if phase.seconds else 1.0
    return start + (end - start) * share


def final_at(script: Script, created_at: datetime) -> datetime | None:
    """When the script reaches its final phase; None when it waits for something else than time."""
    seconds = _starts(script, math.inf)[-1]
    return None if math.isinf(seconds) else created_at + timedelta(seconds=seconds)


def cut(script: Script, created_at: datetime, now: datetime) -> Script:
    """What of a script has begun by now, its present phase cut short; whatever follows begins now."""
    state = state_at(script, created_at, now)
    present = replace(state.phase, seconds=max((now - state.since).total_seconds(), 0.0))
    return (*(phase for phase, _ in state.begun[:-1]), present)
