"""The pages of subscriptions, and what is done there by buttons."""

import pytest

from ..api.steps import PUBLIC_URL, a_job, attempt, ids_of, see, subscribe
from .visiting import Seen, leads_to
from .webhooks import FORM, links, marked, once, rows, send


@pytest.fixture
async def made(stage):
    """A subscription, without its secret."""
    made = await subscribe(stage.client, events=["job.*"])
    del made["secret"]
    return made


@pytest.fixture
def path(made):
    return f"/subscriptions/{made['id']}"


async def test_list_tells_of_each_subscription(stage, visitor, made):
    other = await subscribe(
        stage.client, callback_url=f"{PUBLIC_URL}/2", description="for us", tags=["hero"], kinds=["editor"]
    )
    await stage.client.patch(f"/v1/subscriptions/{other['id']}", json={"status": "paused"})
    page = await visitor.see("/subscriptions")
    assert [row.get("id") for row in rows(page)] == [other["id"], made["id"]]
    for told in ("paused", f"{PUBLIC_URL}/2", "for us", "hero", "editor", "job.failed"):
        assert told in rows(page)[0].text
    assert {f"/subscriptions/{other['id']}", "/subscriptions/new"} <= set(links(page))


async def test_list_goes_on_where_a_page_ends(stage, visitor, made):
    other = await subscribe(stage.client)
    first = await visitor.see("/subscriptions?limit=1")
    (older,) = [link.get("href") for link in first.all("a") if link.get("rel") == "next"]
    assert [row.get("id") for row in rows(first) + rows(await visitor.see(older))] == [other["id"], made["id"]]


async def test_empty_list_says_the_next_step(visitor):
    page = await visitor.see("/subscriptions")
    assert "tracker subscriptions add" in page.text
    assert "/subscriptions/new" in links(page)


async def test_test_leads_to_the_delivery_that_it_makes(stage, visitor, made, path):
    answer = await visitor.send(f"{path}/test", once=once())
    (delivery,) = (await stage.client.get("/v1/deliveries")).json()["data"]
    assert leads_to(answer, f"/deliveries/{delivery['id']}")
    assert (delivery["event_type"], delivery["subscription_id"]) == ("subscription.test", made["id"])


async def test_test_that_is_sent_twice_is_one(stage, visitor, path):
    key = once()
    assert [(await visitor.send(f"{path}/test", once=key)).status_code for _ in range(2)] == [303, 303]
    assert len(await ids_of(stage.client, "/v1/deliveries")) == 1


async def test_subscription_is_paused_and_made_active_by_its_buttons(visitor, path):
    for status, offered in (("paused", "Activate"), ("active", "Pause"), ("disabled", "Activate")):
        assert leads_to(await visitor.send(f"{path}/status", status=status), path)
        page = await visitor.see(path)
        assert status in page.text
        assert offered in [button.text for button in page.all("button")]


async def test_subscription_is_made_active_without_what_has_gathered(stage, visitor, path):
    await visitor.send(f"{path}/status", status="paused")
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    await see(stage.service, job, "running")
    await visitor.send(f"{path}/status", status="active", from_now="1")
    deliveries = (await stage.client.get("/v1/deliveries")).json()["data"]
    assert [delivery["status"] for delivery in deliveries] == ["canceled"]


async def test_page_tells_why_a_subscription_is_disabled(stage, visitor, made, path):
    await visitor.send(f"{path}/test", once=once())
    await attempt(stage.service, made["id"], 410)
    page = await visitor.see(path)
    assert "410 Gone" in page.text
    assert "keeps collecting" in page.text


async def test_pages_tell_how_a_subscription_fails(stage, visitor, made, path):
    assert "in a row" not in (await visitor.see(path)).text
    await visitor.send(f"{path}/test", once=once())
    await attempt(stage.service, made["id"], 503)
    assert "1 attempt has failed" in (await visitor.see("/subscriptions")).text
    page = await visitor.see(path)
    assert "1 attempt has failed" in page.text
    assert "held back" in page.text


async def test_rotation_shows_the_new_secret_this_once(visitor, path):
    answer = await visitor.send(f"{path}/rotate-secret", once=once(), grace_seconds="3600")
    assert answer.status_code == 200
    page = Seen(answer.text)
    assert [code for code in page.all("code") if code.text.startswith("whsec_")]
    assert "2026-01-01T13:00:00.000Z" in [time.get("datetime") for time in page.all("time")]
    assert "whsec_" not in (await visitor.see(path)).text


async def test_rotation_that_is_sent_twice_is_one(visitor, path):
    key = once()
    answers = [await visitor.send(f"{path}/rotate-secret", once=key, grace_seconds="0") for _ in range(2)]
    assert len({answer.text.partition("whsec_")[2][:44] for answer in answers}) == 1


