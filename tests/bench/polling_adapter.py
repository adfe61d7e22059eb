"""The learned intervals as a policy of the measuring stick; see polling.md."""

from random import Random

from tracker.rules.plan import View, next_delay, plan_for
from tracker.rules.profile import NATURES, Ending, first_profile, learn
from tracker.rules.profile_bytes import profile_to_bytes
from tracker.rules.programme import Terms


class Policy:
    """A profile per key, and a plan per profile and terms that is made when it is first asked for."""

    name = "tracker"

    def __init__(self):
        self.profiles = {}
        self.plans = {}
        self.dice = Random(1)  # noqa: S311 - probes, no secrets

    def next_delay(self, state):
        job = View(
            age=state.elapsed,
            polls=state.polls,
            phase=state.phase,
            phase_after=state.phase_lo,
            phase_by=state.phase_hi,
            started=state.started_at,
            readings=tuple(state.progress_hist),
        )
        return next_delay(self._plan(state), job, self.dice.random())

    def observe(self, done):
        ending = Ending(
            after=done.lo,
            by=done.hi,
            has_failed=done.failed,
            queue_after=done.queue_lo,
            queue_by=done.queue_hi if done.phase_seen else None,
            started=done.started_at,
            ended=done.exact,
            readings=tuple(done.progress_hist),
        )
        self.profiles[done.key] = learn(self._profile(done), ending)
        self.plans = {known: plan for known, plan in self.plans.items() if known[0] != done.key}

    def size_bytes(self):
        return max(len(profile_to_bytes(profile)) for profile in self.profiles.values())

    def _profile(self, job):
        if job.key not in self.profiles:
            self.profiles[job.key] = first_profile(NATURES.get(job.kind, NATURES["other"]))
        return self.profiles[job.key]

    def _plan(self, state):
        terms = Terms(state.lam, max(state.floor, 0.5))
        known = (state.key, terms)
        if known not in self.plans:
            self.plans[known] = plan_for(self._profile(state), terms)
        return self.plans[known]
