"""`tracker subscriptions …`: say where events go."""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from store.records import Order, PayloadForm
from tracker.cli.connection import Connection, connect
from tracker.cli.options import (
    DEFAULT_URL,
    All,
    AsJson,
    Cursor,
    EventFilter,
    Id,
    Limit,
    OfKind,
    OfProvider,
    Tags,
    Url,
    rows_wanted,
    seconds,
)
from tracker.cli.output import Document, ExitCode, note, print_fields, print_json, print_line, print_page, stop
from tracker.cli.replaying import replay

app = typer.Typer(help="Say where events go.", no_args_is_help=True)
app.command("replay")(replay)

_COLUMNS = ("id", "callback_url", "events", "status", "description")
Grace = Annotated[
    float | None,
    typer.Option("--grace", metavar="S", parser=seconds, help="How long the old one signs too; a day unless set."),
]
_SECONDS_BETWEEN_LOOKS = 0.25
_LOOKS = 80  # 20 s: an attempt takes at most 15 s unless set otherwise


@app.command("add")
def add_subscription(  # noqa: PLR0913 - a parameter for each option
    callback_url: Annotated[str, typer.Argument(metavar="URL", help="Where the events go.")],
    *,
    event: EventFilter = None,
    provider: OfProvider = None,
    kind: OfKind = None,
    tag: Tags = None,
    description: Annotated[str | None, typer.Option(metavar="D", help="A note for people.")] = None,
    payload: Annotated[PayloadForm | None, typer.Option(help="The whole job, or ids and a status.")] = None,
    order: Annotated[Order | None, typer.Option(help="How the events of one job stand to each other.")] = None,
    max_in_flight: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=100, help="Webhooks under way at once; 4 unless set.")
    ] = None,
    ed25519: Annotated[bool, typer.Option("--ed25519", help="Sign by the service's ed25519 key too (v1a).")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Subscribe a URL to events, and print the secret that will sign them."""
    wanted = {
        "callback_url": callback_url,
        "events": event,
        "providers": provider,
        "kinds": kind,
        "tags": tag,
        "description": description,
        "payload": payload and payload.value,
        "order": order and order.value,
        "max_in_flight": max_in_flight,
        "signatures": ["v1", "v1a"] if ed25519 else None,
    }
    with connect(url) as service:
        subscription = service.post("subscriptions", body=wanted).document
    if as_json:
        print_json(subscription)
    else:
        print_fields(subscription, ("id", "callback_url", "events", "status", "secret"))
    note("Keep the secret now: it is not shown again.")


@app.command("list")
def list_subscriptions(
    *, limit: Limit = None, every: All = False, cursor: Cursor = None, as_json: AsJson = False, url: Url = DEFAULT_URL
) -> None:
    """List subscriptions, newest first."""
    with connect(url) as service:
        page = service.rows("subscriptions", {"cursor": cursor}, rows_wanted(limit, every=every))
    print_page(_COLUMNS, page, as_json=as_json)


@app.command("show")
def show_subscription(subscription_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Show a subscription, without its secret."""
    with connect(url) as service:
        subscription = service.get("subscriptions", subscription_id)
    if as_json:
        print_json(subscription)
    else:
        print_fields(subscription)


@app.command("test")
def send_test_event(subscription_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Send a test event to a subscription; exit code 1 unless it is delivered at once."""
    with connect(url) as service:
        delivery_id = service.post("subscriptions", subscription_id, "test").document["id"]
        delivery = attempted(service, delivery_id)
    if as_json:
        print_json(delivery)
    else:
        print_fields({**delivery, **_last_attempt(delivery)}, ("id", "status", "outcome", "http_status", "error"))
    if delivery.get("status") != "delivered":
        message = f"The test event was not delivered; see `tracker deliveries show {delivery_id}`."
        stop(message, ExitCode.ENDED_BADLY)


@app.command("enable")
def enable_subscription(
    subscription_id: Id,
    *,
    from_now: Annotated[bool, typer.Option("--from-now", help="Cancel what it has collected.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Make a subscription active again; it gets what it has collected meanwhile."""
    _change(url, subscription_id, {"status": "active", "from_now": from_now or None}, as_json=as_json)


@app.command("disable")
def disable_subscription(subscription_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Send a subscription nothing; it keeps collecting."""
    _change(url, subscription_id, {"status": "disabled"}, as_json=as_json)


@app.command("rotate")
def rotate_secret(subscription_id: Id, *, grace: Grace = None, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Make a new secret for a subscription and print it; the old one signs too until the grace is over."""
    with connect(url) as service:
        rotated = service.post(
            "subscriptions", subscription_id, "rotate-secret", body={"grace_seconds": grace}
        ).document
    if as_json:
        print_json(rotated)
    else:
        print_fields(rotated, ("id", "secret", "previous_secret_expires_at"))
    note("Keep the secret now: it is not shown again.")


@app.command("remove")
def remove_subscription(subscription_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Remove a subscription."""
    with connect(url) as service:
        service.delete("subscriptions", subscription_id)
    if as_json:
        print_json({"id": subscription_id, "deleted": True})
    else:
        print_line(f"{subscription_id} is removed.")


def _change(url: str, subscription_id: str, changes: Document, *, as_json: bool) -> None:
    with connect(url) as service:
        subscription = service.patch("subscriptions", subscription_id, body=changes)
    if as_json:
        print_json(subscription)
    else:
        print_fields(subscription, ("id", "callback_url", "events", "status"))


def attempted(service: Connection, delivery_id: str, pause: Callable[[float], None] = time.sleep) -> Document:
    """The delivery after its first attempt, or as it is when that takes too long."""
    delivery = service.get("deliveries", delivery_id)
    for _ in range(_LOOKS):
        if delivery.get("status") != "pending" or delivery.get("attempts"):
            break
        pause(_SECONDS_BETWEEN_LOOKS)
        delivery = service.get("deliveries", delivery_id)
    return delivery


def _last_attempt(delivery: Document) -> Document:
    attempts = delivery.get("attempts") or [{}]
    return {name: attempts[-1].get(name) for name in ("outcome", "http_status", "error")}
