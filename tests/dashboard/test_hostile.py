"""What comes from outside is text on every page, whatever it says."""

import json
from html import escape

import pytest

from store.records import Attempt, AttemptResult, JobError, Share, Step
from tracker.rules import retry

from ..api.steps import LEASE, see
from .visiting import Seen

HOSTILE = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "' autofocus onfocus='window.pwned=1",
    "javascript:window.pwned=1",
    "</textarea></title></style></pre></svg><svg onload=window.pwned=1>",
    "\u202eevil\u202c\u200f {{ 7 * 7 }} {% raw %} ${7*7}",
    "&lt;script&gt; &amp; <!-- --> ]]>",
)
SUBSCRIBER = "https://receiver.example"
ALLOWED_SCHEMES = ("/", "#", "https://", "http://")


async def hostile_job(stage, text):
    """A job that says this in every field that anybody else can fill."""
    body = {
        "provider": "wondercat",
        "kind": "inference",
        "remote_id": f"id{text}",
        "tags": [f"tag{text}"[:100]],
        "metadata": {f"key{text}": f"value{text}"},
        "callback_url": f"https://receiver.example/{escape(text).encode().hex()}",
    }
    answer = await stage.client.post("/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    steps = (Step(f"step{text}", f"type{text}", f"state{text}"), Step("last", None, "open", (f"step{text}",)))
    await see(stage.service, job, "running", provider_status=f"word{text}", steps=steps)
    output = {
        f"name{text}": [f"out{text}", text, f"https://cdn.example/{text}"],
        "link": f"https://x.example/{text}.png",
    }
    error = JobError(f"message{text}", f"hint{text}", f"code{text}")
    await see(stage.service, job, "failed", provider_status=f"last{text}", output=output, error=error, steps=steps)
    await _refuse_delivery(stage, text)
    return job


async def _refuse_delivery(stage, text):
    service = stage.service
    now = service.surroundings.now.advance(1)
    (each,) = await service.deliveries.claim([Share(SUBSCRIBER, False, 100)], now, now + LEASE)
    new_id = service.surroundings.new_id("att")
    result = AttemptResult.REJECTED
    made = Attempt(new_id, each.delivery.id, 1, now, 5, result, 500, f"error{text}", f"body{text}")
    await service.deliveries.record([retry.decide(each.delivery, made, (5.0,), now, 0.5)])


def is_inert(page):
    """Whether a page is made of nothing but our own elements, and leads nowhere that would run."""
    assert {script.get("src").rpartition("/")[2] for script in page.all("script")} <= {"live.js", "copy.js"}
    assert not any(page.all(name) for name in ("img", "video", "iframe", "object", "embed", "textarea", "base"))
    for element in page.elements:
        assert not [name for name in element.attributes if name.startswith("on")], element.attributes
        for name in ("href", "action", "src"):
            assert (element.get(name) or "/").startswith(ALLOWED_SCHEMES), element.attributes
        if element.name == "a" and element.get("href").startswith("http"):
            assert element.get("href").startswith(("https://cdn.example/", "https://x.example/"))


@pytest.mark.parametrize("text", HOSTILE)
async def test_page_of_a_hostile_job_is_text(stage, visitor, text):
    job = await hostile_job(stage, text)
    page = await visitor.see(f"/jobs/{job['id']}")
    is_inert(page)
    parts = ("id", "key", "value", "step", "type", "state", "last", "message", "hint", "code", "error", "body")
    for part in parts:
        assert part + text in page.text, part
    assert f"tag{text}"[:100] in page.text
    assert json.dumps(f"out{text}", ensure_ascii=False) in page.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_list_of_hostile_jobs_is_text(stage, visitor, text):
    await hostile_job(stage, text)
    page = await visitor.see("/jobs", tag=f"tag{text}"[:100])
    is_inert(page)
    assert f"id{text}" in page.text
    assert f"message{text}" in page.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_filter_is_text(visitor, text):
    for name in ("provider", "tag", "remote_id", "kind", "account", "metadata.x", "cursor", text):
        answer = await visitor.get("/jobs", **{name: text})
        assert answer.status_code in (200, 303, 422), answer.text
        is_inert(Seen(answer.text))


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_way_back_is_text(stranger, text):
    is_inert(await stranger.see("/login", next="/" + text))
    is_inert(Seen((await stranger.client.post("/login", data={"key": text, "next": text})).text))
