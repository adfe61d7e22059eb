"""Made-up providers: one that says as little as a description can, one that says all that it can."""

import orjson

from tracker.providers.catalog import Catalog
from tracker.providers.description import parse_description
from tracker.rules.exchange import HttpAnswer

from .cases import NOW, new_job

SMALL = """
    name = "small"
    title = "Small"
    base_url = "https://api.small.example"
    auth = { scheme = "bearer", token = "SMALL_API_KEY" }
    [kinds.job]
    path = "/jobs/{id}"
    status = { pointers = ["/status"], running = ["busy"], succeeded = ["done"] }
    timing = { interval = 5 }
"""

KITCHEN = """
    name = "kitchen"
    title = "Kitchen"
    base_url = "https://kitchen.example/v1"
    default_kind = "meal"
    auth = { scheme = "none" }
    [kinds.meal]
    path = "/meals/{id}"
    id = ["/id"]
    progress = { pointer = "/percent", scale = 100 }
    output = { dishes = "/dishes/*/name", bill = "/bill" }
    result_urls = { photo_url = "/meals/{id}/photo/{param.size}" }
    error = { message = ["/error"], hint = "/hint", code = "/code" }
    times = { created = "/times/0", started = "/times/1", finished = "/times/2" }
    history = { items = "/log", status = "/what", at = "/when" }
    timing = { interval = 5 }
    [kinds.meal.status]
    pointers = ["/status", "/state"]
    queued = ["waiting"]
    running = ["cooking"]
    succeeded = ["served"]
    failed = ["burnt"]
    expired = ["stale"]
    [kinds.meal.steps]
    items = "/steps"
    id = "/id"
    type = "/type"
    status = "/status"
    approval = { type = "taste", status = "open", depends_on = "/after", done = ["done"] }
"""
PROVIDER = Catalog([parse_description(KITCHEN, "kitchen.toml")], {}).find("kitchen")
JOB = new_job("kitchen", "meal", "meal/1", params={"size": "l"})


def read_bytes(body):
    return PROVIDER.read(JOB, HttpAnswer(200, {}, body), NOW)


def read(**answer):
    return read_bytes(orjson.dumps({"status": "cooking"} | answer))


def read_by(text, **answer):
    """What another description makes of an answer."""
    provider = Catalog([described := parse_description(text, "other.toml")], {}).find(described.name)
    job = new_job(described.name, next(iter(described.kinds)))
    return provider.read(job, HttpAnswer(200, {}, orjson.dumps(answer)), NOW)
