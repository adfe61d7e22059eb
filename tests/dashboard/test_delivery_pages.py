"""The pages of deliveries: which there are, how each came to stand so, and sending one again."""

import pytest

from ..api.steps import PUBLIC_URL, a_job, attempt, see, subscribe
from .visiting import leads_to


def shown(page):
    return [row.get("id") for row in page.all("tr") if row.get("id")]


def links(page):
    return [link.get("href") for link in page.all("a")]


@pytest.fixture
async def deliveries(stage):
    """Fetches them, the newest first."""

    async def deliveries(**filters):
        return (await stage.client.get("/v1/deliveries", params=filters)).json()["data"]

    return deliveries


@pytest.fixture
async def job(stage):
    return (await stage.client.post("/v1/jobs", json=a_job())).json()


async def subscribed(stage, **changes):
    return await subscribe(stage.client, events=["job.*"], **changes)


async def test_address_holds_the_filter(stage, visitor, job, deliveries):
    one, other = await subscribed(stage), await subscribed(stage, callback_url=f"{PUBLIC_URL}/2")
    await see(stage.service, job, "running")
    await attempt(stage.service, one["id"], 200)
    (arrived,), (waiting,) = await deliveries(subscription_id=one["id"]), await deliveries(subscription_id=other["id"])
    for query, expected in (
        ("", [arrived, waiting]),
        ("?status=delivered", [arrived]),
        ("?status=delivered&status=pending", [arrived, waiting]),
        ("?status=exhausted", []),
        (f"?subscription_id={other['id']}", [waiting]),
        (f"?job_id={job['id']}&status=pending", [waiting]),
        (f"?event_id={arrived['event_id']}", [arrived, waiting]),
        ("?job_id=unknown", []),
    ):
        page = await visitor.see(f"/deliveries{query}")
        assert sorted(shown(page)) == sorted(each["id"] for each in expected), query


async def test_list_tells_whom_each_goes_to_and_how_it_went(stage, visitor, job, deliveries):
    made = await subscribed(stage)
    await see(stage.service, job, "running")
    await attempt(stage.service, made["id"], 503)
    (delivery,) = await deliveries()
    page = await visitor.see("/deliveries")
    (row,) = [row for row in page.all("tr") if row.get("id")]
    for told in ("pending", "job.running", PUBLIC_URL, made["id"], job["id"], "HTTP 503"):
        assert told in row.text
    assert {f"/deliveries/{delivery['id']}", f"/jobs/{job['id']}", f"/subscriptions/{made['id']}"} <= set(links(page))


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("subscription_id=&job_id=+job_1+&event_id=", "/deliveries?job_id=job_1"),
        ("status=pending&status=blocked&job_id=", "/deliveries?status=pending&status=blocked"),
        ("event_id=dlv_01m89ehhz35jrvnwkn2atb9fde", "/deliveries/dlv_01m89ehhz35jrvnwkn2atb9fde"),
        ("event_id=dlv_odd&job_id=", "/deliveries?event_id=dlv_odd"),
    ],
)
async def test_form_is_put_into_the_words_of_the_api(visitor, sent, address):
    assert leads_to(await visitor.get(f"/deliveries?{sent}"), address)


async def test_form_shows_the_filter_again(visitor):
    page = await visitor.see("/deliveries?status=blocked&job_id=job_1")
    fields = {(field.get("name"), field.get("value")): field.attributes for field in page.all("input")}
    assert "checked" in fields["status", "blocked"]
    assert "checked" not in fields["status", "pending"]
    assert ("job_id", "job_1") in fields
    assert "/deliveries?job_id=job_1" in links(page)
    assert [body.get("data-live-from") for body in page.all("body")] == ["/live?job_id=job_1"]


async def test_what_the_api_refuses_is_told_in_its_words(visitor):
    assert "odd" in (await visitor.see("/deliveries?status=odd", 422)).text


async def test_pages_lead_on_with_the_filter(stage, visitor, job, deliveries):
    await subscribed(stage)
    for status in ("running", "succeeded"):
        await see(stage.service, job, status)
    first = await visitor.see("/deliveries?status=pending&limit=1")
    (older,) = [link.get("href") for link in first.all("a") if link.get("rel") == "next"]
    second = await visitor.see(older)
    assert shown(first) + shown(second) == [each["id"] for each in await deliveries()]
    assert "/deliveries?status=pending&limit=1" in links(second)


async def test_empty_list_says_the_next_step(visitor):
    page = await visitor.see("/deliveries")
    assert "--callback-url" in page.text
    assert "/subscriptions" in links(page)
    assert "--callback-url" not in (await visitor.see("/deliveries?status=pending")).text


