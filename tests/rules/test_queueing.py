import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.rules.lognormal import Normals
from tracker.rules.programme import Terms, next_gap, programme_for
from tracker.rules.queueing import next_queued_gap, next_running_gap, queue_programme_for

from .durations import terms


def lognormal(median, spread):
    return Normals(np.array([1.0]), np.array([math.log(median)]), np.array([spread]))


def queueing(queue=(60, 1.0), run=(60, 0.05), asked=None, knows_starts=True):
    asked = asked or Terms(5)
    return queue_programme_for(lognormal(*queue), programme_for(lognormal(*run), asked), knows_starts=knows_starts)


@settings(max_examples=25)
@given(terms, st.booleans(), st.floats(0, 1e4), st.floats(0, 1))
def test_gaps_keep_to_their_terms(asked, knows_starts, age, part):
    programme = queueing(asked=asked, knows_starts=knows_starts)
    gaps = [next_queued_gap(programme, age), next_running_gap(programme, age, part * age, age)]
    for gap in gaps:
        assert asked.floor * 0.999 <= gap <= asked.longest * 1.001


def test_a_run_whose_start_is_known_is_polled_at_its_end():
    programme = queueing()
    assert next_gap(programme.run, 10) == pytest.approx(52, abs=6)


def test_a_run_that_began_within_a_moment_is_like_one_whose_start_is_known():
    programme = queueing()
    gap = next_running_gap(programme, 110, 99.9, 100.1)
    assert gap == pytest.approx(next_gap(programme.run, 10), abs=1.5)


def test_the_less_is_known_of_the_start_the_earlier_is_the_next_poll():
    programme = queueing()
    assert next_running_gap(programme, 100, 50, 100) < next_running_gap(programme, 100, 98, 100)


def test_a_long_queue_is_not_polled_in_a_hurry():
    # While it queues, only the start is at stake, and the run takes a minute from there.
    assert next_queued_gap(queueing(queue=(600, 0.3)), 0) > 200


def test_starts_that_are_not_reported_are_polled_for_more_closely():
    polled = next_queued_gap(queueing(knows_starts=False), 0)
    assert polled <= next_queued_gap(queueing(knows_starts=True), 0) + 1
