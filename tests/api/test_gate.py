"""What every call passes before anything is done: scopes, what is accepted, what is sent."""

import pytest

from tracker.api.bodies import Body
from tracker.api.calls import JSON
from tracker.api.routes import CALLS

from .steps import a_job, fetch, flaws, problem, subscribe, track
from .table import adapter

CLOSED = [call for call in CALLS if call.scope is not None]
OF_A_JOB = ("", "/history", "/events", "/deliveries", "/wait")


def rows(calls):
    return pytest.mark.parametrize("call", calls, ids=lambda call: f"{call.method} {call.path}")


def test_no_call_is_in_the_table_twice():
    names = [(call.method, call.path) for call in CALLS]
    assert len(set(names)) == len(names)


@rows(CALLS)
def test_row_of_the_table_says_what_a_document_needs(call):
    assert call.about.endswith(".")
    assert call.answers
    for shape in call.answers.values():
        assert shape is None or adapter(shape).json_schema()
    assert call.body is None or (issubclass(call.body, Body) and call.method in ("POST", "PATCH"))
    assert not [parameter for parameter in (*call.query, *call.headers) if not parameter.about.endswith(".")]


@rows([call for call in CLOSED if any(call.answers.values())])
async def test_accept_that_leaves_the_answer_out_is_406_and_nothing_is_done(client, call):
    job = await track(client)
    path = call.path.replace("{id}", job["id"]).replace("{name}", "decart")
    response = await client.request(call.method, path, headers={"accept": "image/png, text/csv;q=0.5"})
    assert " or ".join(call.media_types) in problem(response, 406)["detail"]
    assert "image/png" in response.json()["detail"]
    assert await fetch(client, f"/v1/jobs/{job['id']}") == job


async def test_answer_without_a_body_is_whatever_is_accepted(client):
    job = await track(client)
    assert (await client.delete(f"/v1/jobs/{job['id']}", headers={"accept": "image/png"})).status_code == 204


async def test_health_is_told_whatever_is_accepted(stranger):
    for path in ("/healthz", "/readyz", "/docs/providers"):
        assert (await stranger.get(path, headers={"accept": "image/png"})).status_code == 200


async def test_error_is_json_for_a_browser_too(client):
    problem(await client.get("/v1/jobs/job_1", headers={"accept": "text/html,*/*;q=0.8"}), 404)


async def test_call_without_a_body_takes_an_empty_one(client):
    job = await track(client)
    path = f"/v1/jobs/{job['id']}/poll"
    assert (await client.post(path, json={})).status_code == 202
    assert (await client.post(path, content=b"", headers={"content-type": "text/plain"})).status_code == 202


async def test_call_without_a_body_refuses_one_with_something_in_it(client):
    job, subscription = await track(client), await subscribe(client)
    paths = (f"/v1/jobs/{job['id']}/poll", f"/v1/jobs/{job['id']}/cancel", "/v1/deliveries/dlv_1/retry")
    for path in (*paths, f"/v1/subscriptions/{subscription['id']}/test"):
        assert flaws(await client.post(path, json={"now": True})) == ["/now"]
        assert flaws(await client.post(path, json=[])) == [""]
        problem(await client.post(path, content=b"{"), 400)
        problem(await client.post(path, content=b"x", headers={"content-type": "text/plain"}), 415)
    assert await fetch(client, f"/v1/jobs/{job['id']}") == job


async def test_parameter_that_is_given_twice_is_refused_unless_it_adds_up(client):
    for path, name in (("/v1/jobs", "limit"), ("/v1/jobs", "created_after"), ("/v1/deliveries", "job_id")):
        assert flaws(await client.get(path, params=[(name, "1"), (name, "2")]), "parameter") == [name]
    several = [("status", "queued"), ("status", "running"), ("tag", "a"), ("tag", "b"), ("metadata.a", "1")]
    assert (await client.get("/v1/jobs", params=several)).status_code == 200


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/v1/jobs", "tag", "{}"),
        ("/v1/jobs", "metadata.{}", "1"),
        ("/v1/jobs", "status", "queued"),
        ("/v1/events", "job_id", "job_{}"),
        ("/v1/deliveries", "status", "pending"),
    ],
)
async def test_parameter_is_repeated_a_hundred_times_and_no_more(client, path, name, value):
    values = [(name.format(number), value.format(number)) for number in range(101)]
    assert (await client.get(path, params=values[:100])).status_code == 200
    response = await client.get(path, params=values)
    assert flaws(response, "parameter") == [name.format(100)]
    assert "more than 100 times" in response.json()["detail"]


async def test_hundred_tags_and_as_many_metadata_are_filtered_by(client):
    filters = [("tag", str(number)) for number in range(100)] + [(f"metadata.{n}", "1") for n in range(100)]
    assert (await client.get("/v1/jobs", params=filters)).json()["data"] == []


async def test_family_of_parameters_takes_any_that_begin_so(client):
    await fetch(client, "/v1/jobs", **{"metadata.customer": "c", "metadata.a.b": "d"})
    response = await client.get("/v1/jobs", params={"metadata": "c"})
    assert flaws(response, "parameter") == ["metadata"]
    assert "metadata.<key>" in response.json()["detail"]


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
async def test_body_in_utf_8_is_read(client, charset):
    headers = {"content-type": f"application/json; charset={charset}"}
    response = await client.post("/v1/jobs", content=b'{"provider": "decart", "remote_id": "1"}', headers=headers)
    assert response.status_code == 201


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", '"us-ascii"', "x"])
async def test_body_in_another_charset_is_415(client, charset):
    headers = {"content-type": f"application/json;charset={charset}"}
    response = await client.post("/v1/jobs", content=b"{}", headers=headers)
    assert charset.strip('"') in problem(response, 415)["detail"]


async def test_body_that_is_compressed_is_415_and_says_what_is_taken(client):
    response = await client.post("/v1/jobs", content=b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert "gzip" in problem(response, 415)["detail"]
    assert response.headers["accept-encoding"] == "identity"
    sent = await client.post("/v1/jobs", json=a_job(), headers={"content-encoding": "identity"})
    assert sent.status_code == 201


async def test_options_of_what_is_not_there_is_404(client, stranger):
    problem(await client.options("/v1/unheard-of"), 404)
    problem(await stranger.options("/v1/jobs"), 401)


@rows([call for call in CLOSED if call.method == "GET" and "{" not in call.path and JSON in call.media_types])
async def test_head_has_the_headers_of_get(client, call):
    head, get = await client.head(call.path), await client.get(call.path)
    assert (head.status_code, head.headers) == (get.status_code, get.headers)
