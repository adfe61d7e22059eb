"""What the service tells, typed: unknown fields and words are let through, wrong ones are not."""

from __future__ import annotations

import pickle
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.api import shapes
from tracker.client import (
    ApiError,
    Attempt,
    CallbackSecret,
    Delivery,
    Event,
    JobError,
    JobSnapshot,
    JobTimeout,
    Key,
    NotFound,
    PollProblem,
    Provider,
    Replay,
    RotatedSecret,
    Subscription,
    Tracker,
    Transition,
)
from tracker.client.errors import error_class
from tracker.client.models.reading import read
from tracker.client.sync_jobs import Job

from .play import a_job

TOLD = {
    JobSnapshot: shapes.Job,
    JobError: shapes.JobFault,
    PollProblem: shapes.PollTrouble,
    Transition: shapes.Transition,
    Event: shapes.Event,
    Delivery: shapes.Delivery,
    Attempt: shapes.Attempt,
    Subscription: shapes.NewSubscription,
    RotatedSecret: shapes.RotatedSubscription,
    Replay: shapes.Replay,
    Provider: shapes.LearnedProvider,
    Key: shapes.NewKey,
    CallbackSecret: shapes.CallbackSecret,
}
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@pytest.mark.parametrize("model", TOLD, ids=lambda model: model.__name__)
def test_all_that_the_service_tells_is_known(model):
    told = set(TOLD[model].model_fields)
    if model is RotatedSecret:
        told -= set(shapes.Subscription.model_fields)  # what is in it does not change by the rotation
    assert told <= {field.name for field in fields(model)}


@given(st.dictionaries(st.text(min_size=1).map("x_{}".format), JSON))
def test_fields_of_a_newer_service_are_kept_in_raw(unknown):
    job = read(JobSnapshot, a_job(**unknown))
    assert job == read(JobSnapshot, a_job())
    assert job.raw == a_job(**unknown)


def test_status_of_a_newer_service_is_let_through_and_is_no_end():
    job = read(JobSnapshot, a_job(status="resting"))
    assert (job.status, job.is_terminal, job.succeeded) == ("resting", False, False)


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled", "expired"])
def test_four_statuses_are_ends(status):
    assert read(JobSnapshot, a_job(status=status)).is_terminal


@pytest.mark.parametrize("changes", [{"id": None}, {"progress": "half"}, {"created_at": "soon"}, {"tags": "hero"}])
def test_field_of_another_sort_is_refused(changes):
    ((name, _),) = changes.items()
    with pytest.raises(ValueError, match=name):
        read(JobSnapshot, a_job(**changes))


def test_job_cannot_be_changed():
    with Tracker("http://127.0.0.1:1") as tracker:
        job = Job.of(tracker.jobs, read(JobSnapshot, a_job()))
        with pytest.raises(AttributeError):
            job.status = "succeeded"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "InvalidRequest"),
        (401, "Unauthorized"),
        (403, "PermissionDenied"),
        (404, "NotFound"),
        (405, "InvalidRequest"),
        (409, "Conflict"),
        (413, "InvalidRequest"),
        (418, "ApiError"),
        (422, "InvalidRequest"),
        (429, "RateLimited"),
        (500, "ServerError"),
        (502, "ServerError"),
        (503, "ServerError"),
    ],
)
def test_each_status_has_its_error(status, name):
    assert error_class(status).__name__ == name
    assert issubclass(error_class(status), ApiError)


def test_place_of_an_error_is_told_once():
    say = {"pointer": "/tags/0", "detail": "It is too long."}
    assert str(ApiError(422, "Refused", "It is too long.", [say])) == "422 Refused: It is too long (/tags/0)."
    assert str(ApiError(422, "Refused", "/tags/0: It is too long.", [say])) == "422 Refused: /tags/0: It is too long."
    assert str(ApiError(422, "Refused", "No.", [say])) == "422 Refused: No (/tags/0: It is too long.)."


@pytest.mark.parametrize("error", [NotFound(404, "Not Found", "Gone."), JobTimeout("job_1", "running", 3.0)])
def test_errors_travel_between_processes(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again)) == (type(error), str(error))
