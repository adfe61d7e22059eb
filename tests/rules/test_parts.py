"""Replicas that come, go, stop and lose sight of each other never take more than there is, together."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from store.records import Replica
from tracker.rules.accounts import Budget
from tracker.rules.parts import NOTHING, WHOLE, Part, Share, View, makes_room_for, the_whole, view_of

from .strategies import NOW, at

names = st.sets(st.text("abcdefgh", min_size=1, max_size=3), min_size=1, max_size=6)
LEASE, VALID = 8, 5
WINDOW = timedelta(seconds=1)


@given(names, st.text(), st.integers(0, 50))
def test_parts_of_those_who_see_the_same_make_up_the_whole(members, key, whole):
    parts = [View(each, frozenset(members), is_admitted=True).part_of(key) for each in members]
    assert sorted(part.rank for part in parts) == list(range(len(members)))
    assert sum(part.of(whole) for part in parts) == whole
    assert max(part.of(whole) for part in parts) - min(part.of(whole) for part in parts) <= 1
    assert sum(part.is_first for part in parts) == 1


@given(names, names, st.text(), st.integers(0, 50))
def test_who_sees_more_takes_no_more(members, others, key, whole):
    for each in members:
        few, many = (View(each, frozenset(seen), is_admitted=True).part_of(key) for seen in (members, members | others))
        assert many.of(whole) <= few.of(whole)


@given(st.text(), st.integers(0, 1000))
def test_who_is_alone_has_the_whole_and_who_is_not_admitted_nothing(key, whole):
    assert the_whole(key).of(whole) == whole
    assert view_of("a", [Replica("a", ())]).part_of(key) == WHOLE
    assert view_of("a", [Replica("a", ("a", "b")), Replica("b", ("b",))]).part_of(key) == NOTHING
    assert NOTHING.of(whole) == 0
    assert not NOTHING.is_first


def test_different_keys_are_served_first_by_different_replicas():
    views = [View(each, frozenset("abc"), is_admitted=True) for each in "abc"]
    first = [[view.own_id for view in views if view.part_of(f"key {number}").is_first] for number in range(60)]
    assert {each for (each,) in first} == set("abc")


def test_share_that_grows_is_the_smaller_for_a_window():
    share = Share(Part(0, 2)).after(WHOLE, at(0), WINDOW)
    assert (share.of(10), share.grows_at(WINDOW)) == (5, at(1))
    assert share.after(WHOLE, at(0.9), WINDOW).of(10) == 5
    grown = share.after(WHOLE, at(1), WINDOW)
    assert (grown.of(10), grown.grows_at(WINDOW)) == (10, None)


def test_share_that_shrinks_does_so_at_once():
    assert Share(WHOLE).after(Part(1, 3), NOW, WINDOW).of(10) == 3


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 3))
def test_what_has_room_is_held(in_flight, recent, size):
    budget, share_of = Budget(10, 10), Part(0, size).of
    room = budget.room(in_flight, recent, share_of)
    assert budget.holds(in_flight + room, recent, share_of) == budget.holds(in_flight, recent, share_of)
    assert not budget.holds(in_flight + room + 1, recent, share_of)


class Fleet(RuleBasedStateMachine):
    """Each replica knows what it saw when it reported last; the rows are what all have reported, by one clock."""

    WHOLE = 7

    @initialize()
    def begin(self):
        self.now = 0
        self.rows = {}
        self.views = {}
        self.under_way = {}

    @rule()
    def join(self):
        name = f"replica {len(self.views)}"
        if len(self.rows) < 5:
            self.views[name] = (None, [], 0)
            self.under_way[name] = 0
            self.report(name)

    @rule(seconds=st.integers(1, 4))
    def pass_time(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def report_again(self, data):
        self.report(data.draw(st.sampled_from(sorted(self.views))))

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def send_as_much_as_fits(self, data):
        name = data.draw(st.sampled_from(sorted(self.views)))
        self.under_way[name] = max(self.under_way[name], self.part_of(name))

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def hear_an_answer(self, data):
        name = data.draw(st.sampled_from(sorted(self.views)))
        self.under_way[name] = max(0, self.under_way[name] - 1)

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def die(self, data):
        name = data.draw(st.sampled_from(sorted(self.views)))
        del self.views[name], self.under_way[name]
        self.views[f"{name} (reborn)"] = (None, [], 0)
        self.under_way[f"{name} (reborn)"] = 0

    def report(self, name):
        view, room, valid_until = self.views[name]
        if view is not None:
            fits = self.now < valid_until and self.under_way[name] <= self.part_of(name)
            room = makes_room_for(room, view, fits=fits)
        else:
            room = [name, *self.rows]
        for other in [each for each, (until, _) in self.rows.items() if until <= self.now and each != name]:
            del self.rows[other]
            if other in self.under_way:
                # What one that lost touch has under way is not counted any more.
                self.under_way[other] = 0
        room = [each for each in room if each in self.rows]
        self.rows[name] = (self.now + LEASE, room)
        seen = view_of(name, [Replica(each, tuple(made)) for each, (_, made) in self.rows.items()])
        self.views[name] = (seen, room, self.now + VALID)

    def part_of(self, name):
        view, _, valid_until = self.views[name]
        return view.part_of("account").of(self.WHOLE) if view is not None and self.now < valid_until else 0

    @invariant()
    def no_more_than_the_whole_is_under_way(self):
        assert sum(getattr(self, "under_way", {}).values()) <= self.WHOLE

    @invariant()
    def parts_are_no_more_than_the_whole(self):
        assert sum(self.part_of(name) for name in getattr(self, "views", {})) <= self.WHOLE


TestFleet = Fleet.TestCase
TestFleet.settings = settings(deadline=None, max_examples=150, stateful_step_count=40)


def test_replicas_that_report_in_turn_all_get_their_parts():
    fleet = Fleet()
    fleet.begin()
    for _ in range(3):
        fleet.join()
    for _ in range(3):
        for name in list(fleet.views):
            fleet.report(name)
    assert sorted(fleet.part_of(name) for name in fleet.views) == [2, 2, 3]
