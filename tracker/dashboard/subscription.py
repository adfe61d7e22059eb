"""One subscription: what it wants, what it was sent of late, and what may be done about it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tracker.dashboard.asking import RefusedError, at
from tracker.dashboard.subscribing import ORDERS, REPLAY_FIELDS, by_field, number, replay_in
from tracker.rules.slots import IN_FLIGHT_PER_SUBSCRIBER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from tracker.dashboard.asking import Flaw
    from tracker.dashboard.visits import Visit

_LATELY = timedelta(hours=24)
_DELIVERIES = (("limit", "20"),)
_REPLAYS = (("limit", "10"),)


async def show(visit: Visit) -> Response:
    """`GET /subscriptions/{id}`."""
    return await _page(visit)


async def test(visit: Visit) -> Response:
    """`POST /subscriptions/{id}/test`: leads to what comes of it."""
    delivery = await visit.api.post_once(visit.once(), f"{_path(visit)}/test")
    return visit.go(at("deliveries", delivery["id"]))


async def change_status(visit: Visit) -> Response:
    """`POST /subscriptions/{id}/status`: pauses, disables or activates it, the latter maybe without what it missed."""
    change = {"status": visit.form.text("status")} | ({"from_now": True} if visit.form.text("from_now") else {})
    await visit.api.patch(_path(visit), change)
    return visit.go(_address(visit))


async def rotate_secret(visit: Visit) -> Response:
    """`POST /subscriptions/{id}/rotate-secret`: shows the new one, this once."""
    body = {"grace_seconds": number(visit.form.text("grace_seconds"))}
    rotated = await visit.api.post_once(visit.once(), f"{_path(visit)}/rotate-secret", body)
    return visit.page("secret.html", subscription=rotated, until=rotated["previous_secret_expires_at"])


async def replay(visit: Visit) -> Response:
    """`POST /subscriptions/{id}/replay`."""
    try:
        await visit.api.post_once(visit.once(), f"{_path(visit)}/replay", replay_in(visit.form))
    except RefusedError as refused:
        if refused.status != 422:
            raise
        return await _page(visit, refused.all_flaws)
    return visit.go(f"{_address(visit)}#replays")


async def confirm_removal(visit: Visit) -> Response:
    """`GET /subscriptions/{id}/remove`."""
    return visit.page("remove.html", subscription=await visit.api.get(_path(visit)))


async def remove(visit: Visit) -> Response:
    """`POST /subscriptions/{id}/remove`."""
    await visit.api.delete(_path(visit))
    return visit.go("/subscriptions")


async def _page(visit: Visit, flaws: Iterable[Flaw] = ()) -> Response:
    """The page, with what was wrong with a replay that was asked for."""
    subscription, replays, deliveries = await asyncio.gather(
        visit.api.get(_path(visit)),
        visit.api.get(f"{_path(visit)}/replays", _REPLAYS),
        visit.api.get("/v1/deliveries", (("subscription_id", visit.id()), *_DELIVERIES)),
    )
    return visit.page(
        "subscription.html",
        422 if flaws else 200,
        subscription=subscription,
        replays=replays,
        deliveries=deliveries,
        form=visit.form,
        flaws=by_field(flaws, REPLAY_FIELDS),
        orders=ORDERS,
        usual_in_flight=IN_FLIGHT_PER_SUBSCRIBER,
        lately=f"{visit.now - _LATELY:%Y-%m-%dT%H:%M:%S}",
    )


def _path(visit: Visit) -> str:
    return at("v1", "subscriptions", visit.id())


def _address(visit: Visit) -> str:
    return at("subscriptions", visit.id())
