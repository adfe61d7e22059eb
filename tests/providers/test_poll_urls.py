"""Jobs that bring the URL they are asked for at: it gets the credentials, so it may lead to its provider only."""

import pytest

from tracker.providers.catalog import UnusableJobError

from .cases import CASES_BY_KIND, new_job, provider_of, usual_job

KINDS = [("azure", "operation"), ("bfl", "task"), ("fal", "request")]
HOSTS = {"azure": "management.azure.com", "bfl": "api.eu1.bfl.ai", "fal": "queue.fal.run"}


def ask(provider, kind, **params):
    usual = usual_job(provider, kind).params
    return provider_of(provider).request(new_job(provider, kind, params=usual | params))


@pytest.mark.parametrize(("provider", "kind"), KINDS)
@pytest.mark.parametrize("form", ["https://{}/x/1?a=b%2Fc", "https://{}:443/x", "https://{}"])
def test_a_url_of_the_provider_is_asked_for_as_it_is(provider, kind, form):
    url = form.format(HOSTS[provider])
    assert ask(provider, kind, poll_url=url).url == url


@pytest.mark.parametrize(("provider", "kind"), KINDS)
@pytest.mark.parametrize(
    "form",
    [
        "http://{}/x",
        "https://{}:8443/x",
        "https://{}.evil.example/x",
        "https://evil-{}.example/x",
        "https://{}@evil.example/x",
        "https://evil.example\\@{}/x",
        "https://evil.example/{}",
        "https://evil.example#{}",
        "https://bfl.ai.evil.example/x",
        "https://xazure.com/x",
        "//{}/x",
        "/x",
        "",
    ],
)
def test_a_url_that_leads_elsewhere_is_refused_by_its_field(provider, kind, form):
    with pytest.raises(UnusableJobError) as caught:
        ask(provider, kind, poll_url=form.format(HOSTS[provider]))
    assert caught.value.pointer == "/params/poll_url"


@pytest.mark.parametrize(("provider", "kind"), KINDS)
def test_a_job_without_its_url_is_refused_by_its_field(provider, kind):
    with pytest.raises(UnusableJobError, match="need the parameter 'poll_url'") as caught:
        ask(provider, kind, poll_url=None)
    assert caught.value.pointer == "/params/poll_url"


def test_a_result_url_that_leads_elsewhere_is_refused_at_once():
    with pytest.raises(UnusableJobError) as caught:
        ask("fal", "request", response_url="https://evil.example/requests/1")
    assert caught.value.pointer == "/params/response_url"


def test_a_host_that_is_excepted_is_none_of_the_providers():
    with pytest.raises(UnusableJobError):
        ask("azure", "operation", poll_url="https://mine.eastus.cloudapp.azure.com/steal")


def test_the_urls_of_the_recorded_answers_are_asked_for():
    recorded = [case for known in KINDS for case in CASES_BY_KIND[known]]
    assert all(case.url == case.params["poll_url"] for case in recorded)
