"""`tracker jobs …`: register jobs, look at them, wait for them."""

from typing import Annotated

import typer

from store.records import Status
from tracker.cli.completing import kind_names, provider_names
from tracker.cli.connection import connect
from tracker.cli.following import run
from tracker.cli.options import (
    DEFAULT_URL,
    All,
    AsJson,
    Cursor,
    EventFilter,
    Id,
    KeyValues,
    Limit,
    OfKind,
    OfProvider,
    Patience,
    Tags,
    Url,
    existing_id,
    pairs,
    rows_wanted,
)
from tracker.cli.output import (
    Document,
    ExitCode,
    note,
    print_fields,
    print_json,
    print_line,
    print_page,
    print_table,
)
from tracker.cli.screens import open_screen
from tracker.cli.waiting import wait_and_report
from tracker.cli.watching import Watch, unfinished_jobs

app = typer.Typer(help="Register jobs, look at them, wait for them.", no_args_is_help=True)

Time = Annotated[str | None, typer.Option(metavar="T", help="A time, as 2026-11-22T10:00:00Z; itself not included.")]

_COLUMNS = ("id", "provider", "kind", "remote_id", "status", "progress", "next_poll_at")
_FIELDS_OF_A_NEW_JOB = ("id", "status", "next_poll_at")
_COLUMNS_OF_HISTORY = ("sequence", "status", "provider_status", "progress", "occurred_at", "detected_at")


@app.command("add")
def add_job(  # noqa: PLR0913 - a parameter for each option
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", autocompletion=provider_names, help="Its name.")],
    remote_id: Annotated[str, typer.Argument(metavar="REMOTE_ID", help="The provider's id of the job.")],
    *,
    kind: Annotated[
        str | None, typer.Option(metavar="K", autocompletion=kind_names, help="Where the provider has several.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Whose credentials to poll with.")] = None,
    param: KeyValues = None,
    callback_url: Annotated[str | None, typer.Option(help="Where this job's events go.")] = None,
    event: EventFilter = None,
    tag: Tags = None,
    meta: KeyValues = None,
    timeout: Annotated[int | None, typer.Option(metavar="S", min=1, help="Expire the job after S seconds.")] = None,
    rerun: Annotated[bool, typer.Option("--rerun", help="Track it anew, if it has ended.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job to end, like `jobs wait`.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Track a job of a provider."""
    wanted = {
        "provider": provider,
        "remote_id": remote_id,
        "kind": kind,
        "account": account,
        "params": pairs("--param", param or ()),
        "callback_url": callback_url,
        "events": event,
        "tags": tag,
        "metadata": pairs("--meta", meta or ()),
        "timeout_seconds": timeout,
        "rerun": rerun or None,
    }
    with connect(url) as service:
        answer = service.post("jobs", body=wanted)
        if answer.http_status == 200:
            note("This job was tracked before; here it is as it is.")
        if not (wait and as_json):  # stdout is one document: with both, the job at its end
            _print_new_job(answer.document, as_json=as_json)
        if wait:
            wait_and_report(service, answer.document["id"], None, as_json=as_json)


@app.command("list")
def list_jobs(  # noqa: PLR0913 - a parameter for each option
    *,
    provider: OfProvider = None,
    kind: OfKind = None,
    account: Annotated[list[str] | None, typer.Option(metavar="A", help="Only of this account; repeatable.")] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Only with this status; repeatable.")] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="T", help="Only with this tag, or all of these.")] = None,
    meta: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Only with this metadata; repeatable.")] = None,
    remote_id: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only with this id at the provider; repeatable.")
    ] = None,
    created_after: Time = None,
    created_before: Time = None,
    finished_after: Time = None,
    finished_before: Time = None,
    limit: Limit = None,
    every: All = False,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """List jobs, newest first. Of one filter any value counts (of tags all), and all filters at once."""
    filters = {
        "provider": provider,
        "kind": kind,
        "account": account,
        "status": [one.value for one in status or ()],
        "tag": tag,
        "remote_id": remote_id,
        "created_after": created_after,
        "created_before": created_before,
        "finished_after": finished_after,
        "finished_before": finished_before,
        "cursor": cursor,
        **{f"metadata.{key}": value for key, value in pairs("--meta", meta or ()).items()},
    }
    with connect(url) as service:
        page = service.rows("jobs", filters, rows_wanted(limit, every=every))
    print_page(_COLUMNS, page, as_json=as_json)


@app.command("show")
def show_job(job_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Show a job and its history, in the provider's times."""
    with connect(url) as service:
        job = service.get("jobs", job_id)
        history = service.all_rows("jobs", job_id, "history")
    if as_json:
        print_json({**job, "history": history})
        return
    print_fields(job)
    typer.echo()
    print_table(_COLUMNS_OF_HISTORY, history)


@app.command("wait")
def wait_for_job(job_id: Id, *, timeout: Patience = None, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Wait for a job to end; exit code 1 unless it succeeded in time."""
    with connect(url) as service:
        wait_and_report(service, job_id, timeout, as_json=as_json)


@app.command("watch")
def watch_jobs(
    job_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", parser=existing_id)] = None,
    *,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Watch jobs, or all unfinished ones, until each has ended; exit code 1 unless all succeeded."""
    with connect(url) as service:
        watched = job_ids or unfinished_jobs(service)
        if not watched:
            note("No job is unfinished.")
            return
        with open_screen(as_json=as_json) as screen:
            watch = Watch(service, watched, screen)
            run(watch.follow())
    if not watch.all_well:
        raise typer.Exit(ExitCode.ENDED_BADLY)


@app.command("poll")
def poll_job(job_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Poll a job now, whatever its interval says."""
    with connect(url) as service:
        job = service.post("jobs", job_id, "poll").document
    _print_new_job(job, as_json=as_json)


@app.command("cancel")
def cancel_job(job_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Ask the provider to cancel a job; exit code 1 where its kind cannot be canceled."""
    with connect(url) as service:
        job = service.post("jobs", job_id, "cancel").document
    _print_new_job(job, as_json=as_json)


@app.command("forget")
def forget_job(job_id: Id, *, as_json: AsJson = False, url: Url = DEFAULT_URL) -> None:
    """Stop tracking a job; the provider goes on with it."""
    with connect(url) as service:
        service.delete("jobs", job_id)
    if as_json:
        print_json({"id": job_id, "deleted": True})
    else:
        print_line(f"{job_id} is no longer tracked.")


def _print_new_job(job: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
    else:
        print_fields(job, _FIELDS_OF_A_NEW_JOB)
