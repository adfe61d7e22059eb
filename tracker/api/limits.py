"""How many requests a key may make: 429 says when there is room again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.rules.allowance import Allowance, after_request, full, seconds_until_next

if TYPE_CHECKING:
    from tracker.surroundings import Surroundings


class Limit:
    """So many requests a second for each caller (None: any number), and bursts of a few seconds' worth.

    A request counts once, when it comes, however long it waits or streams.
    """

    def __init__(self, per_second: float | None, surroundings: Surroundings) -> None:
        self._per_second = per_second
        self._surroundings = surroundings
        self._allowances: dict[str, Allowance] = {}

    def seconds_to_wait(self, caller: str) -> int:
        """Counts a request, or says after how many seconds it may be made (0: now)."""
        if self._per_second is None:
            return 0
        now = self._surroundings.now()
        before = self._allowances.get(caller) or full(self._per_second, now)
        after = after_request(before, self._per_second, now)
        self._allowances[caller] = after or before
        return 0 if after else seconds_until_next(before, self._per_second, now)
