"""The tree of commands."""

import typer

from tracker.cli import deliveries, demo, events, jobs, keys, listen, providers, service, subscriptions

app = typer.Typer(
    help="Poll job APIs that can only be polled, and tell about every change by signed webhooks.",
    epilog="Exit codes: 0 done, 1 the job ended badly or was not found, 2 usage, 3 cannot reach the service.",
    no_args_is_help=True,
    rich_markup_mode=None,  # boxes would break an error into several lines
    pretty_exceptions_enable=False,  # they can show local variables, and those hold keys
)
app.command("up")(service.up)
app.command("demo")(demo.demo)
app.command("migrate")(service.migrate)
app.command("events")(events.events)
app.command("listen")(listen.listen)
app.add_typer(jobs.app, name="jobs")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(providers.app, name="providers")
app.add_typer(keys.app, name="keys")
