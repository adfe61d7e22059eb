"""Asks the service in this container how it is; exits 0 only if the answer is 200. Give the path to ask for."""

import os
import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 6.0
"""Seconds; /readyz itself takes up to five."""


def main() -> None:
    """Ask, and say what is wrong on standard error, where `docker inspect` shows it."""
    path = sys.argv[1] if len(sys.argv) > 1 else "/healthz"
    # Straight to the port: a proxy from the environment has no business here.
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("TRACKER_PORT") or 8000), timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            sys.exit(f"{path} answers {answer.status}: {answer.read(2000).decode(errors='replace')}")
    except (OSError, HTTPException) as error:
        sys.exit(f"{path} does not answer: {error!r}")
    finally:
        connection.close()


main()
