"""`tracker deliveries …`: see what became of each webhook."""

from typing import Annotated

import typer

from store.records import DeliveryStatus
from tracker.cli.connection import connect
from tracker.cli.options import DEFAULT_URL, All, AsJson, Cursor, Id, Limit, Url, rows_wanted
from tracker.cli.output import Document, print_fields, print_json, print_page, print_table

app = typer.Typer(help="See what became of each webhook.", no_args_is_help=True)

_COLUMNS = ("id", "event_type", "job_id", "status", "attempt_count")  # what fits a terminal; --json has it all
_COLUMNS_OF_ATTEMPTS = (
    *("number", "started_at", "address", "phases", "duration_ms", "outcome", "http_status", "error"),
    *("response_body",),
)


@app.command("list")
def list_deliveries(  # noqa: PLR0913 - a parameter for each option
    *,
    subscription_id: Annotated[str | None, typer.Option(help="Only for this subscription.")] = None,
    job_id: Annotated[str | None, typer.Option(help="Only about this job.")] = None,
    event_id: Annotated[str | None, typer.Option(help="Only of this event.")] = None,
    status: Annotated[list[DeliveryStatus] | None, typer.Option(help="Only with this status; repeatable.")] = None,
    limit: Limit = None,
    every: All = False,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """List deliveries, newest first."""
    filters = {
        "subscription_id": subscription_id,
        "job_id": job_id,
        "event_id": event_id,
        "status": [one.value for one in status or ()],
        "cursor": cursor,
    }
    with connect(url) as service:
        page = service.rows("deliveries", filters, rows_wanted(limit, every=every))
    print_page(_COLUMNS, page, as_json=as_json)


@app.command("show")
def show_delivery(delivery_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Show a delivery and its attempts."""
    with connect(url) as service:
        delivery = service.get("deliveries", delivery_id)
    if as_json:
        print_json(delivery)
        return
    print_fields(delivery, [name for name in delivery if name != "attempts"])
    typer.echo()
    attempts = delivery.get("attempts") or []
    print_table(_COLUMNS_OF_ATTEMPTS, [{**attempt, "phases": _phases(attempt)} for attempt in attempts])


@app.command("retry")
def retry_delivery(delivery_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Send a delivery again, now, whatever holds its subscriber back."""
    with connect(url) as service:
        delivery = service.post("deliveries", delivery_id, "retry").document
    if as_json:
        print_json(delivery)
    else:
        print_fields(delivery, ("id", "status", "next_attempt_at"))


def _phases(attempt: Document) -> str | None:
    """Milliseconds by phase, in a cell."""
    phases = attempt.get("phases") or {}
    return ", ".join(f"{name} {milliseconds:g}" for name, milliseconds in phases.items()) or None
