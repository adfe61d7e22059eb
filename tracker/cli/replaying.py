"""`tracker subscriptions replay`: send a subscription again what happened in a span of time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tracker.cli.connection import Connection, connect
from tracker.cli.options import DEFAULT_URL, AsJson, EventFilter, Id, Url
from tracker.cli.output import Document, one_line, open_console, print_fields, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COLUMNS = ("id", "status", "total", "queued", "since", "until", "events", "rate")
_SECONDS_BETWEEN_LOOKS = 0.5


def replay(  # noqa: PLR0913 - a parameter for each option
    subscription_id: Id,
    *,
    since: Annotated[str, typer.Option(metavar="T", help="What happened since then, as 2026-11-22T10:00:00Z.")],
    until: Annotated[str | None, typer.Option(metavar="T", help="What happened until then; else until now.")] = None,
    event: EventFilter = None,
    only_failed: Annotated[bool, typer.Option("--only-failed", help="Only what did not arrive.")] = False,
    rate: Annotated[float | None, typer.Option(metavar="R", help="Deliveries a second; 50 unless given.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress until all of it waits to be sent.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Send a subscription again what happened in a span of time, with the same event ids."""
    asked = {"since": since, "until": until, "events": event, "only_failed": only_failed or None, "rate": rate}
    with connect(url) as service:
        made = service.post("subscriptions", subscription_id, "replay", body=asked).document
        if wait:
            with _open_screen(is_silent=as_json) as show:
                made = wait_until_done(service, made, show)
    if as_json:
        print_json(made)
    elif not wait:
        print_fields(made, _COLUMNS)


def wait_until_done(
    service: Connection,
    replay: Document,
    show: Callable[[Document], None],
    pause: Callable[[float], None] = time.sleep,
) -> Document:
    """Show the replay again and again, until all of it was queued."""
    show(replay)
    while replay.get("status") != "done":
        pause(_SECONDS_BETWEEN_LOOKS)
        replay = service.get("subscriptions", str(replay.get("subscription_id")), "replays", replay["id"])
        show(replay)
    return replay


@contextmanager
def _open_screen(*, is_silent: bool) -> Iterator[Callable[[Document], None]]:
    """Where the progress is shown: a bar on a terminal, else a line per change."""
    console = open_console()
    if is_silent:
        yield lambda _replay: None
    elif not console.is_terminal:
        yield _Lines().show
    else:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=None)
            yield lambda replay: progress.update(
                task, description=one_line(replay["id"]), total=replay.get("total"), completed=replay.get("queued") or 0
            )


class _Lines:
    """A line per change, for pipes and logs."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, replay: Document) -> None:
        """Write how far the replay is, if that is not what was written last."""
        total = "?" if replay.get("total") is None else replay["total"]
        line = f"{replay['id']} {replay.get('status')}: {replay.get('queued')} of {total} queued"
        if line != self._shown:
            self._shown = line
            print_line(line)
