"""`tracker events`: read the feed of all events, and follow it."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracker.cli.connection import connect
from tracker.cli.options import DEFAULT_URL, AsJson, Limit, Url
from tracker.cli.output import ExitCode, note, one_line, percent, print_json, print_line, stop
from tracker.cli.waiting import why_it_ended
from tracker.client import ConnectionFailed, ServerError, Tracker, TrackerError, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracker.cli.output import Document

_AWAY = (ConnectionFailed, ServerError, UnexpectedAnswer)


def cursor(text: str) -> str:
    """A cursor as far as its letters tell, so that it fits into a header."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        message = f"{text!r} is not a cursor: the feed gives them out, as `next_cursor` and `cursor`."
        raise typer.BadParameter(message)
    return text


Types = Annotated[
    list[str] | None, typer.Option("--type", metavar="E", help="An event type, or a prefix such as job.*; repeatable.")
]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", parser=cursor, help="Begin behind this place in the feed.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with events as they happen, from now unless --after.")]


def events(
    *,
    after: After = None,
    follow: Follow = False,
    types: Types = None,
    limit: Limit = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Read events, oldest first; --follow goes on for ever, with a line for each."""
    if follow and limit is not None:
        message = "--limit is for a page; --follow goes on for ever."
        raise typer.BadParameter(message)
    if follow:
        _follow(url, after, types or [], _print_as_json if as_json else lambda event, _: print_line(_line_about(event)))
        return
    with connect(url) as service:
        page = service.page("events", params={"after": after, "type": types, "limit": limit})
    if as_json:
        print_json(page)
        return
    for event in page["data"]:
        print_line(_line_about(event))
    note(f"Go on with --after {page.get('next_cursor')}" if page["data"] else "There are none.")


def _follow(url: str, after: str | None, types: list[str], write: Callable[[Document, str | None], None]) -> None:
    try:
        # Once the stream was open it is opened anew for as long as it takes.
        with Tracker(url, max_retries=0) as tracker, closing(tracker.events.stream(after=after, types=types)) as stream:
            for event in stream:
                write(event.raw, event.cursor)
    except TrackerError as error:
        stop(str(error), ExitCode.UNREACHABLE if isinstance(error, _AWAY) else ExitCode.USAGE)


def _print_as_json(event: Document, place: str | None) -> None:
    print_json({**event, "cursor": place}, indent=None)


def _line_about(event: Document) -> str:
    data: dict[str, Any] = event.get("data") or {}
    parts = (event.get("timestamp"), event.get("type"), _subject_of(data), _news_in(event.get("type"), data))
    return " ".join(one_line(part) for part in parts if part)


def _subject_of(data: Document) -> str | None:
    job, subscription = data.get("job"), data.get("subscription") or {}
    if job is None:
        return subscription.get("id")
    return f"{job.get('id')} {job.get('provider')}/{job.get('kind')} {job.get('remote_id')}"


def _news_in(event_type: str | None, data: Document) -> str | None:
    """What an event says beyond its type."""
    job, step = data.get("job") or {}, data.get("step")
    if step:
        return f"{step.get('id')} {step.get('status')}"
    return percent(job.get("progress")) if event_type == "job.progress" else why_it_ended(job).removeprefix(": ")
