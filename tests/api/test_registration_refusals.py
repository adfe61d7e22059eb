"""`POST /v1/jobs`: what is refused, and how the answer says why."""

import pytest

from .steps import KEY, a_job, client_of, fetch, flaws, problem, see, track

TOO_LONG = "x" * 501
WRONG = [
    ({"remote_id": ""}, "/remote_id"),
    ({"remote_id": TOO_LONG}, "/remote_id"),
    ({"remote_id": 7}, "/remote_id"),
    ({"remote_id": None}, "/remote_id"),
    ({"provider": TOO_LONG}, "/provider"),
    ({"kind": ""}, "/kind"),
    ({"account": ""}, "/account"),
    ({"account": None}, "/account"),
    ({"params": []}, "/params"),
    ({"params": {"a": {"nested": 1}}}, "/params/a"),
    ({"metadata": {"a": [1]}}, "/metadata/a"),
    ({"metadata": {"str": {"int": 1}}}, "/metadata/str"),
    ({"metadata": {"a/b~c": []}}, "/metadata/a~1b~0c"),
    ({"metadata": {"": 1}}, "/metadata/"),
    ({"metadata": {TOO_LONG: 1}}, f"/metadata/{TOO_LONG}"),
    ({"metadata": {str(n): n for n in range(51)}}, "/metadata"),
    ({"tags": "a"}, "/tags"),
    ({"tags": ["a", 1]}, "/tags/1"),
    ({"tags": ["", "a"]}, "/tags/0"),
    ({"tags": [str(n) for n in range(51)]}, "/tags"),
    ({"callback_url": ""}, "/callback_url"),
    ({"callback_url": "https://a.example/" + "x" * 2048}, "/callback_url"),
    ({"events": []}, "/events"),
    ({"events": "job.*"}, "/events"),
    ({"timeout_seconds": 0}, "/timeout_seconds"),
    ({"timeout_seconds": -1}, "/timeout_seconds"),
    ({"timeout_seconds": 30 * 86_400 + 1}, "/timeout_seconds"),
    ({"timeout_seconds": "60"}, "/timeout_seconds"),
    ({"timeout_seconds": True}, "/timeout_seconds"),
    ({"poll_after": "2026-01-01T12:00:00"}, "/poll_after"),
    ({"poll_after": "2026-01-01"}, "/poll_after"),
    ({"poll_after": "tomorrow"}, "/poll_after"),
    ({"poll_after": 1_800_000_000}, "/poll_after"),
    ({"poll_after": "1800000000"}, "/poll_after"),
    ({"poll_after": "9999-12-31T23:59:59-14:00"}, "/poll_after"),
    ({"poll_after": "0001-01-01T00:00:00+14:00"}, "/poll_after"),
    ({"rerun": "yes"}, "/rerun"),
    ({"rerun": 1}, "/rerun"),
    ({"rerun": None}, "/rerun"),
    ({"tag": ["a"]}, "/tag"),
    ({"int": 1}, "/int"),
    ({"a/b": 1}, "/a~1b"),
]


async def test_unknown_provider_is_refused_with_those_that_exist(client):
    response = await client.post("/v1/jobs", json=a_job(provider="unheard-of"))
    assert flaws(response) == ["/provider"]
    assert {"decart,", "photogpt,", "scenario,"} <= set(response.json()["detail"].split())


async def test_unknown_kind_is_refused_with_those_that_exist(client):
    response = await client.post("/v1/jobs", json=a_job(kind="unheard-of"))
    assert flaws(response) == ["/kind"]
    assert "editor, inference, publish" in response.json()["detail"]


async def test_kind_must_be_named_where_there_is_no_usual_one(client):
    response = await client.post("/v1/jobs", json={"provider": "wondercat", "remote_id": "1"})
    assert flaws(response) == ["/kind"]
    assert "editor, inference, publish" in response.json()["detail"]


