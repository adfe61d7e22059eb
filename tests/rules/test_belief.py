import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.rules.belief import EXPERTS, LEAST_BROAD, REMEMBERED, first_belief, learned, normals, widened
from tracker.rules.lognormal import survival

intervals = st.tuples(st.floats(0, 1e6), st.floats(0, 1e6) | st.just(math.inf)).map(sorted)


def belief_after(jobs, typical=60.0):
    belief = first_belief(typical, 1.0)
    for after, by in jobs:
        belief = learned(belief, after, by)
    return belief


def left_at(belief, seconds):
    return float(survival(normals(belief), np.array([seconds]))[0])


@settings(max_examples=50)
@given(st.lists(intervals, max_size=12))
def test_shares_stay_distributions_whatever_is_seen(jobs):
    belief = belief_after(jobs)
    assert belief.weights[:EXPERTS].sum() == pytest.approx(1)
    assert belief.weights[EXPERTS:].sum() == pytest.approx(1)
    assert belief.groups.sum() == pytest.approx(1)
    assert normals(belief).shares.sum() == pytest.approx(1)
    assert min(belief.weights.min(), belief.groups.min()) > 0


@settings(max_examples=50)
@given(st.lists(intervals, max_size=12))
def test_nothing_that_is_seen_makes_a_number_that_is_none(jobs):
    belief = belief_after(jobs)
    for numbers in (belief.centres, belief.doubts, belief.weights, belief.marks, normals(belief).widths):
        assert np.isfinite(numbers).all()
    assert (belief.doubts > 0).all()


@settings(max_examples=50)
@given(st.lists(intervals, min_size=1, max_size=12))
def test_marks_lie_within_their_intervals(jobs):
    belief = belief_after(jobs)
    assert (belief.marks >= belief.lows - 1e-9).all()
    assert (belief.marks <= belief.highs + 1e-9).all()


def test_the_broad_component_never_vanishes():
    belief = belief_after([(59.9, 60.1)] * 300)
    assert belief.groups[2] > 0.9 * LEAST_BROAD
    assert left_at(belief, 600) > 1e-5


def test_exact_durations_make_it_sure():
    belief = belief_after([(seconds, seconds) for seconds in (58, 61, 60, 59, 62) * 6])
    assert left_at(belief, 50) > 0.95
    assert left_at(belief, 70) < 0.05


def test_a_censored_job_only_says_longer():
    belief = first_belief(60, 1)
    assert left_at(learned(belief, 200, math.inf), 100) > left_at(belief, 100) + 0.1


def test_two_sorts_of_jobs_are_both_remembered():
    belief = belief_after([(9.5, 10.5), (95, 105)] * 20)
    assert left_at(belief, 9) - left_at(belief, 11) > 0.3
    assert left_at(belief, 90) - left_at(belief, 110) > 0.3
    assert left_at(belief, 20) - left_at(belief, 80) < 0.15


def test_it_follows_a_provider_that_gets_slower():
    belief = belief_after([(38, 42)] * 60 + [(135, 145)] * 10)
    assert left_at(belief, 100) > 0.5


def test_only_the_last_jobs_are_kept():
    belief = belief_after([(9, 11)] * (REMEMBERED + 20))
    assert len(belief.marks) == len(belief.lows) == len(belief.highs) == REMEMBERED


def test_a_relative_is_less_sure_and_keeps_few_jobs():
    belief = belief_after([(9, 11)] * 40)
    other = widened(belief, 0.4, 6)
    assert len(other.marks) == other.seen == 6
    assert 0.3 < left_at(other, 10) < 0.7
    assert left_at(other, 14) > left_at(belief, 14)
