from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from store.records import Lane
from tracker.rules.slots import (
    IN_FLIGHT_PER_SUBSCRIBER,
    MOST_TRUST,
    InFlight,
    Slots,
    cap_of,
    next_due_at,
    share_slots,
    slots_of,
    trust_after,
)

from .strategies import NOW, at

CAP = IN_FLIGHT_PER_SUBSCRIBER
TRUSTED = dict.fromkeys("abcdef", MOST_TRUST) | dict.fromkeys(("late", "early", "full", "wide"), MOST_TRUST)


def flight(flying=None, **changes):
    return InFlight(flying or {}, **{"trust": TRUSTED} | changes)


def shared(lanes, free, flying=None, **changes):
    slots = Slots(free + sum((flying or {}).values()), per_host=1000, for_retries=1000)
    shares = share_slots(lanes, flight(flying, **changes), slots, NOW)
    return {(share.subscriber, share.is_retry): share.count for share in shares}


def first(subscriber, seconds=-1, **changes):
    return Lane(subscriber, at(seconds), None, **changes)


def retry(subscriber, seconds=-1, **changes):
    return Lane(subscriber, None, at(seconds), **changes)


def test_slots_go_round_among_subscribers():
    assert shared([first("a"), first("b")], free=5) == {("a", False): 3, ("b", False): 2}


def test_nobody_gets_more_than_the_cap():
    assert shared([first("a")], free=100) == {("a", False): CAP}
    assert shared([first("a")], free=100, flying={"a": 3}) == {("a", False): 1}
    assert shared([first("a")], free=100, flying={"a": CAP}) == {}


def test_a_subscription_sets_its_own_cap():
    assert shared([first("a", max_in_flight=9)], free=100) == {("a", False): 9}
    assert shared([first("a", max_in_flight=1)], free=100) == {("a", False): 1}


def test_a_subscriber_that_has_not_accepted_anything_yet_gets_one():
    assert shared([first("new")], free=100) == {("new", False): 1}
    assert shared([first("new")], free=100, trust={"new": 2}) == {("new", False): 2}


def test_trust_grows_as_attempts_arrive_and_halves_as_they_fail():
    assert [trust_after(1, arrived=True), trust_after(4, arrived=True)] == [2, 8]
    assert trust_after(MOST_TRUST, arrived=True) == MOST_TRUST
    assert [trust_after(8, arrived=False), trust_after(1, arrived=False)] == [4, 1]


def test_the_longest_due_goes_first():
    assert shared([first("late", -1), first("early", -9)], free=1) == {("early", False): 1}


def test_first_tries_go_before_retries():
    assert shared([retry("a", -99), first("b")], free=1) == {("b", False): 1}
    assert shared([Lane("a", at(-1), at(-99))], free=9) == {("a", False): CAP}


def test_retries_leave_slots_for_first_tries():
    lanes = [retry(name) for name in "abcdef"]
    slots = slots_of(8)
    shares = share_slots(lanes, flight(), slots, NOW)
    assert sum(share.count for share in shares) == slots.for_retries == 6
    assert share_slots(lanes, flight({"a": 4, "b": 2}, retries=6), slots, NOW) == ()
    (share,) = share_slots([*lanes, first("late")], flight({"a": 4, "b": 2}, retries=6), slots, NOW)
    assert (share.subscriber, share.count) == ("late", 2)


def test_a_host_gets_no_more_than_its_share_however_many_subscribers_are_on_it():
    lanes = [first(name, callback_url=f"https://one.example/{name}") for name in "abc"]
    lanes.append(first("d", callback_url="https://two.example/d"))
    shares = share_slots(lanes, flight(), Slots(100, per_host=5, for_retries=100), NOW)
    counts = {share.subscriber: share.count for share in shares}
    assert counts == {"a": 2, "b": 2, "c": 1, "d": CAP}
    full = InFlight({"x": 5}, {"one.example": 5}, trust=TRUSTED)
    shares = share_slots(lanes, full, Slots(100, per_host=5, for_retries=100), NOW)
    assert [share.subscriber for share in shares] == ["d"]


def test_what_is_not_due_gets_nothing():
    assert shared([first("a", 1), retry("b", 1), Lane("c", None, None)], free=9) == {}
    assert shared([first("a", 0)], free=9) == {("a", False): CAP}


def test_who_is_held_back_gets_nothing_and_then_one_try():
    held = first("a", held_until=at(1))
    assert shared([held], free=9) == {}
    assert shared([first("a", held_until=NOW)], free=9) == {("a", False): 1}
    assert shared([first("a", held_until=NOW)], free=9, flying={"a": 1}) == {}


