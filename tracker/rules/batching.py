"""How many rows are deleted together, so that nobody waits long for the writer."""

from __future__ import annotations

FIRST_ROWS = 50
FEWEST_ROWS = 5
MOST_ROWS = 1000

WRITER_SECONDS = 0.005
"""What a batch is to take of its transaction. The commit comes on top, and disks are slow at times: with them it is to
stay below 0.05."""


def next_rows(rows: int, seconds: float) -> int:
    """The size of the next batch, when one of so many rows took so many seconds: more by half at most."""
    fitting = rows * min(WRITER_SECONDS / max(seconds, 1e-6), 1.5)
    return min(max(int(fitting), FEWEST_ROWS), MOST_ROWS)
