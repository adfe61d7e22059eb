from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import (
    Delivery,
    DeliveryStatus,
    Filter,
    Found,
    Heading,
    Order,
    Replay,
    ReplayStatus,
    Secret,
    Status,
    Stretch,
    Subscription,
    SubscriptionStatus,
)
from tracker.rules.events import is_wanted, labels_in, progress_event, subscription_test_event
from tracker.rules.fanout import to_subscription
from tracker.rules.replay import (
    LARGEST_BACKLOG,
    LARGEST_BATCH,
    Fate,
    batch_size,
    count,
    fate,
    finish,
    is_near,
    is_replayed,
    queue,
)

from .strategies import NOW, at, job_that_is, new_job

SUBSCRIPTION = Subscription("sub_1", "https://a.example", Filter(("job.*",)), (Secret("whsec_x"),), NOW, NOW)
REPLAY = Replay("rpl_1", "sub_1", at(0), at(100), ("job.*",), False, 50.0, 0, created_at=at(200), next_at=at(200))
ENDED = tuple(status for status in DeliveryStatus if status is not DeliveryStatus.PENDING)


def heading_of(event, position=1):
    return Heading(position, event.id, event.type, event.timestamp, event.job_id, event.sequence)


def event_at(seconds=1, job=None):
    return progress_event(job or job_that_is(Status.RUNNING), at(seconds))


def delivery_that_is(status, event=None, attempts=1):
    delivery = to_subscription(event or event_at(), SUBSCRIPTION)
    is_pending, is_delivered = status is DeliveryStatus.PENDING, status is DeliveryStatus.DELIVERED
    return replace(
        delivery,
        status=status,
        attempts=attempts,
        next_attempt_at=at(5) if is_pending else None,
        delivered_at=at(5) if is_delivered else None,
    )


def found_as(status, event=None, attempts=1):
    """An event whose delivery has this status (None: there is no delivery)."""
    event = event or event_at()
    delivery = None if status is None else delivery_that_is(status, event, attempts)
    return Found(heading_of(event), delivery, event.body)


def queued_in(replay, *found, subscription=SUBSCRIPTION, is_last=False, backlog=0, now=NOW):
    stretch = Stretch(tuple(each.event for each in found), end=77, is_last=is_last)
    return queue(replay, subscription, stretch, found, backlog, now)


@pytest.mark.parametrize(("seconds", "expected"), [(-0.001, False), (0, True), (50, True), (100, True), (100.1, False)])
def test_the_span_holds_both_its_ends(seconds, expected):
    assert is_near(REPLAY, heading_of(event_at(seconds))) is expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(("job.*",), True), (("*",), True), (("job.failed", "job.progress"), True), (("job.failed", "job.step"), False)],
)
def test_only_the_types_that_were_asked_for_come_again(wanted, expected):
    assert is_near(replace(REPLAY, events=wanted), heading_of(event_at())) is expected


labels = st.sampled_from(["a", "b", "c"])
wishes = st.builds(Filter, st.just(("job.*",)), *[st.lists(labels, max_size=2).map(tuple)] * 3)
jobs = st.builds(
    lambda provider, kind, tags: job_that_is(Status.RUNNING, provider=provider, kind=kind, tags=tuple(tags)),
    labels,
    labels,
    st.lists(labels, max_size=3),
)


@given(wishes, jobs)
def test_what_passed_the_filter_when_it_happened_passes_it_by_the_event_alone(wish, job):
    event = event_at(job=job)
    assert is_wanted(wish, event.type, job) == is_wanted(wish, event.type, labels_in(event.body))
    subscription = replace(SUBSCRIPTION, filter=wish)
    body = event.body if wish.asks_for_labels else None
    found = Found(heading_of(event), None, body)
    assert is_replayed(REPLAY, subscription, found) == is_wanted(wish, event.type, job)


@given(wishes)
def test_no_labels_are_asked_for_only_if_any_job_would_do(wish):
    if not wish.asks_for_labels:
        assert is_wanted(wish, "job.running", None)