@pytest.mark.parametrize(
    ("provider", "account", "variables"),
    [
        ("decart", "default", ["DECART_API_KEY"]),
        ("scenario", "default", ["SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET"]),
        ("scenario", "team-a", ["SCENARIO_SDK_API_KEY__TEAM_A", "SCENARIO_SDK_API_SECRET__TEAM_A"]),
        ("photogpt", "b2", ["PHOTOGPT_API_KEY__B2"]),
    ],
)
async def test_account_without_credentials_is_refused_with_the_variables_to_set(start, provider, account, variables):
    service = await start(DECART_API_KEY="", SCENARIO_SDK_API_KEY="", SCENARIO_SDK_API_SECRET="")
    async with client_of(service, KEY) as client:
        response = await client.post("/v1/jobs", json={"provider": provider, "account": account, "remote_id": "1"})
    assert flaws(response) == ["/account"]
    named = response.json()["detail"]
    assert all(f"{variable} " in named for variable in variables)


async def test_only_the_missing_variable_is_named(start):
    service = await start(SCENARIO_SDK_API_SECRET="")
    async with client_of(service, KEY) as client:
        response = await client.post("/v1/jobs", json={"provider": "scenario", "remote_id": "1"})
    assert "SCENARIO_SDK_API_KEY" not in problem(response, 422)["detail"]


async def test_account_whose_name_no_variable_can_have_is_refused(client):
    for account in ("a b", "-a", "a/b", "ü", "a" * 65):
        assert flaws(await client.post("/v1/jobs", json=a_job(account=account))) == ["/account"]


async def test_remote_id_that_would_climb_in_the_path_is_refused(client):
    for remote_id in (".", ".."):
        assert flaws(await client.post("/v1/jobs", json=a_job(remote_id=remote_id))) == ["/remote_id"]


async def test_field_that_is_wrong_or_unknown_is_pointed_to(client):
    found = [(changes, *flaws(await client.post("/v1/jobs", json=a_job(**changes)))) for changes, _ in WRONG]
    assert found == WRONG


async def test_every_flaw_is_pointed_to(client):
    response = await client.post("/v1/jobs", json={"remote_id": "", "colour": "red", "tags": [1]})
    assert sorted(flaws(response)) == ["/colour", "/provider", "/remote_id", "/tags/0"]


async def test_body_that_is_no_object_is_refused_as_a_whole(client):
    for body in ("[]", "null", '"text"', "1"):
        response = await client.post("/v1/jobs", content=body)
        assert flaws(response) == [""]
        assert "should be an object" in response.json()["detail"]


async def test_event_type_that_does_not_exist_is_refused(client):
    for pattern in ("job.done", "job", "job.s*", "*.succeeded", "JOB.SUCCEEDED", "webhook.*", "**"):
        response = await client.post("/v1/jobs", json=a_job(events=["job.failed", pattern]))
        assert flaws(response) == ["/events"]
        assert repr(pattern) in response.json()["detail"]


async def test_nul_character_is_refused_wherever_it_hides(client):
    hidden = [
        ({"remote_id": "a\0b"}, "/remote_id"),
        ({"tags": ["a", "\0"]}, "/tags/1"),
        ({"params": {"a": "\0"}}, "/params/a"),
        ({"metadata": {"a\0": 1}}, "/metadata/a\0"),
    ]
    for changes, pointer in hidden:
        assert flaws(await client.post("/v1/jobs", json=a_job(**changes))) == [pointer]


async def test_refused_registration_leaves_nothing_behind(client):
    problem(await client.post("/v1/jobs", json=a_job(callback_url="http://10.0.0.1/")), 422)
    assert (await fetch(client, "/v1/jobs"))["data"] == []


async def test_rerun_is_checked_like_any_registration(client, service):
    job = await track(client)
    await see(service, job, "succeeded")
    assert flaws(await client.post("/v1/jobs", json=a_job(rerun=True, events=["no.such"]))) == ["/events"]
