"""The document of the API: complete, valid, true, and open to all, for programs and for people."""

import re
from datetime import UTC, datetime

import orjson
import pytest
from openapi_spec_validator import validate

from store.records import PayloadForm, Step
from tracker import __version__
from tracker.api.openapi import document_of
from tracker.api.routes import CALLS, ROUTES
from tracker.api.webhooks import WEBHOOKS
from tracker.rules.events import EVENT_TYPES, subscription_disabled_event, subscription_test_event
from tracker.rules.payload import webhook_body

from .fuzzed import furnish
from .steps import fetch, see, track
from .table import adapter

DOCUMENT = document_of(CALLS)
OPERATIONS = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
WITH_BODY = [call for call in CALLS if call.body is not None]


@pytest.fixture
async def page(stranger):
    return (await stranger.get("/docs")).text


def test_document_is_valid():
    validate(DOCUMENT)


async def test_document_is_served_to_all_as_it_is(stranger):
    response = await stranger.get("/openapi.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT
    assert response.json()["info"]["version"] == __version__


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_who_knows_it_is_answered_304(stranger, path):
    first = await stranger.get(path)
    again = await stranger.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"
    assert (await stranger.get(path, headers={"if-none-match": '"other"'})).status_code == 200


def test_how_many_values_a_filter_takes_is_said():
    parameters = OPERATIONS["GET", "/v1/jobs"]["parameters"]
    schemas = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
    assert {schemas[name]["maxItems"] for name in ("provider", "status", "tag", "remote_id")} == {100}
    assert schemas["metadata"]["maxProperties"] == 100
    assert "maxItems" not in schemas["created_after"]


def test_every_route_is_in_the_document(service):
    served = {(method, route.path) for route in service.app.routes for method in route.methods - {"HEAD"}}
    assert served == OPERATIONS.keys()
    assert len(ROUTES) == len(OPERATIONS)


def test_operations_have_names_that_programs_can_use():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    names += [operations["post"]["operationId"] for operations in DOCUMENT["webhooks"].values()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)*", name)]
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == tags


def test_document_says_who_may_call():
    for call in CALLS:
        security = OPERATIONS[call.method, call.path]["security"]
        assert security == ([] if call.scope is None else [{"key": [call.scope.value]}])


def test_bodies_are_closed_and_answers_may_grow():
    schemas = DOCUMENT["components"]["schemas"]
    assert all(schemas[call.body.__name__]["additionalProperties"] is False for call in WITH_BODY)
    assert "additionalProperties" not in schemas["Job"]


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: call.name)
async def test_example_works_as_it_is(service, client, call):
    ids = await furnish(service)
    path = call.path.replace("{id}", ids.get(call.path.split("/")[2], ""))
    example = OPERATIONS[call.method, call.path]["requestBody"]["content"]["application/json"]["example"]
    response = await client.request(call.method, path, json=example)
    assert response.status_code in call.answers, response.text
    assert [row["status"] for row in response.json().get("data", [])] in ([], [201, 201])


def test_every_event_type_has_its_webhook():
    assert tuple(DOCUMENT["webhooks"]) == tuple(WEBHOOKS) == EVENT_TYPES
    for operations in DOCUMENT["webhooks"].values():
        headers = {parameter["name"] for parameter in operations["post"]["parameters"]}
        assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}


async def test_webhooks_of_a_job_carry_what_the_document_says(service, client):
    job = await track(client)
    await see(service, job, "running", progress=0.1, steps=(Step("s1", "upscale", "running"),))
    await see(service, job, "running", progress=0.5, steps=(Step("s1", "upscale", "done"),))
    await see(service, job, "succeeded", output={"image": "https://cdn.example/1.png"})
    events = (await fetch(client, f"/v1/jobs/{job['id']}/events"))["data"]
    assert {event["type"] for event in events} == {"job.running", "job.progress", "job.step", "job.succeeded"}
    for event in events:
        body = orjson.dumps({name: value for name, value in event.items() if name != "id"})
        for form in PayloadForm:
            sent = webhook_body(body, form, "https://tracker.example/v1/jobs")
            assert adapter(WEBHOOKS[event["type"]]).validate_json(sent)


async def test_webhooks_of_a_subscription_carry_what_the_document_says(service):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    subscription = await service.subscriptions.get((await furnish(service))["subscriptions"])
    for event in (
        subscription_test_event(subscription.id, "nonce", now),
        subscription_disabled_event(subscription, "It answered 410.", now),
    ):
        assert adapter(WEBHOOKS[event.type]).validate_json(event.body)


def test_page_shows_every_call_every_webhook_and_every_shape(page):
    assert f"<h1>Tracker {__version__}</h1>" in page
    for (method, path), operation in OPERATIONS.items():
        assert f'<h3 id="{operation["operationId"]}"><code>{method} {path}</code></h3>' in page
    for event_type in EVENT_TYPES:
        assert f"<td><code>{event_type}</code></td>" in page
    for name in DOCUMENT["components"]["schemas"]:
        assert f'<h3 id="shape-{name}">' in page


def test_links_of_the_page_lead_somewhere(page):
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    links = set(re.findall(r'href="([^"]+)"', page))
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json", "/docs/providers"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


async def test_nothing_runs_or_is_fetched_on_the_page(stranger):
    response = await stranger.get("/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert not re.search(r"<script|<img|<link|<iframe| on[a-z]+=|javascript:| style=", response.text)