def test_a_subscriber_on_trial_is_tried_with_what_is_due_longest():
    assert shared([Lane("a", at(-1), at(-9), held_until=NOW)], free=9) == {("a", True): 1}
    assert shared([Lane("a", at(-9), at(-1), held_until=NOW)], free=9) == {("a", False): 1}
    assert shared([Lane("a", None, at(-1), held_until=NOW)], free=9) == {("a", True): 1}


def test_trials_take_no_slot_that_is_kept_for_first_tries():
    trial = first("a", -99, held_until=NOW)
    assert share_slots([trial], flight({"b": 3}, retries=3), Slots(9, 9, for_retries=3), NOW) == ()


def test_the_next_look_is_when_a_lane_with_room_is_due():
    slots = slots_of(100)
    lanes = [first("full", 1), Lane("a", at(5), at(3)), Lane("b", None, None)]
    assert next_due_at(lanes, flight({"full": CAP}), slots) == at(3)
    assert next_due_at(lanes, flight(), slots) == at(1)
    assert next_due_at([], flight(), slots) is None
    assert next_due_at([first("a", -5, held_until=at(7))], flight(), slots) == at(7)
    assert next_due_at([first("a", 9, held_until=at(7))], flight(), slots) == at(9)


times = st.none() | st.integers(-60, 60).map(at)
urls = st.sampled_from(["https://one.example/a", "https://two.example/b"])
lanes = st.lists(
    st.builds(
        Lane,
        st.sampled_from("abcdef"),
        times,
        times,
        callback_url=urls,
        max_in_flight=st.none() | st.integers(1, 6),
        held_until=times,
    ),
    max_size=6,
    unique_by=lambda lane: lane.subscriber,
)
flights = st.builds(
    lambda flying, share, trust: InFlight(flying, {}, int(sum(flying.values()) * share), trust),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 6)),
    st.floats(0, 1),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 8)),
)
rooms = st.builds(Slots, st.integers(1, 30), st.integers(1, 12), st.integers(1, 30))


def counts_of(shares):
    counts = Counter()
    for share in shares:
        counts[share.subscriber] += share.count
    return counts


def cap(lane, flying):
    return cap_of(lane, flying.trust.get(lane.subscriber))


@given(lanes, flights, rooms)
def test_no_slot_is_given_twice_and_no_cap_is_passed(lanes, flying, slots):
    shares = share_slots(lanes, flying, slots, NOW)
    counts = counts_of(shares)
    by_name = {lane.subscriber: lane for lane in lanes}
    assert counts.total() <= max(slots.total - flying.total, 0)
    for name, count in counts.items():
        assert count > 0
        assert flying.by_subscriber.get(name, 0) + count <= cap(by_name[name], flying)
    hosts = Counter()
    for name, count in counts.items():
        hosts[by_name[name].callback_url] += count
    assert max(hosts.values(), default=0) <= slots.per_host
    retried = sum(share.count for share in shares if share.is_retry or by_name[share.subscriber].held_until)
    assert retried <= max(slots.for_retries - flying.retries, 0)


@given(lanes, flights, st.integers(1, 30))
def test_a_slot_stays_free_only_when_everyone_who_is_due_is_at_the_cap(lanes, flying, total):
    slots = Slots(total, per_host=1000, for_retries=1000)
    counts = counts_of(share_slots(lanes, flying, slots, NOW))
    ready = [lane for lane in lanes if lane.held_until is None or lane.held_until <= NOW]
    due = [lane for lane in ready if any(at and at <= NOW for at in (lane.first_try_at, lane.retry_at))]
    if counts.total() < total - flying.total:
        for lane in due:
            assert flying.by_subscriber.get(lane.subscriber, 0) + counts[lane.subscriber] >= cap(lane, flying)


@given(lanes, st.integers(1, 30))
def test_of_two_with_first_tries_due_none_gets_more_than_one_slot_above_the_other(lanes, total):
    slots = Slots(total, per_host=1000, for_retries=1000)
    open_lanes = [lane for lane in lanes if lane.held_until is None and lane.max_in_flight is None]
    shares = {
        (share.subscriber, share.is_retry): share.count for share in share_slots(open_lanes, flight(), slots, NOW)
    }
    due = [lane.subscriber for lane in open_lanes if lane.first_try_at and lane.first_try_at <= NOW]
    counts = [shares.get((subscriber, False), 0) for subscriber in due]
    assert max(counts, default=0) - min(counts, default=0) <= 1
