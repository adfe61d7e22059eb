"""`tracker demo`: everything at once, on this machine, with simulated providers."""

from typing import Annotated

import typer


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it all running, and print the dashboard's address.")] = (
        False
    ),
    jobs: Annotated[int, typer.Option(metavar="N", min=1, help="How many jobs to register.")] = 20,
    speed: Annotated[float, typer.Option(metavar="X", min=0.1, help="How much faster than life jobs run.")] = 1.0,
) -> None:
    """Show the whole service at work with simulated providers; nothing to set up."""
    from tracker.demo.run import run_demo  # noqa: PLC0415 - the demo brings the whole server

    raise typer.Exit(run_demo(jobs=jobs, speed=speed, keep=keep))
