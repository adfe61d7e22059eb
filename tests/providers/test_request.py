"""The request that polls a job: what is escaped, what is left out, what is refused, and what never shows."""

import base64
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.providers.catalog import Catalog, UnusableJobError
from tracker.providers.description import parse_description
from tracker.providers.environment import ProviderError

from .cases import DESCRIPTIONS, account_of, new_job, provider_of, usual_job

REGIONAL = """
    name = "regional"
    title = "Regional"
    base_url = "https://api.regional.example/v2"
    auth = { scheme = "none" }
    headers = { X-Version = "7" }
    [kinds.job]
    path = "/{param.region}/{kind}/{id}"
    query = { project = "{param.project}", view = "full", who = "{kind}:{id}" }
    result_urls = { file = "/files/{id}.{param.format}" }
    status = { pointers = ["/status"], succeeded = ["done"] }
    timing = { interval = 5 }
"""
PARAMS = {"region": "eu-1", "format": "mp4"}
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: text not in (".", "..")
)


def regional(text=REGIONAL, **environ):
    return Catalog([parse_description(text, "regional.toml")], environ).find("regional")


def ask(remote_id="1", params=PARAMS):
    return regional().request(new_job("regional", "job", remote_id, params=params))


def with_auth(auth, **environ):
    text = REGIONAL.replace('{ scheme = "none" }', auth)
    return regional(text, **environ).request(new_job("regional", "job", params=PARAMS)).headers


@pytest.mark.parametrize(
    ("remote_id", "segment"),
    [
        ("abc-123_~.x", "abc-123_~.x"),
        ("a/b", "a%2Fb"),
        ("../jobs", "..%2Fjobs"),
        ("a b", "a%20b"),
        ("a?b#c&d=e", "a%3Fb%23c%26d%3De"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("仕事", "%E4%BB%95%E4%BA%8B"),
        ("a\r\nHost: x", "a%0D%0AHost%3A%20x"),
        ("...", "..."),
        ("{id}", "%7Bid%7D"),
        ("{param.region}", "%7Bparam.region%7D"),
        ("@evil.example", "%40evil.example"),
        ("\\..\\", "%5C..%5C"),
        ("\0", "%00"),
    ],
)
def test_an_id_stays_one_segment_of_the_path(remote_id, segment):
    request = provider_of("decart").request(new_job("decart", "job", remote_id))
    assert request.url == f"https://api.decart.ai/v1/jobs/{segment}"


@settings(deadline=None)
@given(ids)
def test_every_id_can_be_read_back_from_the_path(remote_id):
    url = urlsplit(provider_of("decart").request(new_job("decart", "job", remote_id)).url)
    assert (url.netloc, url.query, url.fragment) == ("api.decart.ai", "", "")
    assert url.path.isascii()
    assert url.path.count("/") == 3
    assert unquote(url.path.removeprefix("/v1/jobs/")) == remote_id


@pytest.mark.parametrize("remote_id", [".", "..", ""])
@pytest.mark.parametrize("provider", sorted(DESCRIPTIONS))
def test_an_id_that_would_lead_to_another_path_is_refused(provider, remote_id):
    for name, kind in DESCRIPTIONS[provider].kinds.items():
        if not any(re.search(r"\{\+?id\}", path) for path in kind.paths()):
            continue
        with pytest.raises(UnusableJobError, match="cannot stand in the path of a URL") as caught:
            provider_of(provider).request(usual_job(provider, name, remote_id))
        assert caught.value.pointer == "/remote_id"


def test_parameters_and_kind_fill_the_path():
    assert ask("7").url.split("?")[0] == "https://api.regional.example/v2/eu-1/job/7"
    assert "/a%2Fb/job/7" in ask("7", {"region": "a/b", "format": "x"}).url


@pytest.mark.parametrize("name", ["region", "format"])
def test_a_job_without_a_needed_parameter_is_refused_by_its_field(name):
    for params in ({key: value for key, value in PARAMS.items() if key != name}, PARAMS | {name: None}):
        with pytest.raises(UnusableJobError, match=f"need the parameter '{name}'") as caught:
            ask(params=params)
        assert caught.value.pointer == f"/params/{name}"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_parameter_that_would_lead_to_another_path_is_refused_by_its_field(value):
    with pytest.raises(UnusableJobError) as caught:
        ask(params=PARAMS | {"region": value})
    assert caught.value.pointer == "/params/region"


def test_an_unusable_job_is_an_expected_error_of_the_provider():
    assert issubclass(UnusableJobError, ProviderError)


def test_a_query_entry_is_left_out_where_its_parameter_is_not_given():
    assert parse_qs(urlsplit(ask("7").url).query) == {"view": ["full"], "who": ["job:7"]}
    given = parse_qs(urlsplit(ask("7", PARAMS | {"project": "p 1&view=x"}).url).query)
    assert given == {"project": ["p 1&view=x"], "view": ["full"], "who": ["job:7"]}


def test_a_url_has_no_question_mark_without_a_query():
    assert "?" not in provider_of("scenario").request(new_job()).url


@pytest.mark.parametrize(("value", "text"), [(5, "5"), (0, "0"), (1.5, "1.5"), ("x", "x")])
def test_a_parameter_may_be_a_number(value, text):
    assert f"/{text}/job/" in ask(params=PARAMS | {"region": value}).url


def test_parameters_that_the_description_does_not_name_go_nowhere():
    assert ask(params=PARAMS | {"secret": "hunter2"}) == ask()


def test_every_scheme_carries_its_credentials_in_its_own_header():
    basic = with_auth('{ scheme = "basic", username = "U", password = "P" }', U="üser", P="pass:word")
    assert base64.b64decode(basic["authorization"].removeprefix("Basic ")).decode() == "üser:pass:word"
    assert with_auth('{ scheme = "bearer", token = "T" }', T="tok")["authorization"] == "Bearer tok"
    named = with_auth('{ scheme = "header", header = "X-Key", token = "T", prefix = "Key " }', T="tok")
    assert named["X-Key"] == "Key tok"
    assert "authorization" not in named
    assert with_auth('{ scheme = "none" }').keys() == {"accept", "accept-encoding", "user-agent", "X-Version"}


def test_a_header_of_the_description_goes_before_the_usual_one_in_any_case():
    text = REGIONAL.replace('X-Version = "7"', 'User-Agent = "special/1", ACCEPT = "application/vnd.x+json"')
    headers = regional(text).request(new_job("regional", "job", params=PARAMS)).headers
    assert headers == {"accept-encoding": "identity", "User-Agent": "special/1", "ACCEPT": "application/vnd.x+json"}


@pytest.mark.parametrize("provider", sorted(DESCRIPTIONS))
def test_credentials_never_show_in_the_text_of_a_request(provider):
    kind = next(iter(DESCRIPTIONS[provider].kinds))
    request = provider_of(provider).request(usual_job(provider, kind))
    account = account_of(provider)
    secrets = [*account["environment"].values(), *account["headers"].values()]
    assert all(secret not in f"{request} {request!r} {request.url}" for secret in secrets if len(secret) > 3)


@pytest.mark.parametrize("provider", sorted(DESCRIPTIONS))
def test_a_poll_is_a_get_without_a_body(provider):
    for kind in DESCRIPTIONS[provider].kinds:
        request = provider_of(provider).request(usual_job(provider, kind))
        assert (request.method, request.content) == ("GET", b"")


def test_no_poll_ever_asks_the_route_that_starts_a_training():
    assert provider_of("photogpt").request(new_job("photogpt", "training", "m/train")).url.endswith("/models/m%2Ftrain")
