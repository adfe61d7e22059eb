"""`tracker up` and `tracker migrate`: run the service itself, not a client of it.

The server is imported inside the commands, so that a client command never waits for it.
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.env_file import EnvFileError, load_env_file
from tracker.cli.options import AsJson
from tracker.cli.output import ExitCode, print_json, print_line, stop

if TYPE_CHECKING:
    from tracker.settings import Settings

Database = Annotated[
    str | None, typer.Option(metavar="URL", help="Where the data is; TRACKER_DATABASE_URL, or sqlite:///tracker.db.")
]


def up(
    *,
    host: Annotated[str | None, typer.Option(help="Listen here; TRACKER_HOST, or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Listen here; TRACKER_PORT, or 8000.")] = None,
    database: Database = None,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read KEY=VALUE settings, under those of the environment.")
    ] = None,
) -> None:
    """Run the service until it is told to stop."""
    # The server takes signals over once it is loaded; until then a stop is a stop in order too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    own = dict(os.environ)
    if env_file is not None:
        try:
            load_env_file(env_file, os.environ)
        except EnvFileError as error:
            stop(str(error), ExitCode.USAGE)
    settings = _settings(TRACKER_HOST=host, TRACKER_PORT=port, TRACKER_DATABASE_URL=database)
    from tracker import serve  # noqa: PLC0415 - see the top of the file

    try:
        serve.serve(settings, None if env_file is None else lambda: _read_again(env_file, own))
    except serve.StartError as error:
        stop(str(error), ExitCode.USAGE)


def _read_again(env_file: Path, own: dict[str, str]) -> dict[str, str]:
    """The environment as it would be at a start now. Raises EnvFileError."""
    environ = dict(own)
    load_env_file(env_file, environ)
    return {name: value for name, value in environ.items() if value}


def migrate(*, database: Database = None, as_json: AsJson = False) -> None:
    """Bring the database to the newest schema, and print its revision."""
    settings = _settings(TRACKER_DATABASE_URL=database)
    from tracker import serve  # noqa: PLC0415 - see the top of the file

    try:
        revision = serve.migrate(settings)
    except serve.StartError as error:
        stop(str(error), ExitCode.USAGE)
    if as_json:
        print_json({"revision": revision})
    else:
        print_line(revision)


def _settings(**overrides: str | int | None) -> "Settings":
    from tracker.settings import Settings, SettingsError  # noqa: PLC0415 - see the top of the file

    given = {name: str(value) for name, value in overrides.items() if value is not None}
    try:
        return Settings.from_environment({**os.environ, **given})
    except SettingsError as error:
        stop(str(error), ExitCode.USAGE)
