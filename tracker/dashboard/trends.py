"""What was done over time as plots with their legends, from what the API tells: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from store.records import FINAL_STATUSES
from tracker.dashboard.plots import STEP, Mark, Plot, count_top, dots, line, span_top, stacked_bars
from tracker.dashboard.spelling import moment, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]

_ATTEMPTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "delivered": ("succeeded", ("delivered",)),
    "rejected": ("failed", ("rejected",)),
    "timed out": ("slowed", ("timeout",)),
    "unreachable": ("expired", ("connection", "tls", "dns")),
    "blocked": ("canceled", ("blocked",)),
}
"""How attempts are shown: a tone, and the outcomes that are one to whoever looks."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a legend: a word, what there is of it, its tone, and the list of it."""

    word: str
    told: str
    tone: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """A plot with what stands around it; `ends` are the texts at the top and the bottom of its axis."""

    name: str
    title: str
    plot: Plot
    ends: tuple[str, str]
    legend: tuple[Entry, ...]
    is_empty: bool

    @property
    def summary(self) -> str:
        """The whole plot in words, for whoever does not see it."""
        return f"{self.title}: {', '.join(f'{entry.word} {entry.told}' for entry in self.legend)}"


def trends_of(activity: Json) -> list[Trend]:
    """All that is plotted of an answer of `/v1/activity`."""
    return [finished(activity), attempts(activity), detection_delay(activity), polls_per_job(activity)]


def trends_of_provider(activity: Json, name: str) -> list[Trend]:
    """What is plotted of one provider's jobs, of the same answer."""
    steps = [_NOTHING | step["providers"].get(name, {}) | {"at": step["at"]} for step in activity["data"]]
    own = activity | {"data": steps}
    return [finished(own, name), detection_delay(own), polls_per_job(own)]


_NOTHING: Json = {
    "requests": 0,
    "polls": 0,
    "jobs": {status.value: 0 for status in FINAL_STATUSES},
    "polls_of_finished_jobs": 0,
    "detection_delay": {"count": 0, "seconds": 0.0, "longest_seconds": 0.0},
}


def edges_of(activity: Json) -> list[str]:
    """The times at the left end, in the middle and at the right end of every plot."""
    steps = activity["data"]
    return [steps[0]["at"], steps[len(steps) // 2]["at"], activity["until"]]


def finished(activity: Json, provider: str | None = None) -> Trend:
    """Jobs that ended, all of them or those of a provider."""
    steps = activity["data"]
    layers = {status.value: [step["jobs"][status] for step in steps] for status in FINAL_STATUSES}
    of_provider = [("provider", provider)] if provider else []
    since = ("finished_after", activity["since"])
    hrefs = {word: f"/jobs?{urlencode([*of_provider, ('status', word), since])}" for word in layers}
    tones = {word: word for word in layers}
    return _bars("finished", f"Jobs finished per {_every(activity)}", steps, layers, tones, hrefs)


def attempts(activity: Json) -> Trend:
    """Attempts to deliver, by outcome."""
    steps = activity["data"]
    layers = {
        word: [sum(step["attempts"][outcome] for outcome in outcomes) for step in steps]
        for word, (_, outcomes) in _ATTEMPTS.items()
    }
    tones = {word: tone for word, (tone, _) in _ATTEMPTS.items()}
    title = f"Webhook attempts per {_every(activity)}"
    return _bars("attempts", title, steps, layers, tones, {"delivered": "/deliveries?status=delivered"})


def detection_delay(activity: Json) -> Trend:
    """How long after their end jobs were seen to have ended."""
    steps = activity["data"]
    known = [step["detection_delay"] for step in steps]
    means = [each["seconds"] / each["count"] if each["count"] else None for each in known]
    longest = [each["longest_seconds"] if each["count"] else None for each in known]
    most = max((value for value in longest if value is not None), default=0.0)
    count = sum(each["count"] for each in known)
    mean = sum(each["seconds"] for each in known) / count if count else 0.0
    top = span_top(most)
    marks = (
        Mark("dots", "running", dots(longest, top)),
        Mark("line", "succeeded", line(means, top)),
        Mark("dots", "succeeded", dots(means, top)),
    )
    hints = [
        f"{span(value)} on average, {span(worst or 0.0)} at most" if value is not None else "no end that was told"
        for value, worst in zip(means, longest, strict=True)
    ]
    legend = (
        Entry("mean", span(mean) if count else "none", "succeeded"),
        Entry("longest", span(most) if count else "none", "running"),
    )
    plot = Plot(len(steps) * STEP, top, marks, _hints(steps, hints))
    return Trend("delay", "Detection delay", plot, (span(top), "0"), legend, is_empty=not count)


def polls_per_job(activity: Json) -> Trend:
    """How many polls the jobs took that ended."""
    steps = activity["data"]
    jobs = [sum(step["jobs"].values()) for step in steps]
    polls = [step["polls_of_finished_jobs"] for step in steps]
    means = [spent / ended if ended else None for spent, ended in zip(polls, jobs, strict=True)]
    top = count_top(max((value for value in means if value is not None), default=0.0))
    mean = f"{sum(polls) / sum(jobs):.1f}" if sum(jobs) else "none"
    marks = (Mark("line", "running", line(means, top)), Mark("dots", "running", dots(means, top)))
    hints = [f"{value:.1f} polls per job" if value is not None else "no job ended" for value in means]
    legend = (
        Entry("mean", mean, "running"),
        Entry("all polls", f"{sum(step['polls'] for step in steps):,}", "queued"),
        Entry("requests", f"{sum(step['requests'] for step in steps):,}", "queued"),
    )
    plot = Plot(len(steps) * STEP, top, marks, _hints(steps, hints))
    return Trend("polls", "Polls per finished job", plot, (f"{top:g}", "0"), legend, is_empty=not sum(jobs))


def _every(activity: Json) -> str:
    """How long a step is, as in `per minute`."""
    minutes = activity["step_seconds"] // 60
    return "minute" if minutes == 1 else f"{minutes} minutes"


def _bars(
    name: str,
    title: str,
    steps: Sequence[Json],
    layers: Mapping[str, Sequence[int]],
    tones: Mapping[str, str],
    hrefs: Mapping[str, str],
) -> Trend:
    totals = [sum(values) for values in zip(*layers.values(), strict=True)]
    top = count_top(max(totals))
    paths = stacked_bars(list(layers.values()), top)
    marks = tuple(Mark("bar", tones[word], path) for word, path in zip(layers, paths, strict=True))
    hints = [
        ", ".join(f"{layer[index]} {word}" for word, layer in layers.items() if layer[index]) or "none"
        for index in range(len(steps))
    ]
    legend = tuple(Entry(word, f"{sum(layer):,}", tones[word], hrefs.get(word, "")) for word, layer in layers.items())
    plot = Plot(len(steps) * STEP, top, marks, _hints(steps, hints))
    return Trend(name, title, plot, (f"{top:g}", "0"), legend, is_empty=not any(totals))


def _hints(steps: Sequence[Json], told: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{moment(step['at']):%H:%M} UTC: {words}" for step, words in zip(steps, told, strict=True))
