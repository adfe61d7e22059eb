"""What a type checker says to programs that use the client: the clients' methods are made, so it is worth a look."""

import re
import subprocess
import sys

PROGRAM = """
from tracker.client import AsyncTracker, Tracker

def blocks(tracker: Tracker) -> None:
    reveal_type(tracker.jobs.track("scenario", "r1", tags=["hero"]).wait(timeout=120))
    reveal_type(tracker.jobs.list(status="failed"))
    reveal_type(tracker.subscriptions.create("https://a.example", events=["job.*"]))
    tracker.subscriptions.create("https://a.example", evnts=["job.*"])  # [call-arg]
    tracker.jobs.list(status="faild")  # [arg-type]
    tracker.jobs.get("job_1").status == "succeded"  # [comparison-overlap]
    tracker.jobs.get("job_1").output["assetIds"]  # [index]

async def awaits(tracker: AsyncTracker) -> None:
    reveal_type(await tracker.jobs.track("scenario", "r1"))
    async for event in tracker.events.stream():
        reveal_type(event)
    tracker.jobs.get("job_1")  # [unused-coroutine]
"""
REVEALED = [
    "tracker.client.sync_jobs.Job",
    "typing.Iterator[tracker.client.sync_jobs.Job]",
    "tracker.client.models.subscription.Subscription",
    "tracker.client.async_jobs.AsyncJob",
    "tracker.client.models.event.Event",
]


def test_type_checker_knows_what_comes_back_and_what_is_misspelt(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--cache-dir",
        tmp_path / "cache",
        program,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own
    assert re.findall(r'Revealed type is "(.*)"', said) == REVEALED
    expected = [(number, line) for number, line in enumerate(PROGRAM.splitlines(), 1) if "  # [" in line]
    found = re.findall(r"program\.py:(\d+): error: .*  (\[.*\])", said)
    assert found == [(str(number), line.rpartition("# ")[2]) for number, line in expected]