def test_events_of_the_replay_replace_those_of_the_subscription_and_its_other_wishes_stay():
    subscription = replace(SUBSCRIPTION, filter=Filter(("job.failed",), tags=("hero",)))
    replay = replace(REPLAY, events=("job.progress",))
    for tags, expected in [(("hero",), True), ((), False)]:
        event = event_at(job=job_that_is(Status.RUNNING, tags=tags))
        assert is_replayed(replay, subscription, Found(heading_of(event), None, event.body)) is expected


def test_event_that_was_forgotten_while_it_was_looked_at_is_no_event_of_a_wanted_job():
    subscription = replace(SUBSCRIPTION, filter=Filter(("job.*",), tags=("hero",)))
    assert not is_replayed(REPLAY, subscription, Found(heading_of(event_at()), None, None))


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("only_failed", [False, True])
@pytest.mark.parametrize("status", [None, *DeliveryStatus])
def test_what_becomes_of_an_event_depends_on_what_became_of_its_delivery(status, only_failed, order):
    expected = {
        None: Fate.QUEUED,
        DeliveryStatus.PENDING: Fate.WAITS,
        DeliveryStatus.SUPERSEDED: Fate.LEFT_OUT if order is Order.LATEST else Fate.QUEUED,
    }.get(status, Fate.QUEUED)
    if only_failed and status in (None, DeliveryStatus.PENDING, DeliveryStatus.DELIVERED):
        expected = Fate.LEFT_OUT
    assert fate(replace(REPLAY, only_failed=only_failed), order, found_as(status)) is expected


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("status", [None, DeliveryStatus.DELIVERED, DeliveryStatus.EXHAUSTED])
def test_who_wants_the_latest_alone_is_not_sent_what_something_newer_followed(status, order):
    outdated = replace(found_as(status), is_outdated=True)
    assert fate(REPLAY, order, outdated) is (Fate.LEFT_OUT if order is Order.LATEST else Fate.QUEUED)
    end = replace(outdated, event=replace(outdated.event, type="job.succeeded"))
    assert fate(REPLAY, order, end) is Fate.QUEUED


def test_test_of_another_subscription_is_not_sent_and_its_own_is_sent_again():
    event = subscription_test_event("sub_2", "nonce", at(1))
    assert not is_replayed(REPLAY, SUBSCRIPTION, Found(heading_of(event), None))
    own = subscription_test_event("sub_1", "nonce", at(1))
    found = Found(heading_of(own), delivery_that_is(DeliveryStatus.DELIVERED, own))
    assert is_replayed(replace(REPLAY, events=("*",)), SUBSCRIPTION, found)


@pytest.mark.parametrize("status", ENDED)
def test_delivery_that_ended_is_due_again_with_its_attempts_and_a_new_schedule(status):
    found = found_as(status, attempts=7)
    (again,) = queued_in(REPLAY, found).requeued
    assert (again.status, again.next_attempt_at, again.delivered_at) == (DeliveryStatus.PENDING, NOW, None)
    assert (again.attempts, again.schedule_from) == (7, 7)
    assert (again.id, again.event_id, again.created_at) == (
        found.delivery.id,
        found.event.id,
        found.delivery.created_at,
    )


def test_event_without_a_delivery_gets_the_one_that_fan_out_would_have_made_but_due_now():
    event = event_at()
    (new,) = queued_in(REPLAY, Found(heading_of(event), None)).inserted
    times = {"created_at": NOW, "updated_at": NOW, "next_attempt_at": NOW}
    assert new == replace(to_subscription(event, SUBSCRIPTION), **times)


@pytest.mark.parametrize(("rate", "size"), [(0.1, 1), (1, 1), (1.9, 1), (50, 50), (200, 200), (1000, LARGEST_BATCH)])
def test_a_second_of_the_rate_is_queued_at_a_time(rate, size):
    assert batch_size(replace(REPLAY, rate=rate)) == size


