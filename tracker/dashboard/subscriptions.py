"""The subscriptions, and making one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from tracker.dashboard.asking import Flaw, RefusedError
from tracker.dashboard.filters import filters_of
from tracker.dashboard.forms import Form
from tracker.dashboard.subscribing import (
    FIELDS,
    HOW_SENT,
    ORDERS,
    WHICH_JOBS,
    WrongHeaderError,
    by_field,
    says_something,
    subscription_in,
)
from tracker.rules.events import DEFAULT_EVENTS
from tracker.rules.slots import IN_FLIGHT_PER_SUBSCRIBER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

_AS_USUAL = Form([("events", event) for event in DEFAULT_EVENTS])


async def index(visit: Visit) -> Response:
    """`GET /subscriptions`."""
    filters = filters_of(visit.request)
    page = await visit.api.get("/v1/subscriptions", filters.pairs)
    return visit.page(
        "subscriptions.html", subscriptions=page["data"], next_cursor=page["next_cursor"], filters=filters
    )


async def new(visit: Visit) -> Response:
    """`GET /subscriptions/new`: the form for one."""
    if not visit.can_write:
        raise HTTPException(403, "Your key may only look. Sign in with one of scope write to subscribe a URL.")
    return await _form(visit, _AS_USUAL)


async def create(visit: Visit) -> Response:
    """`POST /subscriptions`: shows the secret, this once, or the form again with what is wrong."""
    try:
        body = subscription_in(visit.form)
        made = await visit.api.post_once(visit.once(), "/v1/subscriptions", body)
    except WrongHeaderError as error:
        return await _form(visit, visit.form, (Flaw("headers", str(error)),))
    except RefusedError as refused:
        if refused.status != 422:
            raise
        return await _form(visit, visit.form, refused.all_flaws)
    return visit.page("secret.html", 201, subscription=made, until=None)


async def _form(visit: Visit, form: Form, flaws: Iterable[Flaw] = ()) -> Response:
    providers: list[dict[str, Any]] = (await visit.api.get("/v1/providers"))["data"]
    told = by_field(flaws, FIELDS)
    return visit.page(
        "subscribe.html",
        422 if flaws else 200,
        form=form,
        flaws=told,
        orders=ORDERS,
        usual_in_flight=IN_FLIGHT_PER_SUBSCRIBER,
        narrows=_is_open(form, told, WHICH_JOBS),
        specifies=_is_open(form, told, HOW_SENT),
        providers=[each["name"] for each in providers],
        kinds=sorted({kind for each in providers for kind in each["kinds"]}),
    )


def _is_open(form: Form, flaws: Iterable[str], part: Collection[str]) -> bool:
    """Whether a folded part of the form has something to show."""
    return says_something(form, part) or not set(part).isdisjoint(flaws)
