"""How long detection and delivery took, as it is measured."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import DeliveryStatus, Status
from tracker.rules import retry
from tracker.rules.delays import delivery_delay, detection_delay, longest_due
from tracker.rules.reading import Absent, Unchanged
from tracker.rules.track import decide, give_up

from .strategies import NOW, TIMING, at, jitters, job_that_is, moment, new_job, reading
from .test_retry import attempt, new_delivery

seconds = st.integers(0, 10**6)


def detected(answer, now=10.0, job=None):
    return detection_delay(decide(job or new_job(), answer, TIMING, at(now), 0.5))


def test_an_end_is_detected_so_long_after_the_providers_time_of_it():
    assert detected(reading(Status.SUCCEEDED, finished_at=at(7))) == 3
    assert detected(reading(Status.FAILED, history=(moment(Status.RUNNING, 2), moment(Status.FAILED, 8.5)))) == 1.5


@pytest.mark.parametrize(
    "answer",
    [
        reading(Status.SUCCEEDED),
        reading(Status.RUNNING, started_at=at(2)),
        reading(Status.SUCCEEDED, finished_at=at(10)),
        reading(Status.SUCCEEDED, finished_at=at(99)),
        Absent("gone", 410),
        Unchanged(),
    ],
)
def test_without_a_providers_time_that_is_past_no_delay_is_known(answer):
    assert detected(answer) is None


def test_a_job_that_is_given_up_was_not_detected():
    assert detection_delay(give_up(new_job(), at(100_000))) is None


def test_an_end_before_the_registration_counts_from_that():
    assert detected(reading(Status.SUCCEEDED, finished_at=at(-5000))) == 10


@given(seconds, seconds, jitters)
def test_a_detection_delay_is_within_the_time_that_the_job_is_known(ended, now, jitter):
    answer = reading(Status.SUCCEEDED, finished_at=at(ended - 500_000))
    delay = detection_delay(decide(new_job(), answer, TIMING, at(now), jitter))
    assert delay is None or 0 <= delay <= now


def test_later_polls_of_an_ended_job_say_nothing():
    assert detected(reading(Status.SUCCEEDED, finished_at=at(7)), job=job_that_is(Status.SUCCEEDED)) is None


def delivered(http_status=200, now=10.0, **changes):
    delivery = new_delivery(**changes)
    number = delivery.attempts + 1
    return retry.decide(delivery, attempt(http_status, number), (5.0, 300.0), at(now), 0.5).delivery


def test_a_delivery_took_the_time_since_its_event():
    assert delivery_delay(delivered(now=12.5)) == 12.5
    assert delivery_delay(delivered(now=400, attempts=1)) == 400


def test_what_has_not_arrived_took_no_time():
    assert delivery_delay(delivered(500)) is None
    assert delivery_delay(delivered(500, attempts=2)) is None
    assert delivery_delay(delivered(410, subscription_id=None)) is None


def test_what_had_ended_before_and_is_sent_again_is_left_out():
    assert delivery_delay(delivered(now=400_000, attempts=3, schedule_from=3)) is None


def test_a_clock_that_is_set_back_makes_no_delay_negative():
    assert delivery_delay(delivered(now=-3)) == 0


@given(st.lists(seconds), seconds)
def test_what_is_due_first_is_due_the_longest(due, now):
    assert longest_due(map(at, due), at(now)) == max(now - min(due, default=now), 0)


@given(st.sampled_from(DeliveryStatus), seconds)
def test_only_what_was_delivered_has_a_delay(status, now):
    delivery = replace(new_delivery(), status=status, delivered_at=at(now))
    assert (delivery_delay(delivery) is not None) == (status is DeliveryStatus.DELIVERED)
    assert delivery_delay(replace(delivery, created_at=NOW)) in (None, now)
