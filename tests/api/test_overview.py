"""`GET /v1/overview`: who may ask, and what it says of the service itself."""

from tracker import __version__

from .steps import fetch, problem, track


async def test_it_needs_a_key(stranger):
    problem(await stranger.get("/v1/overview"), 401)


async def test_service_tells_its_version_and_since_when_it_runs(client, clock):
    clock.advance(3600)
    seen = await fetch(client, "/v1/overview")
    assert seen["version"] == __version__
    assert (seen["started_at"], seen["at"]) == ("2026-01-01T12:00:00.000Z", "2026-01-01T13:00:00.000Z")


async def test_what_is_counted_says_when(client, clock):
    await fetch(client, "/v1/overview")
    await track(client)
    soon = await fetch(client, "/v1/overview")
    assert (soon["jobs"]["by_status"]["queued"], soon["jobs"]["counted_at"]) == (0, "2026-01-01T12:00:00.000Z")
    clock.advance(1)
    later = await fetch(client, "/v1/overview")
    assert (later["jobs"]["by_status"]["queued"], later["jobs"]["counted_at"]) == (1, "2026-01-01T12:00:01.000Z")
