"""Ten times more jobs than an account's budget is for: a small, seeded run of the benchmark. Bounds are generous."""

import pytest

from tests.bench.overload import ROUND_ROBIN, UNDETECTED, UNDETECTED_AT_ALL_COST, simulate

JOBS = 1600


@pytest.fixture(scope="module")
def round_robin():
    return simulate(ROUND_ROBIN, 10.0, JOBS)


def test_ends_are_found_far_sooner_than_by_round_robin(round_robin):
    assert simulate(UNDETECTED, 10.0, JOBS).mean < 0.4 * round_robin.mean


def test_where_delays_of_all_kinds_count_alike_the_tail_is_shorter_too(round_robin):
    found = simulate(UNDETECTED_AT_ALL_COST, 10.0, JOBS)
    assert found.mean < 0.3 * round_robin.mean
    assert found.p99 < 0.6 * round_robin.p99


def test_simulation_is_the_same_each_time():
    assert simulate(UNDETECTED, 10.0, 60) == simulate(UNDETECTED, 10.0, 60)
