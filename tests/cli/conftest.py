import os
import pty
import socket
import subprocess
import sys

import pytest
from cli_fake_service import FakeService
from typer.testing import CliRunner

from tracker.cli.app import app

KEY = "test-key-of-sufficient-length"


@pytest.fixture
def service():
    with FakeService() as running:
        yield running


@pytest.fixture
def dead_url():
    with socket.socket() as bound_but_deaf:  # bound, so that nobody else takes the port; refuses connections
        bound_but_deaf.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound_but_deaf.getsockname()[1]}"


@pytest.fixture
def environment(service):
    return {"TRACKER_URL": service.url, "TRACKER_API_KEY": KEY}


@pytest.fixture
def tracker(environment):
    """Run the command line in this process."""

    def run(*arguments, **changes):
        return CliRunner(env=environment | changes).invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def start_tracker(environment, tmp_path):
    """Start the command line as users do: a process of its own."""
    started = []

    def start(*arguments, python=("-m", "tracker"), environ=None, **options):
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, *python, *arguments],
            env=os.environ | environment | {"COLUMNS": "120", "TERM": "xterm"} | (environ or {}),
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": tmp_path, "text": True} | options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run_tracker(start_tracker):
    """Run the command line as a process of its own until it ends: exit code, stdout, stderr."""

    def run(*arguments, **options):
        process = start_tracker(*arguments, **options)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr

    return run


@pytest.fixture
def run_on_a_terminal(start_tracker):
    """Run the command line with a terminal for its stdout: exit code, and what the terminal was sent."""

    def run(*arguments, **options):
        ours, theirs = pty.openpty()
        process = start_tracker(*arguments, stdout=theirs, **options)
        os.close(theirs)
        shown = read_until_closed(ours)
        os.close(ours)
        return process.wait(timeout=60), shown

    return run


def read_until_closed(descriptor):
    chunks = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end of a terminal is closed
            chunk = b""
        if not chunk:
            return b"".join(chunks).decode()
        chunks.append(chunk)
