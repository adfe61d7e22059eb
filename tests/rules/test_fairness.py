from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from store.records import Lane
from tracker.rules.fairness import next_due_at, share_slots

from .strategies import NOW, at

CAP = 4


def shared(lanes, free, in_flight=None, cap=CAP):
    shares = share_slots(lanes, in_flight or {}, cap, free, NOW)
    return {(share.subscriber, share.is_retry): share.count for share in shares}


def first(subscriber, seconds=-1):
    return Lane(subscriber, at(seconds), None)


def retry(subscriber, seconds=-1):
    return Lane(subscriber, None, at(seconds))


def test_slots_go_round_among_subscribers():
    assert shared([first("a"), first("b")], free=5) == {("a", False): 3, ("b", False): 2}


def test_nobody_gets_more_than_the_cap():
    assert shared([first("a")], free=100) == {("a", False): CAP}
    assert shared([first("a")], free=100, in_flight={"a": 3}) == {("a", False): 1}
    assert shared([first("a")], free=100, in_flight={"a": CAP}) == {}


def test_the_longest_due_goes_first():
    assert shared([first("late", -1), first("early", -9)], free=1) == {("early", False): 1}


def test_first_tries_go_before_retries():
    assert shared([retry("a", -99), first("b")], free=1) == {("b", False): 1}
    assert shared([Lane("a", at(-1), at(-99))], free=9) == {("a", False): CAP}


def test_what_is_not_due_gets_nothing():
    assert shared([first("a", 1), retry("b", 1), Lane("c", None, None)], free=9) == {}
    assert shared([first("a", 0)], free=9) == {("a", False): CAP}


def test_the_next_look_is_when_a_lane_with_room_is_due():
    lanes = [first("full", 1), Lane("a", at(5), at(3)), Lane("b", None, None)]
    assert next_due_at(lanes, {"full": CAP}, CAP) == at(3)
    assert next_due_at(lanes, {}, CAP) == at(1)
    assert next_due_at([], {}, CAP) is None


times = st.none() | st.integers(-60, 60).map(at)
lanes = st.lists(
    st.builds(Lane, st.sampled_from("abcdef"), times, times), max_size=6, unique_by=lambda lane: lane.subscriber
)
flights = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 6))


def counts_of(shares):
    counts = Counter()
    for share in shares:
        counts[share.subscriber] += share.count
    return counts


@given(lanes, flights, st.integers(1, 6), st.integers(0, 30))
def test_no_slot_is_given_twice_and_no_cap_is_passed(lanes, flights, cap, free):
    counts = counts_of(share_slots(lanes, flights, cap, free, NOW))
    assert counts.total() <= free
    assert all(count > 0 and flights.get(subscriber, 0) + count <= cap for subscriber, count in counts.items())


@given(lanes, flights, st.integers(1, 6), st.integers(0, 30))
def test_a_slot_stays_free_only_when_everyone_who_is_due_is_at_the_cap(lanes, flights, cap, free):
    counts = counts_of(share_slots(lanes, flights, cap, free, NOW))
    due = [lane for lane in lanes if any(at and at <= NOW for at in (lane.first_try_at, lane.retry_at))]
    if counts.total() < free:
        assert all(flights.get(lane.subscriber, 0) + counts[lane.subscriber] >= cap for lane in due)


@given(lanes, st.integers(1, 6), st.integers(0, 30))
def test_of_two_with_first_tries_due_none_gets_more_than_one_slot_above_the_other(lanes, cap, free):
    shares = {(share.subscriber, share.is_retry): share.count for share in share_slots(lanes, {}, cap, free, NOW)}
    due = [lane.subscriber for lane in lanes if lane.first_try_at and lane.first_try_at <= NOW]
    counts = [shares.get((subscriber, False), 0) for subscriber in due]
    assert max(counts, default=0) - min(counts, default=0) <= 1
