"""Which provider, kind, account and base URL is meant, and what a user is told who means none that exists."""

import pytest

from tracker.providers.catalog import Catalog, MissingCredentialsError
from tracker.providers.description import DescriptionError, parse_description
from tracker.providers.environment import ProviderError, variable_of
from tracker.rules.schedule import Timing

from .cases import DESCRIPTIONS, new_job
from .kitchen import SMALL

KEYS = {
    "SCENARIO_SDK_API_KEY": "key",
    "SCENARIO_SDK_API_SECRET": "secret",
    "WONDERCAT_API_KEY": "w",
    "DECART_API_KEY": "d",
}


def catalog(**environ):
    return Catalog(DESCRIPTIONS.values(), environ)


def test_a_provider_is_found_by_its_name():
    assert catalog().find("decart").description is DESCRIPTIONS["decart"]
    assert {provider.description.name for provider in catalog()} == DESCRIPTIONS.keys()


@pytest.mark.parametrize("name", ["sora", "", "Scenario", "../scenario"])
def test_an_unknown_provider_is_answered_with_those_that_exist(name):
    with pytest.raises(ProviderError) as caught:
        catalog().find(name)
    assert str(caught.value) == f"There is no provider {name!r}; known are: {', '.join(sorted(DESCRIPTIONS))}."


@pytest.mark.parametrize(("provider", "usual"), [("scenario", "job"), ("decart", "job"), ("photogpt", "job")])
def test_a_kind_may_be_left_out_where_one_is_usual(provider, usual):
    assert catalog().find(provider).kind(None) == usual
    assert catalog().find(provider).kind("job") == "job"


def test_a_kind_must_be_named_where_none_is_usual():
    with pytest.raises(ProviderError) as caught:
        catalog().find("wondercat").kind(None)
    assert str(caught.value) == "Provider 'wondercat' has several kinds; name one of: editor, inference, publish."


@pytest.mark.parametrize("provider", sorted(DESCRIPTIONS))
def test_an_unknown_kind_is_answered_with_those_that_exist(provider):
    with pytest.raises(ProviderError) as caught:
        catalog().find(provider).kind("unheard-of")
    kinds = ", ".join(sorted(DESCRIPTIONS[provider].kinds))
    assert str(caught.value) == f"Provider {provider!r} has no kind 'unheard-of'; name one of: {kinds}."


@pytest.mark.parametrize(
    ("provider", "kind", "timing"),
    [
        ("scenario", "job", Timing(3, 3)),
        ("wondercat", "inference", Timing(1, 1, 1.5, 5)),
        ("wondercat", "editor", Timing(1, 1, 1.5, 5)),
        ("wondercat", "publish", Timing(1, 1, 1.5, 5)),
        ("decart", "job", Timing(1, 1, 1.5, 10, 3600)),
        ("photogpt", "job", Timing(5, 5)),
        ("photogpt", "training", Timing(300, 300)),
    ],
)
def test_the_intervals_are_those_of_the_providers_documentation(provider, kind, timing):
    documented = catalog().find(provider).timing(kind)
    names = ("first", "interval", "multiplier", "cap", "timeout")
    assert [getattr(documented, name) for name in names] == [getattr(timing, name) for name in names]
    assert documented.tells_queue


def test_credentials_come_from_the_variables_that_the_description_names():
    found = catalog(**KEYS).find("scenario").credentials("default")
    assert found == {"username": "key", "password": "secret"}


@pytest.mark.parametrize(
    ("account", "variable"),
    [
        ("default", "KEY"),
        ("team-a", "KEY__TEAM_A"),
        ("team_b", "KEY__TEAM_B"),
        ("Prod2", "KEY__PROD2"),
        ("a" * 64, "KEY__" + "A" * 64),
    ],
)
def test_an_account_has_variables_of_its_own(account, variable):
    assert variable_of("KEY", account) == variable


@pytest.mark.parametrize("account", ["", "-a", "_", "a b", "a.b", "ä", "a=b", "a\n", "a" * 65])
def test_what_is_no_account_name_is_refused(account):
    with pytest.raises(ProviderError, match="is not an account name: use letters, digits, '-' and '_'"):
        variable_of("KEY", account)


def test_an_account_never_falls_back_to_the_credentials_of_another():
    environ = KEYS | {"DECART_API_KEY__TEAM_A": "team"}
    decart = catalog(**environ).find("decart")
    assert decart.credentials("team-a") == {"token": "team"}
    assert decart.request(new_job("decart", "job", account="team-a")).headers["X-API-KEY"] == "team"
    with pytest.raises(MissingCredentialsError, match="DECART_API_KEY__TEAM_B"):
        decart.credentials("team-b")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, "SCENARIO_SDK_API_KEY and SCENARIO_SDK_API_SECRET"),
        ({"SCENARIO_SDK_API_KEY": "k"}, "SCENARIO_SDK_API_SECRET"),
        ({"SCENARIO_SDK_API_KEY": "k", "SCENARIO_SDK_API_SECRET": ""}, "SCENARIO_SDK_API_SECRET"),
        ({"SCENARIO_SDK_API_SECRET": "hunter2"}, "SCENARIO_SDK_API_KEY"),
    ],
)
def test_missing_credentials_are_told_by_the_names_of_their_variables(environ, missing):
    with pytest.raises(MissingCredentialsError) as caught:
        catalog(**environ).find("scenario").request(new_job())
    assert str(caught.value) == (
        "Account 'default' of provider 'scenario' has no credentials: "
        f"set {missing} in the service's environment and restart it."
    )


def test_credential_that_no_header_carries_is_refused_by_the_name_of_its_variable():
    with pytest.raises(MissingCredentialsError, match="DECART_API_KEY holds a character"):
        catalog(DECART_API_KEY="schl\u00fcssel").find("decart").credentials("default")


def test_basic_credentials_may_hold_any_character_for_they_are_encoded():
    environ = {"SCENARIO_SDK_API_KEY": "k", "SCENARIO_SDK_API_SECRET": "\u00fc"}
    assert catalog(**environ).find("scenario").credentials("default")["password"] == "\u00fc"


@pytest.mark.parametrize(
    ("value", "base_url"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("https://proxy.example/decart/", "https://proxy.example/decart"),
        ("http://[::1]:9000/a", "http://[::1]:9000/a"),
        ("", "https://api.decart.ai"),
    ],
)
def test_a_base_url_can_be_overridden_by_its_variable(value, base_url):
    decart = catalog(**KEYS, TRACKER_DECART_BASE_URL=value).find("decart")
    assert decart.base_url == base_url
    assert decart.request(new_job("decart", "job", "1")).url == f"{base_url}/v1/jobs/1"


@pytest.mark.parametrize(
    "value",
    [
        "proxy.example",
        "ftp://proxy.example",
        "https://",
        "https:///x",
        "https://a b",
        "https://a/b?c=d",
        "https://a/b#c",
        "https://a?b",
        "https://a\n",
        " https://a",
    ],
)
def test_a_wrong_base_url_stops_the_start_and_names_its_variable(value):
    with pytest.raises(DescriptionError) as caught:
        catalog(TRACKER_DECART_BASE_URL=value)
    assert "TRACKER_DECART_BASE_URL is " in str(caught.value)
    assert "give a URL like https://api.decart.ai" in str(caught.value)


def test_a_dash_in_a_providers_name_is_an_underscore_in_its_variable():
    described = parse_description(SMALL.replace('"small"', '"my-lab"'), "lab.toml")
    found = Catalog([described], {"TRACKER_MY_LAB_BASE_URL": "http://localhost:1"}).find("my-lab")
    assert found.base_url == "http://localhost:1"
