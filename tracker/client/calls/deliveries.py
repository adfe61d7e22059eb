"""Deliveries: what became of an event on its way to a subscription."""

from __future__ import annotations

from tracker.client.calls.call import Call, Page, Several, get, get_list, post
from tracker.client.models.delivery import Delivery


def list_deliveries(
    *,
    subscription_id: str | None = None,
    job_id: str | None = None,
    event_id: str | None = None,
    status: Several | None = None,
    page_size: int = 200,
) -> Call[Page[Delivery]]:
    """The deliveries that pass a filter, newest first."""
    wanted = {
        "subscription_id": subscription_id,
        "job_id": job_id,
        "event_id": event_id,
        "status": status,
        "limit": page_size,
    }
    return get_list(Delivery, "deliveries", query=wanted)


def get_delivery(delivery_id: str) -> Call[Delivery]:
    """A delivery with its attempts."""
    return get(Delivery, "deliveries", delivery_id)


def retry(delivery_id: str) -> Call[Delivery]:
    """Send it once more, whatever became of it."""
    return post(Delivery, "deliveries", delivery_id, "retry")
