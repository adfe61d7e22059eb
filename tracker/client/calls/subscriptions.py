"""Subscriptions: where events go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from tracker.client.calls.call import Call, Moment, Page, Several, delete, get, get_list, patch, post, values_of
from tracker.client.models.delivery import Delivery
from tracker.client.models.subscription import Replay, RotatedSecret, Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LISTS = ("events", "providers", "kinds", "tags")


class SubscriptionOptions(TypedDict, total=False):
    """What may be said of a subscription; filters of different sorts hold together, values of one are alternatives."""

    events: Several
    providers: Several
    kinds: Several
    tags: Several
    description: str | None
    headers: Mapping[str, str]
    payload: Literal["full", "thin"]
    order: Literal["none", "per_job", "latest"]
    max_in_flight: int | None
    signatures: Sequence[Literal["v1", "v1a"]]


class NewSubscription(SubscriptionOptions, total=False):
    """The same, and a secret of one's own."""

    secret: str


class Changes(SubscriptionOptions, total=False):
    """What of a subscription is to be otherwise; `from_now` cancels what it collected while it was not active."""

    callback_url: str
    status: Literal["active", "paused", "disabled"]
    from_now: bool


def create(callback_url: str, **options: Unpack[NewSubscription]) -> Call[Subscription]:
    """Subscribe a URL to events; the answer has the secret that signs them, this once."""
    return post(Subscription, "subscriptions", body={"callback_url": callback_url, **_listed(options)})


def get_subscription(subscription_id: str) -> Call[Subscription]:
    """A subscription, without its secret."""
    return get(Subscription, "subscriptions", subscription_id)


def list_subscriptions(*, page_size: int = 200) -> Call[Page[Subscription]]:
    """The subscriptions, newest first."""
    return get_list(Subscription, "subscriptions", query={"limit": page_size})


def update(subscription_id: str, **changes: Unpack[Changes]) -> Call[Subscription]:
    """Change what is given. `status="paused"` keeps its deliveries until it is "active" again."""
    return patch(Subscription, "subscriptions", subscription_id, body=_listed(changes))


def remove(subscription_id: str) -> Call[None]:
    """Remove a subscription; what waits for it is canceled."""
    return delete("subscriptions", subscription_id)


def test(subscription_id: str) -> Call[Delivery]:
    """Send it a `subscription.test` event."""
    return post(Delivery, "subscriptions", subscription_id, "test")


def rotate_secret(
    subscription_id: str, *, grace_seconds: float | None = None, secret: str | None = None
) -> Call[RotatedSecret]:
    """Give it a new secret; the old one signs too for the grace (24 h unless given, at most 7 days)."""
    body = {"grace_seconds": grace_seconds, "secret": secret}
    return post(RotatedSecret, "subscriptions", subscription_id, "rotate-secret", body=body)


def replay(
    subscription_id: str,
    *,
    since: Moment,
    until: Moment | None = None,
    events: Several | None = None,
    only_failed: bool | None = None,
    rate: float | None = None,
) -> Call[Replay]:
    """Send it again what happened since a time, under the same event ids; `rate` is deliveries a second."""
    wanted = {
        "since": since,
        "until": until,
        "events": None if events is None else values_of(events),
        "only_failed": only_failed,
        "rate": rate,
    }
    return post(Replay, "subscriptions", subscription_id, "replay", body=wanted)


def list_replays(subscription_id: str, *, page_size: int = 200) -> Call[Page[Replay]]:
    """The replays to a subscription."""
    return get_list(Replay, "subscriptions", subscription_id, "replays", query={"limit": page_size})


def get_replay(subscription_id: str, replay_id: str) -> Call[Replay]:
    """A replay and its progress."""
    return get(Replay, "subscriptions", subscription_id, "replays", replay_id)


def _listed(options: SubscriptionOptions) -> dict[str, Any]:
    given: dict[str, Any] = dict(options)
    return given | {name: values_of(given[name]) for name in _LISTS if name in given}
