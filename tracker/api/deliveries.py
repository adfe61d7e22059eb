"""Deliveries over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.deliveries import DeliveryFilter, SubscriptionGoneError
from store.records import Delivery, DeliveryStatus, Scope
from tracker.api.auth import caller_of
from tracker.api.context import context_of
from tracker.api.pages import json_response, list_response, page_of
from tracker.api.payloads import delivery_payload
from tracker.api.problems import ApiError, not_found, wrong_parameter

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def index(request: Request) -> Response:
    """`GET /v1/deliveries`."""
    query = request.query_params
    statuses = tuple(_status(value) for value in query.getlist("status"))
    wanted = DeliveryFilter(query.get("subscription_id"), query.get("job_id"), query.get("event_id"), statuses)
    return await delivery_list(request, wanted)


async def show(request: Request) -> Response:
    """`GET /v1/deliveries/{id}`."""
    delivery_id = request.path_params["id"]
    delivery = await context_of(request).deliveries.get(delivery_id)
    if delivery is None:
        raise not_found("delivery", delivery_id)
    return await delivery_response(request, delivery)


async def retry(request: Request) -> Response:
    """`POST /v1/deliveries/{id}/retry`: send it now, whatever became of it and whatever holds its subscriber back."""
    context = context_of(request)
    delivery_id = request.path_params["id"]
    try:
        delivery = await context.deliveries.retry(delivery_id, context.surroundings.now())
    except SubscriptionGoneError as error:
        raise ApiError(409, str(error)) from error
    if delivery is None:
        raise not_found("delivery", delivery_id)
    context.deliver()
    return await delivery_response(request, delivery, 202)


async def delivery_list(request: Request, wanted: DeliveryFilter) -> Response:
    """A page of deliveries with their attempts."""
    limit, after = page_of(request, "dlv_")
    deliveries = context_of(request).deliveries
    page = await deliveries.find(wanted, limit, after)
    attempts = await deliveries.attempts([delivery.id for delivery in page.rows])
    is_admin = caller_of(request).scope is Scope.ADMIN
    rows = [delivery_payload(row, attempts[row.id], shows_private=is_admin) for row in page.rows]
    return list_response(request, rows, page.next_after)


async def delivery_response(request: Request, delivery: Delivery, status: int = 200) -> Response:
    """One delivery with its attempts."""
    attempts = await context_of(request).deliveries.attempts([delivery.id])
    is_admin = caller_of(request).scope is Scope.ADMIN
    return json_response(delivery_payload(delivery, attempts[delivery.id], shows_private=is_admin), status)


def _status(value: str) -> DeliveryStatus:
    try:
        return DeliveryStatus(value)
    except ValueError as error:
        known = ", ".join(status.value for status in DeliveryStatus)
        raise wrong_parameter("status", f"{value!r} is no status; known are: {known}.") from error
