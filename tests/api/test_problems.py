"""Whatever goes wrong is told as `application/problem+json`."""

import httpx
import pytest

from tracker.api.bodies import LARGEST_BODY

from .steps import KEY, a_job, fetch, flaws, problem, subscribe, track


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/subscriptions"])
async def test_broken_json_is_400(client, path):
    broken = [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b'{"a": 1,}', b"\xff\xfe", b'{"a": "\xff"}', b'{"a": "\\ud800"}']
    odd = [b"[" * 100_000, b'{"a": 1} {}', b"\xef\xbb\xbf{}", b'{"a": 1e999}', b'{"a": "\0"}']
    for body in broken + odd:
        assert "not valid JSON" in problem(await client.post(path, content=body), 400)["detail"]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/subscriptions"])
async def test_body_of_another_type_is_415(client, path):
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""):
        response = await client.post(path, content=b"{}", headers={"content-type": media_type})
        assert repr(media_type) in problem(response, 415)["detail"]


async def test_form_is_415(client):
    problem(await client.post("/v1/jobs", data=a_job()), 415)


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/subscriptions"])
async def test_body_over_1_mib_is_413(client, path):
    response = await client.post(path, content=b" " * (LARGEST_BODY + 1))
    assert str(LARGEST_BODY) in problem(response, 413)["detail"]


async def test_body_over_1_mib_is_not_read_to_its_end(client):
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 1
            yield b" " * 65_536

    problem(await client.post("/v1/jobs", content=endless()), 413)
    assert read == 17


async def test_body_of_1_mib_is_read(client):
    body = b'{"provider": "decart", "remote_id": "1"}'
    response = await client.post("/v1/jobs", content=body.ljust(LARGEST_BODY))
    assert response.status_code == 201


async def test_unknown_path_is_404(client):
    for path in (
        "/v1",
        "/v1/unheard-of",
        "/v2/jobs",
        "/v1/jobs/",
        "/v1/jobs/x/unheard-of",
        "/healthz/",
        "/.well-known/unheard-of",
    ):
        problem(await client.get(path), 404)


async def test_method_that_is_not_possible_is_405_with_those_that_are(client):
    allowed = {
        "/v1/jobs": "GET, HEAD, OPTIONS, POST",
        "/v1/jobs/batch": "OPTIONS, POST",
        "/v1/jobs/job_1": "DELETE, GET, HEAD, OPTIONS",
        "/v1/jobs/job_1/history": "GET, HEAD, OPTIONS",
        "/v1/jobs/job_1/poll": "OPTIONS, POST",
        "/healthz": "GET, HEAD, OPTIONS",
    }
    for path, methods in allowed.items():
        response = await client.put(path)
        assert "PUT" in problem(response, 405)["detail"]
        assert response.headers["allow"] == methods
        asked = await client.options(path)
        assert (asked.status_code, asked.content, asked.headers["allow"]) == (204, b"", methods)


async def test_unknown_query_parameter_is_refused_everywhere(client):
    job, subscription = await track(client), await subscribe(client)
    one = f"/v1/jobs/{job['id']}"
    parts = ["", "/history", "/events", "/deliveries", "/wait"]
    calls = [("GET", path) for path in ("/v1/jobs", "/v1/subscriptions", "/v1/deliveries", "/v1/callback-secret")]
    calls += [("GET", one + part) for part in parts] + [("GET", f"/v1/subscriptions/{subscription['id']}")]
    calls += [("POST", f"{one}/poll"), ("POST", "/v1/jobs"), ("POST", "/v1/subscriptions"), ("DELETE", one)]
    calls += [("POST", f"/v1/subscriptions/{subscription['id']}/test"), ("POST", "/v1/deliveries/dlv_1/retry")]
    calls += [("GET", "/v1/deliveries/dlv_1"), ("DELETE", f"/v1/subscriptions/{subscription['id']}")]
    for method, path in calls:
        body = {"json": a_job()} if method == "POST" else {}
        response = await client.request(method, path, params={"colour": "red"}, **body)
        assert flaws(response, "parameter") == ["colour"]
        assert "'colour'" in response.json()["detail"]
    assert await fetch(client, one) == job


async def test_fault_of_ours_is_500_and_tells_no_more_than_that(service):
    async def broken(*_arguments):
        message = "the secret is hush-hush"
        raise RuntimeError(message)

    service.jobs.find = broken
    transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tracker", trust_env=False) as client:
        response = await client.get("/v1/jobs", headers={"authorization": f"Bearer {KEY}"})
    problem(response, 500)
    assert response.headers["connection"] == "close"
    assert "hush" not in response.text
