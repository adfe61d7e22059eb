"""What is learned of a kind of jobs as a plot, with what polling them costs: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracker.dashboard.plots import Mark, Plot, curve, ticks, under
from tracker.dashboard.spelling import span
from tracker.dashboard.trends import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

_WIDTH = 600
_SHOWN_AGES = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What polling a job costs by one way of choosing the times, in words; `together` counts polls as delay."""

    name: str
    polls: str
    delay: str
    together: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What is learned of a kind, or of a model of it."""

    kind: str
    model: str | None
    plot: Plot
    legend: tuple[Entry, ...]
    ages: tuple[str, ...]
    costs: tuple[Cost, ...]
    told: str
    polls: str

    @property
    def summary(self) -> str:
        """The whole plot in words, for whoever does not see it."""
        return f"Jobs that are not finished, by age: {', '.join(f'{entry.word} {entry.told}' for entry in self.legend)}"


def learned(row: Json) -> Learned:
    """A row of `learned` of a provider."""
    ages, shares = row["distribution"]["seconds"], row["distribution"]["unfinished"]
    return Learned(
        kind=row["kind"],
        model=row["model"],
        plot=_plot(ages, shares, row["planned_polls"]),
        legend=(
            Entry("half are done after", span(row["median_seconds"]), "succeeded"),
            Entry("nine in ten after", span(row["p90_seconds"]), "succeeded"),
            Entry("planned polls", f"{row['polls_per_job']:.1f} a job", "running"),
        ),
        ages=tuple(span(ages[-1] * part / (_SHOWN_AGES - 1)) if part else "0" for part in range(_SHOWN_AGES)),
        costs=(
            _cost("planned", row, row["delay_per_poll"]),
            _cost("documented", row["documented"], row["delay_per_poll"]),
        ),
        told=_told(row["jobs"], row["delay_per_poll"]),
        polls=", ".join(span(age) for age in row["planned_polls"]),
    )


def _plot(ages: Sequence[float], shares: Sequence[float], polls: Sequence[float]) -> Plot:
    """The share of jobs that is not finished at each age, and the polls."""
    points, right = list(zip(ages, shares, strict=True)), ages[-1]
    path = curve(points, right, _WIDTH)
    marks = (
        Mark("area", "succeeded", under(path, points, right, _WIDTH)),
        Mark("ticks", "running", ticks(polls, right, _WIDTH)),
        Mark("line", "succeeded", path),
    )
    return Plot(_WIDTH, 1.0, marks)


def _cost(name: str, known: Json, delay_per_poll: float) -> Cost:
    polls, delay = known["polls_per_job"], known["delay_seconds"]
    return Cost(name, f"{polls:.1f}", span(delay), span(polls * delay_per_poll + delay))


def _told(jobs: float, delay_per_poll: float) -> str:
    worth = f"A poll counts as {span(delay_per_poll)} of delay."
    if not jobs:
        return f"No job has ended yet: the description's guess holds. {worth}"
    return f"From {jobs:,.0f} {'job' if round(jobs) == 1 else 'jobs'} that ended. {worth}"
