"""The learned intervals beside the documented ones of the seed providers, as a table in Markdown.

Run from the checkout: `uv run python -m tests.bench.polling_comparison`. The durations are assumptions, but for the
training of 20 to 25 minutes, which its provider documents.
"""

import math
from pathlib import Path
from random import Random

import numpy as np
from rich.console import Console

import tracker.providers
from tests.rules.durations import play
from tracker.providers.description import read_description
from tracker.rules.profile import first_profile, nature_of

JOBS, LEARNED = 200, 50
FOLDER = Path(tracker.providers.__file__).parent


def lognormal(median, spread):
    return lambda dice: median * math.exp(dice.gauss(0, spread))


CASES = [
    ("scenario", "job", "image, 12 s ± 35 %", lognormal(12, 0.35)),
    ("scenario", "job", "video, 90 s ± 25 %", lognormal(90, 0.25)),
    ("wondercat", "inference", "image, 15 s ± 30 %", lognormal(15, 0.3)),
    ("decart", "job", "video, 60 s ± 25 %", lognormal(60, 0.25)),
    ("photogpt", "job", "image, 25 s ± 30 %", lognormal(25, 0.3)),
    ("photogpt", "training", "training, 20 to 25 min", lambda dice: dice.uniform(1200, 1500)),
]


def of_documented(timing, duration):
    """Polls and delay in seconds of one job under the documented intervals."""
    age, gap, polls = timing.first, timing.interval, 1
    while age < duration:
        age, gap, polls = age + min(gap, timing.longest), min(gap * timing.multiplier, timing.longest), polls + 1
    return polls, age - duration


def of_learned(durations, worth, timing):
    played = play(durations, worth, Random(1), first_profile(nature_of(timing)))  # noqa: S311 - probes, no secrets
    return np.mean(played.polls[LEARNED:]), np.mean(played.delays[LEARNED:])


def row(provider, kind, jobs, draw):
    timing = read_description(FOLDER / f"{provider}.toml").kinds[kind].documented_timing()
    dice = Random(7)  # noqa: S311 - a simulation's durations
    durations = [draw(dice) for _ in range(JOBS)]
    polls, delay = np.mean([of_documented(timing, duration) for duration in durations[LEARNED:]], axis=0)
    worths = delay * np.geomspace(0.01, 20, 12)
    learned = np.log([of_learned(durations, worth, timing) for worth in worths.tolist()])
    polls_then = math.exp(np.interp(math.log(delay), learned[:, 1], learned[:, 0]))
    delay_then = math.exp(np.interp(-math.log(polls), -learned[:, 0], learned[:, 1]))
    return (
        f"| {provider}/{kind} | {jobs} | {polls:.1f} | {delay:.1f} s "
        f"| {polls_then:.1f} ({polls / polls_then:.1f}x) | {delay_then:.1f} s ({delay / delay_then:.1f}x) |"
    )


def main():
    console = Console(soft_wrap=True, highlight=False)
    console.print("| kind | jobs | documented: polls | delay | learned: polls at that delay | delay at as many polls |")
    console.print("| --- | --- | ---: | ---: | ---: | ---: |")
    for case in CASES:
        console.print(row(*case))


if __name__ == "__main__":
    main()
