"""When a job was polled, in one text of its row, which the write of each poll adds a tick to.

A tick is eight digits: tenths of a second since the registration. The oldest go when a text grows long.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, String, bindparam, case, func, select

from store.tables import JOBS

if TYPE_CHECKING:
    from datetime import datetime

    from store.records import PollOutcome

_UNIT = timedelta(milliseconds=100)
_WIDTH = 8
_LAST = 10**_WIDTH - 1
MOST_POLL_TIMES = 250
"""So many are kept of a job; of more polls the newer half of these, and what came since."""

_TICKS = JOBS.c.poll_ticks
_TICK = bindparam("tick", type_=String())
TICKS_AND_THE_NEXT = case(
    (func.length(_TICKS) < MOST_POLL_TIMES * _WIDTH, _TICKS.concat(_TICK)),
    else_=func.substr(_TICKS, MOST_POLL_TIMES // 2 * _WIDTH + 1).concat(_TICK),
)
"""What `poll_ticks` becomes; `tick` is the outcome's."""


def tick_of(outcome: PollOutcome) -> str:
    """The tick of an outcome; that of no poll is empty."""
    job = outcome.job
    if outcome.verdict is None or job.last_polled_at is None:
        return ""
    return f"{min(max((job.last_polled_at - job.created_at) // _UNIT, 0), _LAST):0{_WIDTH}d}"


def poll_times(connection: Connection, job_id: str) -> tuple[datetime, ...]:
    """The times of a job's polls, the oldest first, each at most a tenth of a second early."""
    row = connection.execute(select(_TICKS, JOBS.c.created_at).where(JOBS.c.id == job_id)).first()
    if row is None:
        return ()
    ticks = [int(row.poll_ticks[start : start + _WIDTH]) for start in range(0, len(row.poll_ticks), _WIDTH)]
    return tuple(row.created_at + tick * _UNIT for tick in ticks)
