"""What is printed, and where: data on stdout, everything else as single lines on stderr."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Document = dict[str, Any]

_STYLES = {
    "running": "cyan",
    "action_required": "yellow",
    **dict.fromkeys(("paused", "slowed"), "yellow"),
    **dict.fromkeys(("succeeded", "delivered", "active"), "green"),
    **dict.fromkeys(
        ("failed", "expired", "canceled", "exhausted", "blocked", "disabled", "rejected", "suspended"), "red"
    ),
}
_UNWRAPPED = 1_000_000  # columns; a pipe has no edge to wrap at


class ExitCode(IntEnum):
    """How the command line says that something went wrong."""

    ENDED_BADLY = 1
    USAGE = 2
    UNREACHABLE = 3


def stop(message: str, code: ExitCode) -> NoReturn:
    """Say in one line on stderr why the command ends, and end it."""
    typer.echo(f"Error: {one_line(message)}", err=True)
    raise typer.Exit(code)


def note(message: str) -> None:
    """Say something beside the data, in one line on stderr."""
    typer.echo(one_line(message), err=True)


def one_line(value: object) -> str:
    """A value as a line of visible text: what providers and subscribers send must not steer a terminal."""
    if value is None or value in ([], {}, ""):
        return "-"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else "�" for letter in " ".join(text.split()))


def percent(progress: float | None) -> str | None:
    """A progress of 0..1 as people say it."""
    return None if progress is None else f"{progress:.0%}"


def print_json(document: object, *, indent: int | None = 2) -> None:
    """Write a JSON document on stdout, in UTF-8 whatever the terminal speaks."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=indent).encode("utf-8", errors="replace"))


def print_line(message: str) -> None:
    """Write a line of data on stdout."""
    typer.echo(one_line(message))


def print_line_as_it_is(line: str) -> None:
    """Write a line of our own making on stdout, its spaces kept."""
    typer.echo("".join(letter if letter.isprintable() else "�" for letter in line))


def style_of(status: str) -> str:
    """The colour of a status on terminals that have colours."""
    return _STYLES.get(status, "")


def open_console(*, stderr: bool = False) -> Console:
    """A console that interprets nothing in what it prints, and wraps only at a terminal's edge."""
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNWRAPPED
    return console


def print_fields(document: Document, names: Sequence[str] | None = None) -> None:
    """Write the fields of one thing on stdout, a line each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in names or document:
        table.add_row(Text(name, style="dim"), _cell(name, document.get(name)))
    _print(table)


def print_table(columns: Sequence[str], documents: Iterable[Document]) -> None:
    """Write things on stdout, a row each."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column.replace("_", " ").upper(), no_wrap=column in ("id", "status"), overflow="fold")
    for document in documents:
        table.add_row(*(_cell(column, document.get(column)) for column in columns))
    _print(table)


def print_page(columns: Sequence[str], page: Document, *, as_json: bool) -> None:
    """Write a page of a list on stdout, and on stderr how to go on."""
    if as_json:
        print_json(page)
        return
    print_table(columns, page["data"])
    if not page["data"]:
        note("There are none.")
    if page.get("next_cursor"):
        note(f"There are more: go on with --cursor {page['next_cursor']}")


def _print(table: Table) -> None:
    console = open_console()
    with console.capture() as captured:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))  # rich fills lines up


def _cell(name: str, value: object) -> Text:
    text = one_line(percent(value) if name == "progress" and isinstance(value, float | int) else value)
    return Text(text, style=style_of(text) if name in ("status", "outcome") else "")
