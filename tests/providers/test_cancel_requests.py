"""The requests that cancel a job, as each provider wants them."""

import orjson
import pytest

from tracker.providers.catalog import UnusableJobError

from .cases import DESCRIPTIONS, account_of, new_job, provider_of

SCENARIO = "https://api.cloud.scenario.com/v1/jobs/a%2Fb/action"
RUNPOD = "https://api.runpod.ai/v2/k3wz8q1x/cancel/a%2Fb"


@pytest.mark.parametrize(
    ("provider", "kind", "params", "method", "url", "body"),
    [
        ("scenario", "job", {}, "POST", SCENARIO, {"action": "cancel"}),
        ("runpod", "request", {"endpoint_id": "k3wz8q1x"}, "POST", RUNPOD, None),
    ],
)
def test_a_job_is_canceled_as_the_provider_wants(provider, kind, params, method, url, body):
    request = provider_of(provider).cancel_request(new_job(provider, kind, "a/b", params=params))
    assert (request.method, request.url) == (method, url)
    assert (orjson.loads(request.content) if request.content else None) == body
    assert (
        account_of(provider)["headers"].items()
        <= {key.lower(): value for key, value in request.headers.items()}.items()
    )


@pytest.mark.parametrize("provider", ["wondercat", "decart", "photogpt", "bfl", "luma", "stability", "azure"])
def test_what_has_no_such_request_cannot_be_canceled(provider):
    for kind in DESCRIPTIONS[provider].kinds:
        assert provider_of(provider).cancel_request(new_job(provider, kind)) is None


FAL = "https://queue.fal.run/fal-ai/flux/requests/1"


def test_a_job_is_canceled_by_the_url_that_it_brings():
    request = provider_of("fal").cancel_request(new_job("fal", "request", params={"cancel_url": f"{FAL}/cancel"}))
    assert (request.method, request.url) == ("PUT", f"{FAL}/cancel")


def test_a_job_that_brings_no_such_url_cannot_be_canceled_but_is_polled():
    job = new_job("fal", "request", params={"poll_url": f"{FAL}/status", "response_url": FAL})
    assert provider_of("fal").request(job).url == f"{FAL}/status"
    with pytest.raises(UnusableJobError, match="no parameter 'cancel_url'"):
        provider_of("fal").cancel_request(job)


def test_a_url_to_cancel_by_leads_to_the_provider_only():
    job = new_job("fal", "request", params={"cancel_url": "https://evil.example/cancel"})
    with pytest.raises(UnusableJobError, match=r"give an https URL on queue\.fal\.run"):
        provider_of("fal").cancel_request(job)
