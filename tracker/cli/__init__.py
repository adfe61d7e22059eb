"""The `tracker` command: a client of the service's REST API, and the commands that run the service itself.

Exit codes: 0 done, 1 the job ended badly or was not found, 2 usage, 3 cannot reach the service.
"""

import io
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a job's output must not crash an ASCII terminal
    from tracker.cli.app import app  # noqa: PLC0415 - importing the package loads nothing

    app(prog_name="tracker")
