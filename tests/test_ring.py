"""The ring holds the newest events, all of them behind its start."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from store.records import Event, EventFilter, FeedPage
from tracker.ring import Ring

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALL = EventFilter()
FAILED = EventFilter(types=("job.failed",))


def event(position, event_type="job.running", size=10):
    return Event(f"evt_{position}", event_type, NOW, b"x" * size, position=position)


def added(ring, *events, end=None):
    ring.add(FeedPage(events, end or events[-1].position, is_last=True))


def positions(page):
    return [event.position for event in page.events]


def test_new_ring_has_nothing_behind_its_start():
    assert Ring(7).after(7, ALL) == FeedPage((), 7, is_last=True)


def test_position_ahead_of_the_ring_is_kept():
    assert Ring(7).after(9, ALL) == FeedPage((), 9, is_last=True)


def test_what_was_added_is_behind_the_positions_before_it():
    ring = Ring(7)
    added(ring, event(8), event(10))
    added(ring, event(11), end=12)
    assert [positions(ring.after(after, ALL)) for after in (7, 8, 9, 10, 11, 12)] == [
        *([8, 10, 11], [10, 11], [10, 11], [11], [], []),
    ]
    assert ring.after(7, ALL).end == 12


def test_what_is_not_wanted_is_passed_over():
    ring = Ring(0)
    added(ring, event(1), event(2, "job.failed"), event(3))
    page = ring.after(0, FAILED)
    assert (positions(page), page.end, page.is_last) == ([2], 3, True)


def test_oldest_make_room_when_there_are_too_many_or_too_large_ones():
    ring = Ring(0, most_events=3, most_bytes=100)
    added(ring, *map(event, range(1, 6)))
    assert (ring.start, positions(ring.after(2, ALL))) == (2, [3, 4, 5])
    added(ring, event(6, size=81))
    assert (ring.start, positions(ring.after(4, ALL))) == (4, [5, 6])
    added(ring, event(7, size=101))
    assert (ring.start, ring.end, positions(ring.after(7, ALL))) == (7, 7, [])


@given(
    st.lists(st.lists(st.booleans(), max_size=120), max_size=6),
    st.integers(1, 300),
    st.integers(1, 3000),
    st.integers(0, 700),
    st.sampled_from([ALL, FAILED]),
)
def test_whoever_goes_on_behind_each_page_misses_nothing(batches, most_events, most_bytes, begin, wanted):
    ring, told = Ring(0, most_events, most_bytes), []
    for batch in batches:
        new = [event(len(told) + 1 + i, "job.failed" if failed else "job.running") for i, failed in enumerate(batch)]
        told += new
        ring.add(FeedPage(tuple(new), len(told), is_last=True))
    position, seen = max(begin, ring.start), []
    expected = [e.position for e in told if e.position > position and e.type in (wanted.types or (e.type,))]
    while not (page := ring.after(position, wanted)).is_last:
        assert page.events
        seen += positions(page)
        position = page.end
    assert [*seen, *positions(page)] == expected
    assert page.end == max(position, len(told))
