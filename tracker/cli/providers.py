"""`tracker providers …`: see what is described and how its accounts stand, and check a description of one's own.

What reads descriptions is imported inside `check`, so that a client command never waits for it.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.completing import provider_names
from tracker.cli.connection import connect
from tracker.cli.learned import print_learned
from tracker.cli.options import DEFAULT_URL, AsJson, KeyValues, Url, pairs
from tracker.cli.output import (
    Document,
    ExitCode,
    note,
    print_fields,
    print_json,
    print_page,
    print_table,
    stop,
)

app = typer.Typer(help="See and check descriptions of job APIs.", no_args_is_help=True)

_STDIN = Path("-")
_COLUMNS = ("name", "title", "kinds", "accounts")
_COLUMNS_OF_KINDS = ("kind", "every", "timeout", "result_lifetime", "lists", "cancels", "statuses")
_COLUMNS_OF_ACCOUNTS = ("name", "status", "since", "retry_at", "budget", "message")
_COLUMNS_OF_CHECKED_KINDS = ("kind", "poll", "list", "cancel", "every", "has", "output")
_COLUMNS_OF_ROWS = ("id", "row", "status", "provider_status", "progress", "output", "error")


def provider_name(text: str) -> str:
    """Refuse what cannot be a provider's name, so that it never changes the path of a request."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        message = f"{text!r} is not a provider's name: names hold letters, digits, _ and -."
        raise typer.BadParameter(message)
    return text


def headers_in(items: Sequence[str]) -> dict[str, str]:
    """The values of a repeated `Name: value` option, by lower-case name."""
    found: dict[str, str] = {}
    for item in items:
        name, colon, value = item.partition(":")
        if not colon or not name.strip():
            message = f"--header takes NAME:VALUE, not {item!r}."
            raise typer.BadParameter(message)
        found[name.strip().lower()] = value.strip()
    return found


