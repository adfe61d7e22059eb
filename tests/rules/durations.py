"""What the tests of the learned intervals share: strategies, profiles of some jobs, a small closed loop."""

import math
from dataclasses import dataclass

from hypothesis import strategies as st

from tracker.rules.plan import View, next_delay, plan_for
from tracker.rules.profile import NATURES, Ending, first_profile, learn
from tracker.rules.programme import Terms

ages = st.floats(0, 1e6)
natures = st.sampled_from(sorted(NATURES)).map(NATURES.get)


@st.composite
def endings(draw):
    """Any ending, sensible or not quite."""
    after = draw(ages)
    by = draw(st.just(math.inf) | st.floats(after, 2e6))
    queue_after = draw(st.floats(0, after))
    return Ending(
        after,
        by,
        has_failed=draw(st.booleans()),
        queue_after=queue_after,
        queue_by=draw(st.none() | st.floats(queue_after, 2e6)),
        started=draw(st.none() | st.floats(0, after)),
        ended=draw(st.none() | st.floats(after, 2e6)) if by < math.inf else None,
        readings=tuple(draw(st.lists(st.tuples(st.floats(0, after), st.floats(0, 1)), max_size=3))),
    )


profiles = st.builds(
    lambda nature, jobs: profile_after(jobs, first_profile(nature)), natures, st.lists(endings(), max_size=8)
)
terms = st.builds(
    lambda worth, floor, stretch: Terms(worth, floor, floor * stretch),
    st.floats(0.1, 1000),
    st.floats(0.05, 60),
    st.floats(1, 1e5),
)


@st.composite
def views(draw):
    """Any unfinished job."""
    age = draw(ages)
    by = draw(st.floats(0, age))
    phase = draw(st.sampled_from([None, "queued", "running"]))
    return View(
        age,
        polls=draw(st.integers(0, 100)),
        phase=phase,
        phase_after=draw(st.floats(0, by)),
        phase_by=by,
        started=draw(st.none() | st.floats(0, age)) if phase == "running" else None,
        readings=tuple(draw(st.lists(st.tuples(st.floats(0, age), st.floats(0, 1)), max_size=3))),
        floor=draw(st.sampled_from([0.0, 0.0, 5.0, 600.0])),
    )


def profile_after(jobs, profile=None):
    """A profile that learned from `jobs`."""
    profile = profile or first_profile(NATURES["video"])
    for job in jobs:
        profile = learn(profile, job)
    return profile


def seen(duration, width=0.05):
    """The ending of a job that polls saw end within a share `width` of its duration."""
    return Ending(duration * (1 - width / 2), duration * (1 + width / 2))


@dataclass(frozen=True)
class Played:
    """What the jobs of a simulation cost."""

    polls: list
    delays: list

    def cost(self, worth, since=0):
        polls, delays = self.polls[since:], self.delays[since:]
        return (sum(polls) + sum(delays) / worth) / len(polls)


def play(durations, worth, dice, profile):
    """Polls one job after the other as the learned intervals say, and learns from each."""
    polls, delays = [], []
    for duration in durations:
        plan = plan_for(profile, Terms(worth))
        job, after = View(), 0.0
        while True:
            age = job.age + next_delay(plan, job, dice.random())
            if age >= duration:
                break
            job, after = View(age, job.polls + 1), age
        polls.append(job.polls + 1)
        delays.append(age - duration)
        profile = learn(profile, Ending(after, age))
    return Played(polls, delays)
