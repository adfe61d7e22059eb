import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Attempt, AttemptResult, Delivery, DeliveryStatus
from tracker.rules.retry import DEFAULT_SCHEDULE, LONGEST_RETRY_AFTER, decide, judge, next_wait

from .strategies import NOW, at, jitters

DAY = 24 * 3600.0
schedules = st.lists(st.floats(1, DAY), max_size=10).map(tuple)
refusals = st.sampled_from([300, 301, 302, 307, 400, 401, 404, 408, 409, 422, 429, 500, 502, 503, 504])
failures = st.sampled_from(["timeout", "connection", "tls", "dns"]).map(AttemptResult)


def new_delivery(subscription_id="sub_1", **changes):
    times = {"created_at": NOW, "updated_at": NOW, "next_attempt_at": NOW}
    whom = {
        "subscription_id": subscription_id,
        "subscriber": subscription_id or "https://a.example",
        "callback_url": None,
    }
    return Delivery(
        **{"id": "dlv_1", "event_id": "evt_1", "event_type": "job.failed", "job_id": "job_1"} | whom | times | changes
    )


def attempt(http_status=500, number=1, outcome=None):
    judged = judge(http_status) if outcome is None else outcome
    return Attempt("att_1", "dlv_1", number, NOW, 20, judged, http_status if outcome is None else None)


def after(one, schedule=DEFAULT_SCHEDULE, retry_after=None, jitter=0.5, delivery=None):
    return decide(delivery or new_delivery(), one, schedule, at(10), jitter, retry_after)


def wait_after(*args, **named):
    return (after(*args, **named).delivery.next_attempt_at - at(10)).total_seconds()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_success(status):
    assert judge(status) is AttemptResult.DELIVERED


@pytest.mark.parametrize("status", [100, 101, 199, 300, 301, 302, 304, 307, 308, 400, 404, 410, 429, 500, 503, 599])
def test_anything_else_is_a_refusal_a_redirect_too(status):
    assert judge(status) is AttemptResult.REJECTED


def test_the_default_schedule_is_that_of_the_contract():
    minute, hour = 60, 3600
    hours = [2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour]
    assert list(DEFAULT_SCHEDULE) == [5, 5 * minute, 30 * minute, *hours]


def test_a_success_ends_the_delivery():
    delivery = after(attempt(204)).delivery
    assert (delivery.status, delivery.delivered_at, delivery.next_attempt_at) == (
        DeliveryStatus.DELIVERED,
        at(10),
        None,
    )
    assert delivery.attempts == 1


def test_a_failed_attempt_leaves_the_delivery_pending():
    delivery = after(attempt(500)).delivery
    assert (delivery.status, delivery.attempts, delivery.updated_at) == (DeliveryStatus.PENDING, 1, at(10))
    assert delivery.delivered_at is None


def test_the_waits_follow_the_schedule():
    waits = [wait_after(attempt(500, number)) for number in range(1, 10)]
    assert waits == pytest.approx(list(DEFAULT_SCHEDULE))


def test_a_delivery_is_exhausted_after_the_last_waits_attempt():
    delivery = after(attempt(500, number=10)).delivery
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.EXHAUSTED, None)


def test_a_forbidden_address_is_not_tried_again():
    delivery = after(attempt(outcome=AttemptResult.BLOCKED)).delivery
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.BLOCKED, None)


def test_410_unsubscribes_and_keeps_the_subscriptions_delivery_waiting():
    outcome = after(attempt(410))
    assert outcome.unsubscribes
    assert outcome.delivery.status is DeliveryStatus.PENDING
    assert outcome.delivery.next_attempt_at is not None


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 411, 429, 500, 503])
def test_no_other_answer_unsubscribes(status):
    assert not after(attempt(status)).unsubscribes
    assert not after(attempt(status), delivery=new_delivery(subscription_id=None)).unsubscribes


@pytest.mark.parametrize("number", [1, 10])
def test_410_ends_the_delivery_of_a_jobs_own_callback(number):
    outcome = after(attempt(410, number), delivery=new_delivery(subscription_id=None))
    assert outcome.unsubscribes
    assert (outcome.delivery.status, outcome.delivery.next_attempt_at) == (DeliveryStatus.CANCELED, None)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_where_it_asks_for_more(status):
    assert wait_after(attempt(status), retry_after=120.0) == pytest.approx(120)
    assert wait_after(attempt(status), retry_after=1.0) == pytest.approx(5)
    assert wait_after(attempt(status), retry_after=1e7) == DAY


@pytest.mark.parametrize("status", [301, 400, 404, 410, 500, 502])
def test_retry_after_means_nothing_on_other_answers(status):
    assert wait_after(attempt(status), retry_after=120.0) == pytest.approx(5)


def test_retry_after_buys_no_more_attempts():
    assert after(attempt(503, number=10), retry_after=60.0).delivery.status is DeliveryStatus.EXHAUSTED


def test_without_a_schedule_there_is_one_attempt():
    assert next_wait((), 1, 0.5) is None


@given(schedules, st.integers(1, 15), jitters, refusals)
def test_waits_stay_within_a_fifth_of_the_schedule(schedule, number, jitter, status):
    delivery = after(attempt(status, number), schedule, jitter=jitter).delivery
    if number > len(schedule):
        assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.EXHAUSTED, None)
    else:
        wait = (delivery.next_attempt_at - at(10)).total_seconds()
        assert 0.8 * schedule[number - 1] - 1e-5 <= wait <= 1.2 * schedule[number - 1] + 1e-5


@given(schedules, jitters, failures | st.none())
def test_a_delivery_that_never_succeeds_has_one_attempt_more_than_waits(schedule, jitter, outcome):
    delivery, attempts = new_delivery(), 0
    while delivery.status is DeliveryStatus.PENDING:
        attempts += 1
        delivery = after(attempt(500, attempts, outcome), schedule, jitter=jitter, delivery=delivery).delivery
    assert (attempts, delivery.status) == (len(schedule) + 1, DeliveryStatus.EXHAUSTED)
    assert delivery.attempts == attempts


@given(st.floats(1, DAY), jitters, st.none() | st.floats(0, 1e9), refusals)
def test_the_wait_is_the_longer_of_schedule_and_retry_after(planned, jitter, asked, status):
    plain = wait_after(attempt(status), (planned,), jitter=jitter)
    asked_for = min(asked or 0.0, LONGEST_RETRY_AFTER) if status in (429, 503) else 0.0
    assert wait_after(attempt(status), (planned,), asked, jitter) == pytest.approx(max(plain, asked_for), abs=1e-5)


@given(st.integers(100, 599), schedules, st.integers(1, 12), jitters)
def test_only_410_unsubscribes_and_only_pending_deliveries_have_a_next_attempt(status, schedule, number, jitter):
    outcome = after(attempt(status, number), schedule, jitter=jitter)
    assert outcome.unsubscribes == (status == 410)
    assert (outcome.delivery.next_attempt_at is None) == (outcome.delivery.status is not DeliveryStatus.PENDING)
    assert (outcome.delivery.status is DeliveryStatus.DELIVERED) == (200 <= status <= 299)
    assert (outcome.delivery.attempts, outcome.attempt.number) == (number, number)
