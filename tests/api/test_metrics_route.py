"""`GET /metrics`: who may call it, and in which forms it answers."""

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from store.records import ApiKey, Scope
from tracker.rules.keys import key_digest

from .steps import client_of, flaws, problem

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def names_of(families):
    return {family.name for family in families}


async def test_metrics_need_a_key_and_any_key_will_do(service, stranger, clock):
    problem(await stranger.get("/metrics"), 401)
    await service.keys.add(ApiKey("key_1", "prometheus", Scope.READ, key_digest("a-key-to-read"), clock()))
    async with client_of(service, "a-key-to-read") as prometheus:
        assert (await prometheus.get("/metrics")).status_code == 200


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/plain; version=x.y", "application/json, */*;q=0.1"])
async def test_metrics_are_text_for_whoever_does_not_ask_for_more(client, accept):
    response = await client.get("/metrics", headers={"accept": accept})
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "tracker_attempts" in names_of(text(response.text))


@pytest.mark.parametrize(
    "accept", [PROMETHEUS, "application/openmetrics-text", "application/openmetrics-text; version=abc"]
)
async def test_metrics_are_openmetrics_for_whoever_asks_for_that(client, accept):
    response = await client.get("/metrics", headers={"accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert response.text.endswith("# EOF\n")
    assert "tracker_attempts" in names_of(openmetrics(response.text))


async def test_both_forms_tell_the_same(client):
    plain = await client.get("/metrics")
    open_ = await client.get("/metrics", headers={"accept": PROMETHEUS})
    # The one form has no type for what never changes, so it is called by its whole name there.
    assert names_of(text(plain.text)) - {"tracker_build_info"} == names_of(openmetrics(open_.text)) - {"tracker_build"}


async def test_unknown_parameter_of_the_metrics_is_refused(client):
    assert flaws(await client.get("/metrics?name=x"), "parameter") == ["name"]


async def test_series_that_can_be_are_there_before_anything_has_happened(client):
    samples = [sample for family in text((await client.get("/metrics")).text) for sample in family.samples]
    outcomes = {sample.labels["outcome"] for sample in samples if sample.name == "tracker_attempts_total"}
    assert outcomes == {"delivered", "rejected", "timeout", "connection", "tls", "dns", "blocked"}


async def test_metrics_that_the_readme_tells_of_are_there(client):
    section = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8").partition("\n## Watch it\n")[2]
    told = set(re.findall(r"`(tracker_[a-z_]+)`", section.partition("\n## ")[0]))
    families = list(text((await client.get("/metrics")).text))
    assert len(told) > 10
    assert told <= {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
