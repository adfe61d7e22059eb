"""Whatever is done to jobs in whatever order: the store holds what a few dictionaries say it must."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlmodel import SQLModel

from store.job_filter import JobFilter
from store.jobs import Jobs, Recorded
from store.records import Job, Status, Transition
from store.rows import to_event, to_transition
from store.tables import EVENTS, TRANSITIONS
from tracker.rules import track
from tracker.rules.fanout import deliveries_of
from tracker.rules.reading import Absent, Problem, Reading

from .builders import LEASE, NOW, TIMING, at, claim_due, longest_due, new_job, next_due_at

ANSWERS = st.one_of(
    st.builds(
        Reading,
        st.sampled_from(Status),
        st.just("word"),
        progress=st.none() | st.floats(0, 1),
        retry_after=st.none() | st.integers(1, 40),
    ),
    st.just(Problem("timeout", "no answer")),
    st.just(Absent("gone", 410)),
)
BETWEEN_TRANSITIONS = ("job.progress", "job.step")


def clear(connection):
    for table in reversed(SQLModel.metadata.sorted_tables):
        connection.execute(table.delete())


def everything_told(connection):
    transitions = connection.execute(select(TRANSITIONS).order_by(TRANSITIONS.c.job_id, TRANSITIONS.c.sequence))
    events = connection.execute(select(EVENTS).order_by(EVENTS.c.position))
    return [to_transition(row) for row in transitions.mappings()], [to_event(row) for row in events.mappings()]


class JobsModel(RuleBasedStateMachine):
    """`known` is each job as it must be stored; `held` has the claims that hold, `lost` those that do no longer."""

    def __init__(self, database, runner):
        super().__init__()
        self.database, self.run = database, runner.run
        self.jobs = Jobs(database, deliveries_of, longest_due)
        self.run(database.write(clear))
        self.now = NOW
        self.registered = 0
        self.known: dict[str, Job] = {}
        self.held: dict[str, tuple[Job, object]] = {}
        self.lost: list[Job] = []
        self.history: dict[str, list[Transition]] = {}
        self.told: list[str] = []

    @rule(remote=st.integers(0, 3), rerun=st.booleans(), wait=st.integers(0, 20))
    def register(self, remote, rerun, wait):
        runs = [job for job in self.known.values() if job.remote_id == str(remote)]
        latest = max(runs, key=lambda job: job.run, default=None)
        self.registered += 1
        due = self.now + (at(wait) - NOW)
        asked = new_job(self.registered, remote_id=str(remote), created_at=self.now, next_poll_at=due)
        answer = self.run(self.jobs.register(asked, rerun=rerun))
        if latest and not (rerun and latest.status.is_final):
            assert answer == (latest, False)
            return
        new = replace(asked, run=latest.run + 1 if latest else 1)
        assert answer == (new, True)
        self.known[new.id], self.history[new.id] = new, []

    @rule(seconds=st.integers(1, 90))
    def pass_time(self, seconds):
        self.now += at(seconds) - NOW

    @rule(limit=st.integers(0, 4))
    def claim(self, limit):
        due = [job for job in self.waiting() if job.next_poll_at <= self.now]
        claim = self.run(claim_due(self.jobs, self.now, limit))
        assert [job.next_poll_at for job in claim.jobs] == sorted(job.next_poll_at for job in due)[:limit]
        for job in claim.jobs:
            assert job.id not in self.held
            self.known[job.id] = replace(self.known[job.id], lease_epoch=self.known[job.id].lease_epoch + 1)
            assert job == self.known[job.id]
            self.held[job.id] = (job, self.now + LEASE)
        assert min((lane.due_at for lane in claim.lanes), default=None) == self.next_due_at()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def record(self, data):
        """Polls some of the jobs whose lease is held, all in one batch."""
        chosen = data.draw(st.lists(st.sampled_from(sorted(self.held)), min_size=1, max_size=3, unique=True))
        outcomes = [self.polled(self.held.pop(each)[0], data.draw(ANSWERS)) for each in chosen]
        recorded = self.run(self.jobs.record(outcomes))
        for outcome in outcomes:
            self.known[outcome.job.id] = outcome.job
            self.history[outcome.job.id] += outcome.transitions
            self.told += [event.id for event in outcome.events]
        changed = tuple(outcome.job.id for outcome in outcomes if outcome.events)
        planned = [outcome.job.next_poll_at for outcome in outcomes if outcome.job.next_poll_at]
        assert recorded == Recorded(changed, 0, min(planned, default=None), tuple(outcomes))

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def record_too_late(self, data):
        outcome = self.polled(data.draw(st.sampled_from(self.lost)), data.draw(ANSWERS))
        assert self.run(self.jobs.record([outcome])) == Recorded((), 0, None)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data):
        job = data.draw(st.sampled_from(sorted(self.held)))
        self.run(self.jobs.release([self.lose(job)]))

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def release_too_late(self, data):
        self.run(self.jobs.release([data.draw(st.sampled_from(self.lost))]))

    @rule(after_crash=st.booleans())
    def lose_leases(self, after_crash):
        expired = [job for job, (_, until) in self.held.items() if after_crash or until <= self.now]
        assert self.run(self.jobs.recover_leases(None if after_crash else self.now)) == len(expired)
        for job in expired:
            self.lose(job)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def forget(self, data):
        job = data.draw(st.sampled_from(sorted(self.known)))
        assert self.run(self.jobs.forget(job))
        del self.known[job], self.history[job]
        if job in self.held:
            self.lose(job)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def poll_now(self, data):
        job = self.known[data.draw(st.sampled_from(sorted(self.known)))]
        if not job.status.is_final:
            allowed = max(self.now, job.not_before or self.now)
            self.known[job.id] = replace(job, next_poll_at=min(allowed, job.next_poll_at))
        assert self.run(self.jobs.poll_now(job.id, self.now)) == self.known[job.id]

    @invariant()
    def jobs_are_as_they_must_be(self):
        stored = self.run(self.jobs.find(JobFilter(), 10**6)).rows
        assert list(stored) == [self.known[each] for each in sorted(self.known, reverse=True)]
        assert self.run(next_due_at(self.jobs)) == self.next_due_at()

    @invariant()
    def every_transition_is_told_once_and_in_order(self):
        transitions, events = self.run(self.database.read(everything_told))
        assert transitions == [each for job in sorted(self.history) for each in self.history[job]]
        assert [event.id for event in events] == self.told
        for job in self.known.values():
            history = self.history[job.id]
            assert [each.sequence for each in history] == list(range(1, job.sequence + 1))
            assert [each.status.is_final for each in history].count(True) == job.status.is_final
            told = [event for event in events if event.job_id == job.id and event.type not in BETWEEN_TRANSITIONS]
            assert [(event.sequence, event.type) for event in told] == [
                (each.sequence, f"job.{each.status.value}") for each in history
            ]

    def waiting(self):
        return [job for job in self.known.values() if job.next_poll_at and job.id not in self.held]

    def next_due_at(self):
        return min((job.next_poll_at for job in self.waiting()), default=None)

    def lose(self, job):
        claimed, _ = self.held.pop(job)
        self.lost.append(claimed)
        return claimed

    def polled(self, job, answer):
        return track.decide(job, answer, TIMING, self.now, jitter=0.5)


@pytest.fixture
def runner():
    with asyncio.Runner() as running:
        yield running


def test_store_holds_what_a_simple_model_holds(database, runner):
    run_state_machine_as_test(
        lambda: JobsModel(database, runner),
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
