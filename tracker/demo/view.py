"""What the demo shows: progress bars and events while it runs, a table at the end."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracker.demo.run import Run

_EVENTS_SHOWN = 8
_COLORS = {"succeeded": "green", "failed": "red", "canceled": "yellow", "expired": "yellow"}


class View:
    """Bars on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description:<30}"),
            BarColumn(24),
            TextColumn("{task.fields[status]:<16}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._events: deque[Text] = deque(maxlen=_EVENTS_SHOWN)
        self._live = Live(console=console, refresh_per_second=10, transient=True, get_renderable=self._shown)

    @contextmanager
    def showing(self, runs: Iterable[Run]) -> Iterator[None]:
        """Shows what happens to these jobs for as long as it lasts."""
        for run in runs:
            name = f"{run.recipe.provider} {run.recipe.kind} {run.remote.id}"
            self._tasks[run.remote.id] = self._bars.add_task(name, total=None, status="registered")
        if not self._console.is_terminal:
            yield
            return
        with self._live:
            yield

    def event(self, content: dict[str, Any]) -> None:
        """Takes an event that has arrived."""
        job = content["data"].get("job")
        if job is None:
            return
        line = _line(content, job)
        if not self._console.is_terminal:
            if content["type"] not in ("job.progress", "job.step"):
                self._console.print(line)
            return
        self._events.append(line)
        task = self._tasks.get(job["remote_id"])
        if task is not None:
            is_final = job["finished_at"] is not None
            share = 1.0 if is_final else job["progress"]
            self._bars.update(task, status=job["status"], total=None if share is None else 1.0, completed=share or 0.0)

    def _shown(self) -> Group:
        return Group(self._bars, Text(), *self._events)


def summary(runs: Iterable[Run]) -> Table:
    """The table at the end."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    for heading in ("job", "provider", "ended"):
        table.add_column(heading, no_wrap=True)
    table.add_column("polls", justify="right")
    table.add_column("done → webhook", justify="right")
    table.add_column("signature", no_wrap=True)
    table.add_column("on the way", style="dim")
    for run in runs:
        table.add_row(*_row(run))
    return table


def _row(run: Run) -> tuple[str | Text, ...]:
    recipe = run.recipe
    ended = Text(run.ended or "not seen", style=_COLORS.get(run.ended or "", "red"))
    delay = "-" if run.delay is None else f"{run.delay:.2f} s"
    signature = Text("verified", style="green") if run.is_verified else Text(run.flaw or "missing", style="red")
    return run.remote.id, f"{recipe.provider} {recipe.kind}", ended, str(run.polls), delay, signature, recipe.trouble


def _line(content: dict[str, Any], job: dict[str, Any]) -> Text:
    event_type = content["type"]
    step = content["data"].get("step")
    told = f"{step['id']} {step['status']}" if step else job["provider_status"] or ""
    progress = "" if job["progress"] is None else f" {job['progress']:.0%}"
    color = _COLORS.get(event_type.removeprefix("job."), "default")
    return Text.assemble((f"{event_type:<20}", color), f"{job['provider']:<10} {job['remote_id']:<15} {told}{progress}")
