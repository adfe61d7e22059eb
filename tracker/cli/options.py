"""Options and arguments that several commands share, and the parsers of their values."""

import math
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from tracker.cli.completing import event_types, kind_names, provider_names
from tracker.rules.durations import seconds_in

DEFAULT_URL = "http://127.0.0.1:8000"


def existing_id(text: str) -> str:
    """Refuse what cannot be an id of ours, so that it never changes the path of a request."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        message = f"{text!r} is not an id: ids look like job_… and hold letters, digits, _ and -."
        raise typer.BadParameter(message)
    return text


def seconds(text: str) -> float:
    """A number of seconds, zero or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        message = f"{text!r} is not a number of seconds."
        raise typer.BadParameter(message)
    return number


def duration(text: str) -> float:
    """The seconds in a duration such as 12h or 30d."""
    try:
        return seconds_in(text)
    except ValueError as error:
        message = f"{text!r} is none: {error}."
        raise typer.BadParameter(message) from error


def pairs(option: str, items: Sequence[str]) -> dict[str, str]:
    """The values of a repeated `key=value` option."""
    found: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not key or not equals:
            message = f"{option} takes key=value, not {item!r}."
            raise typer.BadParameter(message)
        if key in found:
            message = f"{option} names {key!r} twice."
            raise typer.BadParameter(message)
        found[key] = value
    return found


def rows_wanted(limit: int | None, *, every: bool) -> float | None:
    """How many rows of a list are wanted; None where nothing says so."""
    if every and limit is not None:
        message = "--limit and --all contradict each other: give one of the two."
        raise typer.BadParameter(message)
    return math.inf if every else limit


Url = Annotated[str, typer.Option("--url", envvar="TRACKER_URL", metavar="URL", help="Where the service is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many rows; 50 unless given.")
]
All = Annotated[bool, typer.Option("--all", help="Every row, however many pages that takes.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Where the last page ended.")]
Id = Annotated[str, typer.Argument(metavar="ID", parser=existing_id)]
Patience = Annotated[
    float | None, typer.Option("--timeout", metavar="S", parser=seconds, help="Give up waiting after S seconds.")
]
EventFilter = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        metavar="E",
        autocompletion=event_types,
        help="An event type, or a prefix such as job.*; repeatable.",
    ),
]
OfProvider = Annotated[
    list[str] | None,
    typer.Option("--provider", metavar="P", autocompletion=provider_names, help="Only of this provider; repeatable."),
]
OfKind = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="K", autocompletion=kind_names, help="Only of this kind; repeatable."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="T", help="A tag; repeatable.")]
KeyValues = Annotated[list[str] | None, typer.Option(metavar="K=V", help="A key and its value; repeatable.")]
