"""The plot of a job's life, as values."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.timeline import timeline_of
from tracker.rules.payload import rfc3339

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
ages = st.floats(0, 1e7, allow_nan=False).map(lambda seconds: round(seconds, 3))
STATUSES = ("queued", "running", "action_required", "running")


def at(seconds):
    return rfc3339(BEGAN + timedelta(seconds=seconds))


def a_job(finished=None, next_poll=None, expected=None):
    told = {"finished_at": finished, "next_poll_at": next_poll, "expected_finish_at": expected}
    return {"created_at": at(0)} | {name: None if age is None else at(age) for name, age in told.items()}


def rows(*changes):
    return [
        {"sequence": number, "status": status, "occurred_at": at(occurred), "detected_at": at(detected)}
        for number, (status, occurred, detected) in enumerate(changes, 1)
    ]


def now(seconds):
    return BEGAN + timedelta(seconds=seconds)


def test_ended_job_is_drawn_from_its_registration_to_its_end():
    history = rows(("running", 10, 20), ("succeeded", 50, 60))
    plot = timeline_of(a_job(finished=50), history, [at(20), at(60)], now(10_000))
    width = 60 * 1.02
    assert [round(each.left * width / 100) for each in plot.occurred] == [10, 50]
    assert [(each.status, round(each.left * width / 100)) for each in plot.detected] == [
        ("queued", 0),
        ("running", 20),
        ("succeeded", 60),
    ]
    assert [each.told for each in plot.delays] == ["10 s", "10 s"]
    assert plot.now is None
    assert [each.is_end for each in plot.occurred] == [False, True]
    assert plot.occurred[-1].width == 0


def test_running_job_is_drawn_to_the_present_and_to_what_is_near():
    plot = timeline_of(a_job(next_poll=110, expected=150), rows(("running", 10, 20)), [at(20)], now(100))
    assert plot.now < plot.next_poll < plot.expected < 100


def test_what_is_far_away_leaves_room_for_the_rest():
    plot = timeline_of(a_job(next_poll=11, expected=1300), rows(("running", 1, 2)), [at(2)], now(10))
    assert plot.expected is None
    assert plot.now > 80


def test_job_that_was_just_registered_is_drawn_too():
    plot = timeline_of(a_job(next_poll=0), [], [], now(0))
    assert (plot.occurred, plot.polls, plot.now) == ((), (), 0)


@given(st.lists(st.tuples(ages, ages), max_size=4), st.lists(ages, max_size=5), ages, st.booleans())
def test_everything_is_within_the_plot_and_in_order(changes, polls, age, is_over):
    occurred, detected = sorted(a for a, _ in changes), sorted(b for _, b in changes)
    history = rows(*zip(STATUSES, occurred, detected, strict=False))
    until = max([age, *occurred, *detected, *polls])
    plot = timeline_of(
        a_job(finished=until if is_over else None, next_poll=age), history, map(at, sorted(polls)), now(until)
    )
    places = [*plot.polls, *(mark.left for mark in plot.marks)]
    for lane in (plot.occurred, plot.detected):
        places += [each.left for each in lane] + [each.left + each.width for each in lane]
        assert [each.left for each in lane] == sorted(each.left for each in lane)
        assert all(each.width >= 0 for each in lane)
    assert all(-0.001 <= place <= 100.001 for place in places)
    assert 1 <= len(plot.marks) <= 7
    assert len({mark.text for mark in plot.marks}) == len(plot.marks)
