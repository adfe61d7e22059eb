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
    every = "minute" if activity["step_seconds"] == 60 else f"{activity['step_seconds'] // 60} minutes"
    return [
        finished(activity, every),
        attempts(activity, every),
        detection_delay(activity),
        polls_per_job(activity),
    ]


def finished(activity: Json, every: str) -> Trend:
    """Jobs that ended."""
    steps = activity["data"]
    layers = {status.value: [step["jobs"][status] for step in steps] for status in FINAL_STATUSES}
    since = activity["since"]
    hrefs = {word: f"/jobs?{urlencode({'status': word, 'finished_after': since})}" for word in layers}
    tones = {word: word for word in layers}
    return _bars("finished", f"Jobs finished per {every}", steps, layers, tones, hrefs)


def attempts(activity: Json, every: str) -> Trend:
    """Attempts to deliver, by outcome."""
    steps = activity["data"]
    layers = {
        word: [sum(step["attempts"][outcome] for outcome in outcomes) for step in steps]
        for word, (_, outcomes) in _ATTEMPTS.items()
    }
    tones = {word: tone for word, (tone, _) in _ATTEMPTS.items()}
    return _bars("attempts", f"Webhook attempts per {every}", steps, layers, tones, {"delivered": _DELIVERED})


_DELIVERED = "/deliveries?status=delivered"


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
