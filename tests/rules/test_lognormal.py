import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.lognormal import Normals, blended, density, mass_within, moments_within, survival, tabulated

ONE = Normals(np.array([1.0]), np.array([math.log(60)]), np.array([0.5]))
TWO = Normals(np.array([0.3, 0.7]), np.log([1.0, 60.0]), np.array([0.2, 0.05]))

logs = st.floats(-5, 15)
widths = st.floats(0.005, 3)


def test_half_of_the_jobs_outlive_the_median():
    assert survival(ONE, np.array([60.0]))[0] == pytest.approx(0.5, abs=1e-3)


def test_one_in_six_outlives_the_median_by_a_standard_deviation():
    assert survival(ONE, np.array([60.0 * math.exp(0.5)]))[0] == pytest.approx(0.1587, abs=1e-3)


def test_the_density_peaks_at_the_modes():
    assert density(TWO, np.log([60.0]))[0] > 5 * density(TWO, np.log([30.0]))[0]


def test_a_blend_keeps_the_sum_of_the_shares():
    assert blended(ONE, TWO, 0.25).shares.sum() == pytest.approx(1)


@given(logs, widths, logs, st.floats(1e-4, 5))
def test_mass_is_a_probability(centre, width, low, length):
    mass = mass_within(np.array([centre]), np.array([width]), low, low + length)[0]
    assert 0 < mass <= 1 + 1e-9


@given(logs, widths, logs, st.floats(1e-4, 5))
def test_moments_stay_within_the_interval(centre, width, low, length):
    mean, variance = moments_within(np.array([centre]), np.array([width]), low, low + length)
    assert low <= mean[0] <= low + length
    assert 0 <= variance[0] <= width**2


@given(st.floats(0.05, 60), st.floats(1, 1e5), st.sampled_from([ONE, TWO]))
def test_a_table_rises_from_zero_while_survival_falls_from_one(floor, longest, mixture):
    times, left = tabulated(mixture, floor, floor * longest)
    assert times[0] == 0
    assert left[0] == 1
    assert (np.diff(times) > 0).all()
    assert (np.diff(left) <= 1e-9).all()
    assert len(times) < 1000


def test_a_table_is_dense_where_jobs_end():
    times, _ = tabulated(TWO, 0.5, 86_400)
    assert ((times > 50) & (times < 70)).sum() > 50
