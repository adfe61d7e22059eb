"""`tracker events`: read the feed of all events, and follow it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracker.cli.completing import event_types
from tracker.cli.connection import connect
from tracker.cli.following import Break, open_news, run
from tracker.cli.options import DEFAULT_URL, AsJson, Limit, OfKind, OfProvider, Url, existing_id
from tracker.cli.output import note, one_line, percent, print_json, print_line
from tracker.cli.screens import why_it_ended
from tracker.client.flows.streaming import Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracker.cli.connection import Connection
    from tracker.cli.output import Document


def cursor(text: str) -> str:
    """A cursor as far as its letters tell, so that it fits into a header."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        message = f"{text!r} is not a cursor: the feed gives them out, as `next_cursor` and `cursor`."
        raise typer.BadParameter(message)
    return text


Types = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        "--type",
        metavar="E",
        autocompletion=event_types,
        help="An event type, or a prefix such as job.*; repeatable.",
    ),
]
OfJobs = Annotated[
    list[str] | None, typer.Option("--job", metavar="ID", parser=existing_id, help="Only of this job; repeatable.")
]
OfTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="T", help="Only of jobs with this tag, or one of these.")
]
After = Annotated[
    str | None, typer.Option("--after", metavar="CURSOR", parser=cursor, help="Begin behind this place in the feed.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with events as they happen, from now unless --after.")]


def events(  # noqa: PLR0913 - a parameter for each option
    *,
    after: After = None,
    follow: Follow = False,
    event: Types = None,
    job: OfJobs = None,
    provider: OfProvider = None,
    kind: OfKind = None,
    tag: OfTags = None,
    limit: Limit = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Read events, oldest first; --follow goes on for ever, with a line for each, also after a break."""
    if follow and limit is not None:
        message = "--limit is for a page; --follow goes on for ever."
        raise typer.BadParameter(message)
    wanted = filters(event, job, provider, kind, tag)
    with connect(url) as service:
        if follow:
            run(_follow(service, after, wanted, as_json=as_json))
            return
        page = service.page("events", params={**wanted, "after": after, "limit": limit})
    if as_json:
        print_json(page)
        return
    for row in page["data"]:
        print_line(line_about(row))
    note(f"Go on with --after {page.get('next_cursor')}" if page["data"] else "There are none.")


def filters(
    types: Sequence[str] | None,
    job_ids: Sequence[str] | None,
    providers: Sequence[str] | None,
    kinds: Sequence[str] | None,
    tags: Sequence[str] | None,
) -> Mapping[str, Sequence[str]]:
    """Which events are wanted, as the feed and its stream are asked for them."""
    wanted = {"type": types, "job_id": job_ids, "provider": providers, "kind": kinds, "tag": tags}
    return {name: values for name, values in wanted.items() if values}


async def _follow(
    service: Connection, after: str | None, wanted: Mapping[str, Sequence[str]], *, as_json: bool
) -> None:
    connection = Break()
    async with open_news(service, wanted, after) as stream:
        async for news in stream:
            connection.take(news)
            if isinstance(news, Told) and as_json:
                _print_as_json(news.event.raw, news.event.cursor)
            elif isinstance(news, Told):
                print_line(line_about(news.event.raw))


def _print_as_json(event: Document, place: str | None) -> None:
    print_json({**event, "cursor": place}, indent=None)


def line_about(event: Document) -> str:
    """An event in a line for people."""
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
