"""What is learned of a provider's jobs, drawn in the terminal: how long they take, and when they are polled."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tracker.cli.output import Document, print_line_as_it_is, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = ("kind", "jobs", "median", "p90", "polls_per_job", "delay", "documented", "λ")
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_POLL = "┴"


def print_learned(rows: Sequence[Document]) -> None:
    """Writes a table of what is learned, and below it a picture of each row."""
    print_table(_COLUMNS, [_row(row) for row in rows])
    for row in rows:
        print_line_as_it_is("")
        for line in drawn(row):
            print_line_as_it_is(line)


def drawn(row: Document) -> list[str]:
    """The distribution of durations as bars, the planned polls as ticks below, and the axis."""
    ages, unfinished = row["distribution"]["seconds"], row["distribution"]["unfinished"]
    ends = [before - after for before, after in pairwise(unfinished)]
    most = max([*ends, 1e-12])
    bars = "".join(_HEIGHTS[min(round(8 * share / most), 8)] for share in ends)
    width = ages[-1] / len(ends)
    columns = {int(age / width) for age in row["planned_polls"] if age < ages[-1]}
    ticks = "".join(_POLL if column in columns else "─" for column in range(len(ends)))
    last = spoken(ages[-1])
    return [_name(row), f"  {bars}  when jobs end", f"  {ticks}  when they are polled", f"  0{last:>{len(ends) - 1}}"]


def spoken(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 2 * 86_400:
        return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
    return f"{seconds / 86_400:.3g} days"


def _name(row: Document) -> str:
    return f"{row['kind']} {row['model']}" if row.get("model") else str(row["kind"])


def _row(row: Document) -> Document:
    known = row["documented"]
    return {
        "kind": _name(row),
        "jobs": row["jobs"],
        "median": spoken(row["median_seconds"]),
        "p90": spoken(row["p90_seconds"]),
        "polls_per_job": f"{row['polls_per_job']:.1f}",
        "delay": spoken(row["delay_seconds"]),
        "documented": f"{known['polls_per_job']:.1f} polls, {spoken(known['delay_seconds'])}",
        "λ": spoken(row["delay_per_poll"]),
    }
