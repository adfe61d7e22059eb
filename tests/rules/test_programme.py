import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tracker.rules.lognormal import Normals
from tracker.rules.programme import Terms, expected_cost, mean_left, next_gap, programme_for, solve

from .durations import terms

typical = st.floats(0.5, 5000)
spreads = st.floats(0.02, 1.5)


def lognormal(median, spread):
    return Normals(np.array([1.0]), np.array([math.log(median)]), np.array([spread]))


def cost_of(gap, programme):
    """The expected cost of a fixed interval under the programme's own belief, in polls."""
    at = np.arange(0, programme.times[-1] + gap, gap)
    left = np.interp(at, programme.times, programme.survival)
    waiting = left.sum() * gap - mean_left(programme.times, programme.survival)[0]
    return left.sum() + waiting / programme.terms.delay_per_poll


@settings(max_examples=60)
@given(typical, spreads, terms, st.floats(0, 1e5), st.sampled_from([0.0, 3.0, 900.0]))
def test_gaps_keep_to_their_terms(median, spread, asked, age, floor):
    gap = next_gap(programme_for(lognormal(median, spread), asked), age, floor)
    least = max(asked.floor, floor)
    assert least * 0.999 <= gap <= max(asked.longest, least) * 1.001


@settings(max_examples=40)
@given(typical, spreads, st.floats(0.5, 100), st.floats(0.5, 500))
def test_it_is_no_worse_than_any_fixed_interval(median, spread, worth, gap):
    # A fifth, since the few hundred times of the table are coarse, and coarser still where polls are dozens per job.
    programme = programme_for(lognormal(median, spread), Terms(worth))
    fixed = cost_of(max(gap, median / 500), programme)
    assume(fixed <= 20)
    assert expected_cost(programme) <= 1.2 * fixed + 0.02


def test_it_waits_for_a_job_that_cannot_have_ended():
    programme = programme_for(lognormal(1300, 0.02), Terms(30))
    first = next_gap(programme, 0)
    assert 1250 < first < 1400
    assert expected_cost(programme) < 2.5


def test_a_memoryless_job_is_polled_at_equal_intervals():
    times = np.linspace(0, 200, 2001)
    programme = solve(times, np.exp(-times / 10), Terms(1.0, floor=0.1))
    gaps = [next_gap(programme, age) for age in (0, 5, 20)]
    # The gap d solves (exp(d/10) - 1)·10 - d = 1.
    assert gaps == pytest.approx([4.2] * 3, abs=0.15)


def test_the_longest_gap_is_planned_for_and_not_cut_off():
    programme = programme_for(lognormal(100, 0.1), Terms(5, longest=40))
    ages = [0.0]
    while ages[-1] < 85:
        ages.append(ages[-1] + next_gap(programme, ages[-1]))
    assert np.diff(ages).max() <= 40
    assert len(ages) <= 5


def test_a_short_longest_gap_holds_between_the_times_of_the_table():
    programme = programme_for(lognormal(5000, 0.1), Terms(5, longest=1.0))
    assert next_gap(programme, 0) == pytest.approx(1, abs=0.5)


def test_behind_the_table_gaps_grow_with_the_square_root_of_the_age():
    programme = programme_for(lognormal(1, 0.1), Terms(2))
    assert next_gap(programme, 1e4) == pytest.approx(200)


@pytest.mark.parametrize("before", [0.1, 0.4, 1e-6])
def test_just_before_the_end_of_the_table_no_gap_is_forgotten(before):
    programme = programme_for(lognormal(50, 0.1), Terms(2))
    assert next_gap(programme, float(programme.times[-1]) - before) < 30
    assert next_gap(programme, float(programme.times[-1]) - before, floor=20) == pytest.approx(20)


def test_a_hint_floors_one_gap_alone():
    programme = programme_for(lognormal(8, 0.35), Terms(1))
    assert next_gap(programme, 8, floor=20) >= 20
    assert next_gap(programme, 28) < 20