@given(st.floats(0.1, 1000), st.lists(st.sampled_from([None, *DeliveryStatus]), max_size=30))
def test_next_stretch_is_due_when_the_rate_allows_it(rate, statuses):
    outcome = queued_in(replace(REPLAY, rate=rate), *map(found_as, statuses))
    sent = len(outcome.requeued) + len(outcome.inserted)
    assert sent == len(statuses) - statuses.count(DeliveryStatus.PENDING)
    seconds = (outcome.replay.next_at - NOW).total_seconds()
    assert seconds == pytest.approx(sent / rate, abs=1e-6)
    assert (outcome.replay.queued, outcome.replay.position) == (len(statuses), 77)


def test_replay_waits_for_its_subscriber_while_too_much_is_due():
    behind = queued_in(REPLAY, found_as(None), backlog=LARGEST_BACKLOG, is_last=True)
    assert (behind.requeued, behind.inserted) == ((), ())
    assert behind.replay == replace(REPLAY, next_at=at(1))
    assert queued_in(REPLAY, found_as(None), backlog=LARGEST_BACKLOG - 1).inserted


@pytest.mark.parametrize("status", [SubscriptionStatus.PAUSED, SubscriptionStatus.DISABLED])
def test_subscription_that_is_not_active_collects_however_much_is_due(status):
    idle = replace(SUBSCRIPTION, status=status)
    assert queued_in(REPLAY, found_as(None), subscription=idle, backlog=LARGEST_BACKLOG).inserted


def test_replay_ends_with_its_last_stretch_and_counts_what_was_queued():
    replay = replace(REPLAY, total=10, queued=3, counted_to=5)
    done = queued_in(replay, found_as(None), is_last=True).replay
    assert (done.status, done.finished_at) == (ReplayStatus.DONE, NOW)
    assert (done.total, done.queued, done.counted_to) == (4, 4, None)


def test_total_is_never_less_than_what_was_queued_and_is_left_to_the_counting_while_that_goes_on():
    for counted_to, total in ((None, 2), (5, 1)):
        ahead = queued_in(replace(REPLAY, total=1, counted_to=counted_to), found_as(None), found_as(None)).replay
        assert (ahead.total, ahead.counted_to) == (total, counted_to)


def test_counting_goes_on_where_it_stopped_until_the_last_stretch():
    events = (heading_of(event_at()),) * 3
    counted = count(replace(REPLAY, counted_to=0), Stretch(events, end=40, is_last=False))
    assert (counted.total, counted.counted_to, counted.position, counted.queued) == (3, 40, 0, 0)
    assert count(counted, Stretch(events, end=60, is_last=True)) == replace(REPLAY, total=6)


def test_finished_replay_is_done_with_what_it_queued():
    done = finish(replace(REPLAY, total=4, queued=3), NOW)
    assert done == replace(REPLAY, status=ReplayStatus.DONE, finished_at=NOW, total=3, queued=3)


@given(
    st.lists(st.sampled_from([None, *DeliveryStatus]), max_size=40),
    st.lists(st.integers(1, 7), min_size=1),
    st.booleans(),
    st.sampled_from(Order),
)
def test_however_a_run_is_cut_into_stretches_each_event_is_queued_once(statuses, sizes, only_failed, order):
    subscription = replace(SUBSCRIPTION, order=order)
    job = new_job()
    events = [progress_event(replace(job, announcements=number), at(number)) for number in range(len(statuses))]
    feed = [
        replace(found_as(s, e), event=heading_of(e, n)) for n, (s, e) in enumerate(zip(statuses, events, strict=True))
    ]
    replay = replace(REPLAY, only_failed=only_failed)
    chosen = [found for found in feed if is_replayed(replay, subscription, found)]
    sent: list[Delivery] = []
    rest, now = chosen, NOW
    while replay.status is ReplayStatus.RUNNING:
        sizes = [*sizes[1:], sizes[0]]
        part, rest = rest[: sizes[0]], rest[sizes[0] :]
        outcome = queued_in(replay, *part, subscription=subscription, is_last=not rest, now=now)
        sent += [*outcome.requeued, *outcome.inserted]
        replay, now = outcome.replay, now + timedelta(seconds=1)
    assert replay.queued == replay.total == len(chosen)
    waiting = {found.event.id for found in chosen if fate(replay, order, found) is Fate.WAITS}
    assert sorted(each.event_id for each in sent) == sorted({found.event.id for found in chosen} - waiting)
