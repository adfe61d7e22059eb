"""What the service says of itself: health, readiness, and the secret of jobs' own callbacks."""

import base64

from structlog.testing import capture_logs

from tracker.service import Service

from .steps import fetch, flaws


async def test_health_and_readiness_are_open_to_all(stranger):
    assert await fetch(stranger, "/healthz") == {"status": "ok"}
    assert await fetch(stranger, "/readyz") == {"status": "ready"}


async def test_callback_secret_is_made_once_and_kept(settings_of, surroundings):
    async with Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as first:
        secret = first.callback_secret
    async with Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as second:
        assert second.callback_secret == secret
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 33


async def test_callback_secret_can_be_the_operators(settings_of, surroundings):
    given = "whsec_" + base64.b64encode(b"s" * 32).decode()
    async with Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as first:
        made = first.callback_secret
    async with Service(
        settings_of(TRACKER_CALLBACK_SECRET=given), surroundings, is_ticking=False, is_learning=False
    ) as second:
        assert second.callback_secret == given
    async with Service(settings_of(), surroundings, is_ticking=False, is_learning=False) as third:
        assert third.callback_secret == made


async def test_callback_secret_is_shown_and_not_kept_by_caches(client, service):
    response = await client.get("/v1/callback-secret")
    assert (response.status_code, response.json()) == (200, {"secret": service.callback_secret})
    assert response.headers["cache-control"] == "no-store"


async def test_unknown_parameter_of_the_callback_secret_is_refused(client):
    assert flaws(await client.get("/v1/callback-secret?show=1"), "parameter") == ["show"]


async def test_service_that_does_not_tick_does_nothing_by_itself(client, service):
    await client.post("/v1/jobs", json={"provider": "decart", "remote_id": "1"})
    assert not service.metronome._scheduler.running


async def test_misspelt_setting_is_warned_of_with_the_nearest_that_exists(start):
    wrong = {
        "TRACKER_DECART_BASE_ULR": "Did you mean TRACKER_DECART_BASE_URL?",
        "TRACKER_POLL_SLOT": "Did you mean TRACKER_POLL_SLOTS?",
        "TRACKER_ZZZ": "Nothing reads it.",
    }
    right = {"TRACKER_DECART_CONCURRENT__TEAM_A": "3", "TRACKER_URL": "http://127.0.0.1:1"}
    with capture_logs() as lines:
        await start(**dict.fromkeys(wrong, "1"), **right)
    assert {line["name"]: line["hint"] for line in lines if line["event"] == "setting.unknown"} == wrong
