"""How requests are shared among accounts, and which jobs go first where there is not room for all."""

from hypothesis import given
from hypothesis import strategies as st

from store.records import PollLane, Waiting
from tracker.rules.fairness import CLAIMED_AT_ONCE, LISTED_AT_ONCE, DueLane, share_requests
from tracker.rules.schedule import most_overdue

from .strategies import NOW, at


def lane(account="a", kind="job", due=0, *, rides=None, is_alone=False, provider="scenario"):
    name = " ".join([provider, account, kind, *(["alone"] if is_alone else [])])
    return DueLane(PollLane(name, provider, account, kind, is_alone, at(-due)), rides)


def counts(shares):
    return {names: share.count for share in shares for names in [share.lanes]}


def rooms(**by_account):
    return {("scenario", account): room for account, room in by_account.items()}


def test_jobs_that_are_asked_for_one_by_one_take_all_the_room_of_their_account():
    assert counts(share_requests([lane()], rooms(a=7), 100, NOW)) == {("scenario a job",): 7}


def test_slots_go_round_among_accounts():
    shares = share_requests([lane("a", due=9), lane("b", due=1), lane("c")], rooms(a=100, b=100, c=1), 7, NOW)
    assert counts(shares) == {("scenario a job",): 3, ("scenario b job",): 3, ("scenario c job",): 1}


def test_account_without_room_gets_nothing_and_leaves_the_slots_to_others():
    assert counts(share_requests([lane("a", due=9), lane("b")], rooms(a=0, b=9), 4, NOW)) == {("scenario b job",): 4}


def test_list_takes_one_request_for_many_jobs_and_lets_others_ride_along():
    (share,) = share_requests([lane(rides=1.5)], rooms(a=7), 100, NOW)
    assert (share.lanes, share.count, share.until) == (("scenario a job",), LISTED_AT_ONCE, at(1.5))


def test_what_lists_leave_is_for_jobs_that_are_asked_for_alone():
    due = [lane(kind="x", rides=1), lane(kind="y", rides=1), lane(kind="x", is_alone=True), lane(kind="z")]
    shares = counts(share_requests(due, rooms(a=6), 100, NOW))
    assert shares.pop(("scenario a x alone", "scenario a z")) == 4
    assert shares.keys() == {("scenario a x",), ("scenario a y",)}
    assert min(shares.values()) > LISTED_AT_ONCE / 2


def test_where_there_is_one_request_the_lane_that_is_due_longest_has_it():
    due = [lane(kind="x", rides=1, due=1), lane(kind="y", due=5)]
    assert counts(share_requests(due, rooms(a=1), 100, NOW)) == {("scenario a y",): 1}


lanes = st.builds(
    lane,
    st.sampled_from("abc"),
    st.sampled_from(["x", "y", "z"]),
    st.integers(0, 100),
    rides=st.none() | st.floats(0.1, 9),
    is_alone=st.booleans(),
)


@given(st.lists(lanes, unique_by=lambda each: each.lane.name), st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_requests_never_exceed_the_slots_nor_any_accounts_room(due, room_a, room_b, free):
    shares = share_requests(due, rooms(a=room_a, b=room_b, c=3), free, NOW)
    rides = {each.lane.name: each.rides for each in due}
    spent = {"a": 0, "b": 0, "c": 0}
    for share in shares:
        spent[share.lanes[0].split()[1]] += share.count if rides[share.lanes[0]] is None else 1
    assert sum(spent.values()) <= free
    assert all(spent[account] <= room for account, room in (("a", room_a), ("b", room_b), ("c", 3)))
    if due and free and room_a and room_b:
        assert shares, "where there is work and room for it, something is claimed"


def waiting(number, interval, overdue):
    """A job with this interval in seconds that is overdue by so many."""
    return Waiting(f"job_{number}", "scenario", "job", at(-overdue), at(-overdue - interval), at(-1000))


def test_jobs_go_first_that_have_waited_for_the_most_of_their_gaps():
    due = [waiting(1, 300, 3), waiting(2, 3, 3), waiting(3, 10, 1)]
    assert most_overdue(due, 3, NOW) == ["job_2", "job_3", "job_1"]


def test_none_starves_for_what_a_job_has_waited_grows_without_end():
    for patience in range(1, 10_000, 100):
        first, *_ = most_overdue([waiting(1, 300, patience), waiting(2, 3, 3)], 2, NOW)
        if first == "job_1":
            return
    raise AssertionError


def test_job_that_was_never_polled_has_waited_since_its_registration():
    fresh = Waiting("job_1", "scenario", "job", at(0), None, at(-1))
    assert most_overdue([fresh, waiting(2, 10, 2)], 1, NOW) == ["job_2"]


@given(
    st.lists(st.builds(waiting, st.integers(0, 10**6), st.floats(0, 900), st.floats(0, 900)), max_size=9),
    st.integers(0, 9),
)
def test_no_more_are_chosen_than_there_is_room_for_and_none_twice(due, count):
    chosen = most_overdue(due, count, NOW)
    assert len(chosen) == min(count, len(due))
    assert set(chosen) <= {job.id for job in due}


def test_no_more_jobs_are_claimed_at_a_time_than_a_statement_can_name_and_small_shares_go_first():
    due = [lane(account, rides=1) for account in "abcdefgh"] + [lane("i")]
    shares = share_requests(due, rooms(**dict.fromkeys("abcdefghi", 50)), 256, NOW)
    assert sum(share.count for share in shares) <= CLAIMED_AT_ONCE
    assert shares[0].lanes == ("scenario i job",)
