"""A loop that leaves work lying: seen by several looks, never by one that comes just before it begins."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.idleness import STUCK_AFTER, Idleness, idleness_after, is_stuck

from .strategies import at

LONG = STUCK_AFTER.total_seconds()


def after(*looks):
    """What looks (seconds, begun, is_idle) show, one after the other."""
    idleness = Idleness()
    for seconds, begun, is_idle in looks:
        idleness = idleness_after(idleness, at(seconds), begun=begun, is_idle=is_idle)
    return idleness, at(looks[-1][0])


def test_a_loop_that_is_idle_beside_work_for_long_is_stuck():
    assert not is_stuck(*after((0, 5, True)))
    assert not is_stuck(*after((0, 5, True), (LONG - 1, 5, True)))
    assert is_stuck(*after((0, 5, True), (LONG, 5, True)))
    assert is_stuck(*after((0, 5, True), (LONG - 1, 5, True), (LONG, 5, True)))


def test_a_loop_that_has_begun_something_since_is_not():
    assert not is_stuck(*after((0, 5, True), (LONG, 6, True)))
    assert is_stuck(*after((0, 5, True), (1, 6, True), (LONG + 1, 6, True)))


def test_a_loop_that_was_busy_or_without_work_in_between_is_not():
    assert not is_stuck(*after((0, 5, True), (LONG / 2, 5, False), (LONG, 5, True)))


def test_a_loop_that_begins_again_is_not_stuck_any_more():
    assert not is_stuck(*after((0, 5, True), (LONG, 5, True), (LONG + 1, 6, True)))


looks = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 1), st.booleans()), min_size=1, max_size=12)


@given(looks)
def test_it_is_stuck_exactly_if_every_look_of_the_last_minute_found_it_so(steps):
    seen, now, begun = [], 0, 0
    for pause, more, is_idle in steps:
        now, begun = now + pause, begun + more
        seen.append((now, begun, is_idle))
    run = [seen[-1]] if seen[-1][2] else []
    for before, after_it in reversed(list(pairwise(seen))):
        if not run or not before[2] or before[1] != after_it[1]:
            break
        run.insert(0, before)
    assert is_stuck(*after(*seen)) == bool(run and run[-1][0] - run[0][0] >= LONG)