async def test_replay_shows_its_progress(stage, visitor, clock, made, path):
    job = (await stage.client.post("/v1/jobs", json=a_job())).json()
    for status in ("running", "succeeded"):
        await see(stage.service, job, status)
        await attempt(stage.service, made["id"], 200)
    clock.advance(1)
    answer = await visitor.send(
        f"{path}/replay", once=once(), since="2026-01-01T11:00", events=["job.succeeded"], rate="0.5"
    )
    assert leads_to(answer, f"{path}#replays")
    (replay,) = (await stage.client.get(f"/v1{path}/replays")).json()["data"]
    assert (replay["events"], replay["rate"], replay["only_failed"]) == (["job.succeeded"], 0.5, False)
    assert replay["since"] == "2026-01-01T11:00:00.000Z"
    page = await visitor.see(path)
    (row,) = [row for row in page.all("tr") if row.get("id") == replay["id"]]
    assert "0 of 1" in row.text
    (bar,) = page.all("progress")
    assert (bar.get("max"), bar.get("value")) == ("1", "0")
    await stage.service.replayer.tick()
    assert "1 of 1" in (await visitor.see(path)).text


async def test_replay_of_what_has_not_arrived_is_asked_for(stage, visitor, path):
    await visitor.send(
        f"{path}/replay", once=once(), since="2026-01-01T11:00", until="2026-01-01T11:30", only_failed="1"
    )
    (replay,) = (await stage.client.get(f"/v1{path}/replays")).json()["data"]
    assert (replay["only_failed"], replay["until"]) == (True, "2026-01-01T11:30:00.000Z")
    assert "only what had failed" in (await visitor.see(path)).text


async def test_replay_that_the_api_refuses_is_told_at_its_field(visitor, path):
    answer = await visitor.send(f"{path}/replay", once=once(), since="2027-01-01T00:00:00", rate="5")
    assert answer.status_code == 422
    page = Seen(answer.text)
    assert list(marked(page)) == ["since"]
    values = {field.get("name"): field.get("value") for field in page.all("input")}
    assert (values["since"], values["rate"]) == ("2027-01-01T00:00:00", "5")


async def test_subscription_is_removed_when_that_is_confirmed(stage, visitor, made, path):
    page = await visitor.see(f"{path}/remove")
    assert made["callback_url"] in page.text
    assert page.forms() == [f"{path}/remove"]
    assert await ids_of(stage.client, "/v1/subscriptions") == [made["id"]]
    assert leads_to(await visitor.send(f"{path}/remove"), "/subscriptions")
    assert await ids_of(stage.client, "/v1/subscriptions") == []
    assert (await visitor.get(path)).status_code == 404


async def test_page_shows_the_newest_deliveries(stage, visitor, made, path):
    await visitor.send(f"{path}/test", once=once())
    await attempt(stage.service, made["id"], 500)
    (delivery,) = (await stage.client.get("/v1/deliveries")).json()["data"]
    page = await visitor.see(path)
    (row,) = [row for row in rows(page) if row.get("id") == delivery["id"]]
    assert "HTTP 500" in row.text
    assert f"/deliveries?subscription_id={made['id']}" in links(page)


async def test_values_of_headers_are_not_shown(stage, visitor):
    made = await subscribe(stage.client, headers={"authorization": "Bearer xyz"})
    page = await visitor.see(f"/subscriptions/{made['id']}")
    assert "authorization" in page.text
    assert "xyz" not in page.text


async def test_key_that_may_only_read_sees_no_buttons_and_could_not_use_them(stage, enter, new_key, made, path):
    reader = await enter((await new_key("read"))[0])
    for each in ("/subscriptions", path, f"{path}/remove"):
        page = await reader.see(each)
        assert page.forms() == []
        assert "/subscriptions/new" not in links(page)
    assert (await reader.get("/subscriptions/new")).status_code == 403
    for verb in ("test", "status", "rotate-secret", "replay", "remove"):
        answer = await reader.send(f"{path}/{verb}", once=once(), status="paused", since="2026-01-01T00:00:00")
        assert answer.status_code == 403
    assert (await send(reader, **FORM)).status_code == 403
    assert (await stage.client.get("/v1/subscriptions")).json()["data"] == [made]


async def test_key_that_may_write_rotates_no_secret(enter, new_key, path):
    writer = await enter((await new_key("write"))[0])
    assert f"{path}/rotate-secret" not in (await writer.see(path)).forms()
    answer = await writer.send(f"{path}/rotate-secret", once=once(), grace_seconds="0")
    assert answer.status_code == 403
    assert "whsec_" not in answer.text
