"""Webhooks, verified: what Tracker signs is let in, whatever else is not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.client import InvalidWebhook, Tracker, TrackerError, webhooks
from tracker.rules.signing import SigningKeys, signed_headers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(range(33))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(33, 66))).decode()
JOB = {"id": "job_1", "provider": "p", "kind": "k", "account": "default", "remote_id": "ü", "status": "succeeded"}
CHANGE = {"sequence": 3, "previous_status": "running", "occurred_at": "2026-01-01T11:59:58.5Z", "detected_at": None}


def body_of(event_type="job.succeeded", **data):
    document = {"type": event_type, "timestamp": "2026-01-01T12:00:00.000Z", "data": {**CHANGE, "job": JOB, **data}}
    return json.dumps(document, ensure_ascii=False).encode()


BODY = body_of()


def headers_of(body=BODY, *secrets, at=NOW):
    return signed_headers("evt_1", body, SigningKeys(secrets or (SECRET,)), "1", at)


def verify(body=BODY, headers=None, secret=SECRET, **how):
    return webhooks.verify(body, headers or headers_of(body), secret, **{"now": NOW, **how})


def test_webhook_becomes_a_typed_event():
    event = verify()
    assert (event.id, event.type, event.timestamp, event.cursor) == ("evt_1", "job.succeeded", NOW, None)
    assert (event.job.id, event.job.remote_id, event.job.succeeded) == ("job_1", "ü", True)
    assert (event.transition.sequence, event.transition.previous_status) == (3, "running")
    assert event.transition.occurred_at == NOW - timedelta(seconds=1.5)
    assert event.step is None


def test_step_and_progress_are_no_transitions():
    step = {"id": "draft", "type": "custom-model", "status": "success", "previous_status": "processing", "new": 1}
    event = verify(body_of("job.step", step=step))
    assert (event.step.id, event.step.status, event.step.raw["new"]) == ("draft", "success", 1)
    assert event.transition is None
    assert verify(body_of("job.progress")).transition is None


def test_client_has_it_too_and_needs_no_service():
    with Tracker("http://127.0.0.1:1") as tracker:
        assert tracker.webhooks.verify(BODY, headers_of(), SECRET, now=NOW) == verify()


@pytest.mark.parametrize(
    "headers",
    [
        {name.upper(): value for name, value in headers_of().items()},
        {name.title(): value for name, value in headers_of().items()},
        [(name.encode(), value.encode()) for name, value in headers_of().items()],
        {name.encode(): value.encode() for name, value in headers_of().items()},
    ],
    ids=["upper", "title", "ASGI", "bytes"],
)
def test_headers_may_come_as_servers_give_them(headers):
    assert verify(headers=headers) == verify(BODY.decode(), headers_of()) == verify()


def test_any_of_several_signatures_will_do():
    headers = headers_of(BODY, OTHER, SECRET)
    assert verify(headers=headers) == verify(headers=headers, secret=OTHER)
    headers["webhook-signature"] = f"v1a,abc nonsense v1, {headers['webhook-signature']}"
    assert verify(headers=headers).id == "evt_1"


@given(st.binary(min_size=1).filter(lambda body: body != BODY))
def test_no_other_body_passes(body):
    with pytest.raises(InvalidWebhook):
        verify(body, headers_of())


@given(st.text())
def test_no_other_signature_passes(text):
    with pytest.raises(InvalidWebhook):
        verify(headers=headers_of() | {"webhook-signature": text})


@pytest.mark.parametrize("changed", [{"webhook-id": "evt_2"}, {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}])
def test_id_and_timestamp_are_signed_too(changed):
    with pytest.raises(InvalidWebhook, match="No signature"):
        verify(headers=headers_of() | changed)


def test_other_secret_does_not_pass():
    with pytest.raises(InvalidWebhook, match="No signature"):
        verify(secret=OTHER)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_header_is_named(name):
    headers = headers_of()
    del headers[name]
    with pytest.raises(InvalidWebhook, match=name):
        verify(headers=headers)


@pytest.mark.parametrize("text", ["soon", "1e9", "-5", "nan", "9" * 30, "١٢٣", "1767268800.5"])
def test_timestamp_that_is_none_is_refused(text):
    with pytest.raises(InvalidWebhook, match="webhook-timestamp"):
        verify(headers=headers_of() | {"webhook-timestamp": text})


@pytest.mark.parametrize(("age", "passes"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_old_webhook_cannot_be_sent_again(age, passes):
    headers = headers_of(at=NOW - timedelta(seconds=age))
    if passes:
        assert verify(headers=headers)
    else:
        with pytest.raises(InvalidWebhook, match=r"301 s (old|ahead)"):
            verify(headers=headers)


def test_tolerance_may_be_another():
    headers = headers_of(at=NOW - timedelta(hours=1))
    assert verify(headers=headers, tolerance=3600)
    with pytest.raises(InvalidWebhook):
        verify(headers=headers_of(at=NOW - timedelta(seconds=2)), tolerance=1)


@pytest.mark.parametrize("body", [b"[]", b"not JSON", b'{"type": "x"}', b"\xff"])
def test_signed_body_that_is_no_event_is_refused(body):
    with pytest.raises(InvalidWebhook):
        verify(body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_?!", "hüsh"])
def test_secret_that_is_none_is_the_programs_mistake_and_not_shown(secret):
    with pytest.raises(TrackerError, match="whsec_<base64>") as caught:
        verify(secret=secret)
    assert not isinstance(caught.value, InvalidWebhook)
    assert "hüsh" not in str(caught.value)


def test_thin_webhook_has_a_job_with_what_it_tells():
    thin = JOB | {"url": "https://tracker.example/v1/jobs/job_1"}
    job = verify(body_of(job=thin)).job
    assert (job.id, job.output, job.created_at, job.raw["url"]) == ("job_1", None, None, thin["url"])


def test_headers_of_others_may_hold_what_they_like():
    assert verify(headers={**headers_of(), "x-forwarded-for": "caf\udce9\n"}).id == "evt_1"
