"""Where the state of jobs is shown: bars on a terminal, lines or JSON elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn
from rich.text import Text

from store.records import FINAL_STATUSES, Status
from tracker.cli.output import one_line, open_console, percent, print_json, print_line, style_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Task, TaskID

    from tracker.cli.output import Document


def is_final(job: Document) -> bool:
    """Whether the job has ended for good."""
    return job.get("status") in FINAL_STATUSES


def ended_well(job: Document) -> bool:
    """Whether the job has ended with what was asked for."""
    return job.get("status") == Status.SUCCEEDED


def why_it_ended(job: Document) -> str:
    """The provider's words about a bad end, with their lead-in; empty where there are none."""
    error = job.get("error") or {}
    return "".join(f": {error[key]}" for key in ("message", "hint") if error.get(key))


class Screen(Protocol):
    """Where the state of jobs is shown, again and again."""

    def show(self, job: Document) -> None:
        """Show the job as it is now."""


class Bars:
    """A progress bar per job."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, job: Document) -> None:
        """Move the job's bar."""
        task = self._tasks.get(job["id"])
        if task is None:
            task = self._tasks[job["id"]] = self._progress.add_task(_name_of(job), total=None, job=job)
        known = 1.0 if ended_well(job) else job.get("progress")
        total = 1.0 if known is not None or is_final(job) else None  # without a total the bar pulses
        self._progress.update(task, completed=known or 0, total=total, job=job)
        if is_final(job):
            self._progress.stop_task(task)


class Lines:
    """A line per change, for pipes and logs."""

    def __init__(self, write: Callable[[Document], None]) -> None:
        self._write = write
        self._shown: dict[str, tuple[object, ...]] = {}

    def show(self, job: Document) -> None:
        """Write the job, if it is not as it was."""
        state = (job.get("provider_status"), job.get("progress"), _state_of(job))
        if self._shown.get(job["id"]) != state:
            self._shown[job["id"]] = state
            self._write(job)


@contextmanager
def open_screen(*, as_json: bool) -> Iterator[Screen]:
    """The screen that suits stdout; JSON is one document per line and change."""
    console = open_console()
    if as_json:
        yield Lines(lambda job: print_json(job, indent=None))
    elif not console.is_terminal:
        yield Lines(lambda job: print_line(_line_about(job)))
    else:
        with progress_on(console) as progress:
            yield Bars(progress)


@contextmanager
def open_screen_beside(*, as_json: bool) -> Iterator[Screen]:
    """The screen of a command that prints a result of its own; beside JSON there are bars on a terminal's stderr."""
    console = open_console(stderr=True)
    if not as_json:
        with open_screen(as_json=False) as screen:
            yield screen
    elif not console.is_terminal:
        yield Lines(lambda _job: None)
    else:
        with progress_on(console) as progress:
            yield Bars(progress)


class _StatusColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        job: Document = task.fields["job"]
        return Text(_state_of(job), style=style_of(str(job.get("status"))))


def progress_on(console: Console) -> Progress:
    """The bars on a console; they move while it is entered."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), _StatusColumn())
    return Progress(*columns, console=console)


def _name_of(job: Document) -> str:
    return one_line(f"{job['id']} {job.get('provider')}/{job.get('kind')}")


def _line_about(job: Document) -> str:
    parts = (job.get("updated_at"), _name_of(job), percent(job.get("progress")), _state_of(job))
    return " ".join(one_line(part) for part in parts if part is not None)


def _state_of(job: Document) -> str:
    problem = job.get("poll_problem") or {}
    polling = f" (polling: {problem.get('code')})" if problem else ""
    return one_line(f"{job.get('status')}{polling}{why_it_ended(job)}")
