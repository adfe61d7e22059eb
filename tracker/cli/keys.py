"""`tracker keys …`: say who may call the service."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from store.records import Scope
from tracker.cli.connection import connect
from tracker.cli.options import DEFAULT_URL, All, AsJson, Cursor, Id, Limit, Url, duration, rows_wanted
from tracker.cli.output import note, print_fields, print_json, print_line, print_page

app = typer.Typer(help="Say who may call the service; needs an admin key.", no_args_is_help=True)

_COLUMNS = ("id", "name", "scope", "last4", "last_used_at", "expires_at", "revoked_at")


@app.command("create")
def create_key(
    *,
    name: Annotated[str, typer.Option(metavar="N", help="Whose key it is; for people.")],
    scope: Annotated[Scope, typer.Option(help="read looks, write does all but keys and secrets.")] = Scope.WRITE,
    expires_in: Annotated[
        float | None, typer.Option(metavar="D", parser=duration, help="It works for so long: 12h, 30d.")
    ] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Make an API key, and print it."""
    expires_at = None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
    wanted = {"name": name, "scope": scope.value, "expires_at": expires_at and expires_at.isoformat()}
    with connect(url) as service:
        key = service.post("keys", body=wanted).document
    if as_json:
        print_json(key)
    else:
        print_fields(key, ("id", "name", "scope", "expires_at", "key"))
    note("Keep the key now: it is not shown again.")


@app.command("list")
def list_keys(
    *, limit: Limit = None, every: All = False, cursor: Cursor = None, as_json: AsJson = False, url: Url = DEFAULT_URL
) -> None:
    """List API keys, newest first, with those that were revoked."""
    with connect(url) as service:
        page = service.rows("keys", {"cursor": cursor}, rows_wanted(limit, every=every))
    print_page(_COLUMNS, page, as_json=as_json)


@app.command("revoke")
def revoke_key(key_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Revoke an API key, at once and for good."""
    with connect(url) as service:
        service.delete("keys", key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        print_line(f"{key_id} is revoked.")
