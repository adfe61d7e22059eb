"""The parts of a running service that are watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.database import Database
    from store.deliveries import Deliveries
    from store.jobs import Jobs
    from tracker.accounts import Accounts
    from tracker.bell import Bell
    from tracker.deliver import Deliverer
    from tracker.metronome import Metronome
    from tracker.poll import Poller
    from tracker.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Parts:
    """They are looked at, never changed."""

    database: Database
    jobs: Jobs
    deliveries: Deliveries
    accounts: Accounts
    poller: Poller
    deliverer: Deliverer
    bell: Bell
    metronome: Metronome
    surroundings: Surroundings
