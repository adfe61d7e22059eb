"""How a job's status may move.

(none) ──▶ queued ──▶ running ◀──▶ action_required
   │          │          │               │
   └──────────┴──────────┴───────────────┴──▶ succeeded | failed | canceled | expired   (for good)
"""

from __future__ import annotations

from store.records import Status


def may_follow(previous: Status | None, status: Status) -> bool:
    """Whether a job that was `previous` (None: never read) may be said to be `status` now.

    A job never leaves a final status, never goes back to queued, and does not change to what it is.
    """
    if previous is None:
        return True
    if previous.is_final or status is previous:
        return False
    return status is not Status.QUEUED