@app.command("list")
def list_providers(*, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """List the providers that the service knows."""
    with connect(url) as service:
        providers = service.all_rows("providers")
    rows = providers if as_json else [_row_of_list(provider) for provider in providers]
    print_page(_COLUMNS, {"data": rows, "next_cursor": None}, as_json=as_json)


@app.command("show")
def show_provider(
    name: Annotated[str, typer.Argument(metavar="NAME", parser=provider_name, autocompletion=provider_names)],
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Show a provider: its kinds, its budget, how its accounts stand, and what is learned of its jobs."""
    with connect(url) as service:
        provider = service.get("providers", name, key="name")
    if as_json:
        print_json(provider)
        return
    kinds, accounts = _part(provider, "kinds"), provider.get("accounts") or []
    plain = {field: value for field, value in provider.items() if field not in ("kinds", "accounts", "learned")}
    print_fields(plain | {"budget": _budget(plain.get("budget")), "breaker": _breaker(plain.get("breaker"))})
    typer.echo()
    rows = [{**kind, "kind": known, "every": _every(_part(kind, "timing"))} for known, kind in kinds.items()]
    print_table(_COLUMNS_OF_KINDS, [{**row, "timeout": _timeout(row), "statuses": _words(row)} for row in rows])
    typer.echo()
    print_table(_COLUMNS_OF_ACCOUNTS, [{**account, "budget": _budget(account.get("budget"))} for account in accounts])
    if provider.get("learned"):
        typer.echo()
        print_learned(provider["learned"])


@app.command("check")
def check_description(  # noqa: PLR0913 - a parameter for each option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The description, in TOML.")],
    *,
    answer: Annotated[
        Path | None, typer.Option(metavar="JSON_FILE", help="Read this answer's body by it; - is stdin.")
    ] = None,
    http_status: Annotated[int | None, typer.Option(metavar="N", min=100, max=599, help="The answer's; 200.")] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="NAME:VALUE", help="The answer's; repeatable.")] = None,
    kind: Annotated[str | None, typer.Option(help="The kind of job, where there are several.")] = None,
    remote_id: Annotated[
        list[str] | None, typer.Option("--id", metavar="REMOTE_ID", help="The job's; else the one in the answer.")
    ] = None,
    param: KeyValues = None,
    page: Annotated[
        bool, typer.Option("--page", help="It is about a page of the kind's list; --id is repeatable.")
    ] = False,
    request: Annotated[bool, typer.Option("--request", help="Print the request that asks for the job.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a description, and what it makes of a recorded answer; exit code 1 if that is a problem."""
    from tracker.cli import checking  # noqa: PLC0415 - see the top of the file
    from tracker.rules.exchange import HttpAnswer  # noqa: PLC0415 - the same

    has_answer = answer is not None or http_status is not None
    if request and (has_answer or header):
        stop("--request shows what is asked, --answer what is read: give one of the two.", ExitCode.USAGE)
    try:
        provider = checking.load(file)
        about = checking.About(kind, remote_id or (), pairs("--param", param or ()), page)
        if request:
            _print_request(checking.request(provider, about), as_json=as_json)
        elif has_answer:
            came = HttpAnswer(http_status or 200, headers_in(header or ()), _body_in(answer))
            _print_read(checking.read(provider, came, about), as_json=as_json)
        elif header or kind or remote_id or param or page:
            stop("Name what these options are about, by --answer, --http-status or --request.", ExitCode.USAGE)
        else:
            _print_summary(checking.summary_of(provider.description), as_json=as_json)
    except checking.CheckError as error:
        stop(str(error), ExitCode.USAGE)


def _body_in(file: Path | None) -> bytes:
    if file is None:
        return b""
    try:
        return sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
    except OSError as error:
        stop(f"The answer cannot be read: {error}.", ExitCode.USAGE)


def _print_summary(summary: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    kinds = summary.pop("kinds")
    print_fields(summary | {"budget": _budget(summary["budget"])})
    typer.echo()
    rows = [{**kind, "kind": name, "every": _every(kind["timing"])} for name, kind in kinds.items()]
    print_table(_COLUMNS_OF_CHECKED_KINDS, rows)


def _print_request(request: Document, *, as_json: bool) -> None:
    from tracker.cli.spelling import spelled  # noqa: PLC0415 - see the top of the file

    if as_json:
        print_json(request)
    else:
        typer.echo(spelled(request))


def _print_read(read: Document, *, as_json: bool) -> None:
    """Prints what an answer says, and what is to be known about that; ends the command where it is a problem."""
    if as_json:
        print_json(read)
    elif "rows" in read:
        print_table(_COLUMNS_OF_ROWS, [{**(row["reading"] or {}), **row} for row in read["rows"]])
        note(f"The next page: {read['next_page']}" if read["next_page"] else "There is no next page.")
    elif "status" in read:
        _print_reading(read)
    else:
        sort = next(iter(read))
        details = read[sort] if isinstance(read[sort], dict) else {"retry_after": read["retry_after"]}
        print_fields({"answer": sort, **details})
    _note_the_hint(read)
    if "problem" in read:
        stop(f"The answer is a problem of the poll: {read['problem']['message']}", ExitCode.ENDED_BADLY)
    if read.get("is_unknown"):
        note(f"No status knows the word {read['provider_status']!r}: it counts as running, plus a flag.")


def _note_the_hint(read: Document) -> None:
    from tracker.rules.schedule import LONGEST_HINT  # noqa: PLC0415 - see the top of the file

    asked = next((part["retry_after"] for part in (read, *read.values()) if _has_hint(part)), 0)
    if asked > LONGEST_HINT:
        note(f"A hint counts for {LONGEST_HINT:g} s at most: the next poll does not wait {asked:g} s.")


def _has_hint(part: object) -> bool:
    return isinstance(part, dict) and part.get("retry_after") is not None


def _print_reading(reading: Document) -> None:
    lists = ("history", "steps")
    print_fields(reading, [name for name in reading if name not in lists])
    for name in lists:
        if reading[name]:
            typer.echo(f"\n{name}")
            print_table(list(reading[name][0]), reading[name])


def _row_of_list(provider: Document) -> Document:
    accounts = [f"{account.get('name')} ({account.get('status')})" for account in provider.get("accounts") or []]
    return {**provider, "kinds": list(_part(provider, "kinds")), "accounts": accounts}


def _part(document: Document, name: str) -> Document:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _budget(budget: Document | None) -> str | None:
    if not budget:
        return None
    return f"{budget.get('requests_per_second'):g} a second, {budget.get('concurrent')} at a time"


def _every(timing: Document) -> str | None:
    if not timing.get("interval"):
        return None
    grows = f" x {timing['multiplier']:g}" if timing.get("multiplier", 1) != 1 else ""
    cap = f" up to {timing['cap']:g} s" if timing.get("cap") else ""
    return f"{timing['interval']:g} s{grows}{cap}"


def _breaker(breaker: Document | None) -> str | None:
    if not breaker:
        return None
    return f"open; tried again at {breaker.get('retry_at')}" if breaker.get("is_open") else "closed"


def _words(kind: Document) -> str:
    return "; ".join(f"{status}: {', '.join(words)}" for status, words in _part(kind, "statuses").items())


def _timeout(kind: Document) -> str | None:
    timeout = _part(kind, "timing").get("timeout")
    return None if timeout is None else f"{timeout:g} s"