async def test_page_tells_each_attempt(stage, visitor, clock, job, deliveries):
    made = await subscribed(stage)
    await see(stage.service, job, "running")
    await attempt(stage.service, made["id"], 500)
    clock.advance(60)
    await attempt(stage.service, made["id"], 200, is_retry=True)
    (delivery,) = await deliveries()
    page = await visitor.see(f"/deliveries/{delivery['id']}")
    first, second = (row for row in page.all("tr") if row.get("id"))
    assert [first.get("id"), second.get("id")] == [each["id"] for each in delivery["attempts"]]
    for told in ("1", "rejected", "500", "120 ms", "The subscriber answered HTTP 500.", "the answer"):
        assert told in first.text
    assert "delivered" in second.text
    assert "at attempt 2" in page.text
    for told in (delivery["id"], delivery["event_id"], job["id"], made["id"], PUBLIC_URL):
        assert told in page.text


async def test_page_tells_where_the_time_of_an_attempt_went(stage, visitor, deliveries):
    made = await subscribed(stage, callback_url=stage.callbacks + "/hook")
    await stage.client.post(f"/v1/subscriptions/{made['id']}/test")
    await stage.service.deliverer.tick()
    await stage.service.deliverer.drain()
    (delivery,) = await deliveries()
    page = await visitor.see(f"/deliveries/{delivery['id']}")
    (cell,) = [cell for cell in page.all("td") if cell.get("class") == "phases"]
    phases = delivery["attempts"][0]["phases"]
    assert f"wait {phases['first_byte']:.1f} ms" in cell.text
    assert [part.get("class") for part in page.all("rect")][-1] in ("phase-wait", "phase-read")


async def test_order_and_what_it_leaves_out_are_explained(stage, visitor, job, deliveries):
    made = await subscribed(stage, order="latest")
    for status in ("running", "succeeded"):
        await see(stage.service, job, status)
    waiting, superseded = await deliveries()
    assert [waiting["status"], superseded["status"]] == ["pending", "superseded"]
    page = await visitor.see(f"/deliveries/{superseded['id']}")
    assert "Something newer of its job" in page.text
    assert "Retry" in [button.text for button in page.all("button")]
    page = await visitor.see(f"/deliveries/{waiting['id']}")
    assert "came before it of the same job" in page.text
    assert f"/deliveries?subscription_id={made['id']}&job_id={waiting['job_id']}&status=pending" in links(page)


async def test_page_tells_that_a_paused_subscription_holds_it_up(stage, visitor, job, deliveries):
    made = await subscribed(stage)
    await stage.client.patch(f"/v1/subscriptions/{made['id']}", json={"status": "paused"})
    await see(stage.service, job, "running")
    (delivery,) = await deliveries()
    assert "Its subscription is paused" in (await visitor.see(f"/deliveries/{delivery['id']}")).text


@pytest.mark.parametrize(("http_status", "label"), [(200, "Send again"), (500, "Send now")])
async def test_retry_sends_it_at_once(stage, visitor, clock, job, deliveries, http_status, label):
    made = await subscribed(stage)
    await see(stage.service, job, "running")
    await attempt(stage.service, made["id"], http_status)
    (delivery,) = await deliveries()
    path = f"/deliveries/{delivery['id']}"
    page = await visitor.see(path)
    assert page.forms() == [f"{path}/retry"]
    assert label in [button.text for button in page.all("button")]
    assert leads_to(await visitor.send(f"{path}/retry"), path)
    (again,) = await deliveries()
    assert (again["status"], again["next_attempt_at"]) == ("pending", f"{clock.at:%Y-%m-%dT%H:%M:%S}.000Z")


async def test_delivery_whose_subscription_is_gone_is_not_sent_again(stage, visitor, job, deliveries):
    made = await subscribed(stage)
    await see(stage.service, job, "running")
    await stage.client.delete(f"/v1/subscriptions/{made['id']}")
    (delivery,) = await deliveries()
    path = f"/deliveries/{delivery['id']}"
    page = await visitor.see(path)
    assert page.forms() == []
    assert "(removed)" in page.text
    answer = await visitor.send(f"{path}/retry")
    assert answer.status_code == 409
    assert "is gone" in answer.text


async def test_delivery_of_a_callback_names_its_url(stage, visitor, deliveries):
    job = (await stage.client.post("/v1/jobs", json=a_job(callback_url=f"{PUBLIC_URL}/own", events=["job.*"]))).json()
    await see(stage.service, job, "running")
    (delivery,) = await deliveries()
    for path in ("/deliveries", f"/deliveries/{delivery['id']}"):
        page = await visitor.see(path)
        assert f"{PUBLIC_URL}/own" in page.text
        assert "job's own callback" in page.text


async def test_key_that_may_only_read_sees_no_button_and_could_not_use_it(stage, enter, new_key, job, deliveries):
    await subscribed(stage)
    await see(stage.service, job, "running")
    before = await deliveries()
    reader = await enter((await new_key("read"))[0])
    path = f"/deliveries/{before[0]['id']}"
    assert (await reader.see(path)).forms() == []
    assert (await reader.send(f"{path}/retry")).status_code == 403
    assert await deliveries() == before


async def test_delivery_that_is_none_is_not_found(visitor):
    assert "dlv_x" in (await visitor.see("/deliveries/dlv_x", 404)).text
