"""A program that imports the client gets the client, and nothing of the service."""

import subprocess
import sys

import pytest

HEAVY = ["starlette", "sqlmodel", "sqlalchemy", "apscheduler", "numpy", "uvicorn", "aiohttp", "alembic", "store"]


@pytest.mark.parametrize("statement", ["import tracker", "from tracker.client import Tracker, AsyncTracker, webhooks"])
def test_import_loads_nothing_of_the_service(statement):
    program = f"{statement}\nimport sys\nprint([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert done.stdout == "[]\n"


def test_import_loads_only_the_client_of_tracker():
    program = "import tracker.client, sys\nprint([n for n in sys.modules if n.startswith('tracker.')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert "tracker.client.sync_client" in done.stdout
    assert not [name for name in eval(done.stdout) if not name.startswith("tracker.client")]  # noqa: S307 - our own
