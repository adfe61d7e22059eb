from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import DeliveryStatus, Filter, Secret, Status, Subscription, SubscriptionStatus
from tracker.rules.events import DEFAULT_EVENTS, is_wanted, progress_event, subscription_test_event
from tracker.rules.fanout import deliveries_of, origin_of, to_subscription

from .strategies import NOW, Poll, at, job_that_is, new_job, play, reading

CALLBACK = "https://app.example:8443/hooks/1?token=x"


def event_of(status, job=None):
    return play(job or new_job(), [Poll(at(1), reading(status))])[0].outcome.events[0]


DONE = event_of(Status.SUCCEEDED)


def subscription(number=1, *events, **changes):
    wish = Filter(events or DEFAULT_EVENTS)
    secrets = (Secret("whsec_x"),)
    one = Subscription(f"sub_{number}", "https://a.example", wish, secrets, created_at=NOW, updated_at=NOW)
    return replace(one, **changes)


def called_back(**changes):
    return new_job(**{"callback_url": CALLBACK, "callback_events": DEFAULT_EVENTS} | changes)


def test_each_subscription_that_wants_the_event_gets_one_delivery():
    subscriptions = [subscription(1), subscription(2, "job.running"), subscription(3, "*")]
    told = deliveries_of(DONE, new_job(), subscriptions)
    assert [delivery.subscription_id for delivery in told] == ["sub_1", "sub_3"]


def test_a_delivery_is_due_at_once():
    (delivery,) = deliveries_of(DONE, new_job(), [subscription()])
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == (DeliveryStatus.PENDING, 0, DONE.timestamp)
    assert (delivery.event_id, delivery.event_type, delivery.job_id) == (DONE.id, "job.succeeded", "job_1")
    assert (delivery.subscriber, delivery.callback_url) == ("sub_1", None)


@pytest.mark.parametrize("status", SubscriptionStatus)
def test_a_subscription_that_is_not_active_keeps_collecting(status):
    assert len(deliveries_of(DONE, new_job(), [subscription(status=status)])) == 1


def test_a_jobs_own_callback_works_like_a_subscription():
    (delivery,) = deliveries_of(DONE, called_back(), [])
    assert (delivery.subscription_id, delivery.callback_url) == (None, CALLBACK)
    assert delivery.subscriber == "https://app.example:8443"


def test_a_callback_gets_the_events_that_it_asked_for():
    progress = progress_event(called_back(), NOW)
    assert deliveries_of(progress, called_back(), []) == []
    assert len(deliveries_of(progress, called_back(callback_events=("job.*",)), [])) == 1


def test_a_callback_that_ended_gets_nothing_more():
    assert deliveries_of(DONE, called_back(callback_ended_at=NOW), []) == []


def test_an_event_without_a_job_goes_to_subscriptions_alone():
    event = subscription_test_event("sub_1", "nonce", NOW)
    assert [delivery.job_id for delivery in deliveries_of(event, None, [subscription(1, "*"), subscription(2)])] == [
        None
    ]


def test_a_test_is_delivered_whatever_the_filter_asks_for():
    delivery = to_subscription(subscription_test_event("sub_1", "nonce", NOW), subscription(1, "job.failed"))
    assert (delivery.subscription_id, delivery.event_type) == ("sub_1", "subscription.test")


def test_callbacks_to_one_origin_count_as_one_subscriber():
    urls = [
        "https://a.example/1",
        "https://a.example/2?x=/",
        "https://a.example",
        "https://a.example:444/",
        "http://a.example",
    ]
    assert [origin_of(url) for url in urls] == ["https://a.example"] * 3 + ["https://a.example:444", "http://a.example"]


wishes = st.lists(st.lists(st.sampled_from(["*", "job.*", *DEFAULT_EVENTS]), max_size=2).map(tuple), max_size=4)


@given(wishes, st.sampled_from(Status), st.booleans())
def test_everyone_who_wants_an_event_gets_it_once_and_nobody_else(wishes, status, is_called_back):
    subscriptions = [subscription(number, filter=Filter(events)) for number, events in enumerate(wishes)]
    job = called_back() if is_called_back else new_job()
    event = event_of(status)
    told = deliveries_of(event, job, subscriptions)
    wanted = [one.id for one in subscriptions if is_wanted(one.filter, event.type, job)]
    assert [one.subscription_id for one in told] == wanted + [None] * (is_called_back and status.is_final)
    assert len({one.id for one in told}) == len(told)


@given(wishes)
def test_deliveries_are_the_same_each_time_and_of_each_event_their_own(wishes):
    subscriptions = [subscription(number, filter=Filter(events)) for number, events in enumerate(wishes)]
    told = deliveries_of(DONE, called_back(), subscriptions)
    assert told == deliveries_of(DONE, called_back(), subscriptions)
    other = event_of(Status.SUCCEEDED, job_that_is(Status.RUNNING))
    assert {one.id for one in told}.isdisjoint(one.id for one in deliveries_of(other, called_back(), subscriptions))
