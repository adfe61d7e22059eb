"""`tracker listen`: webhooks to a server that the service cannot reach, such as one on a laptop."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from store.records import PayloadForm
from tracker.cli.connection import Connection, connect
from tracker.cli.events import After, OfJobs, OfTags, Types, filters
from tracker.cli.following import Break, open_news, run
from tracker.cli.forwarding import ATTEMPT_SECONDS, Forwarder, show_as_json, show_as_line
from tracker.cli.options import DEFAULT_URL, AsJson, OfKind, OfProvider, Url
from tracker.cli.output import note
from tracker.client.flows.streaming import Opened, Told
from tracker.rules.signing import NEW_SECRET_BYTES, new_secret, secret_flaw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def local_url(text: str) -> str:
    """Where to post; `localhost:3000/hook` is http."""
    try:
        url = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL as error:
        message = f"{text!r} is not a URL: {error}."
        raise typer.BadParameter(message) from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        message = f"give a URL such as http://localhost:3000/hook, without user info, not {text!r}."
        raise typer.BadParameter(message)
    return str(url)


def signing_secret(text: str) -> str:
    """A secret in the form of Standard Webhooks; an error does not repeat it."""
    flaw = secret_flaw(text)
    if flaw is not None:
        raise typer.BadParameter(flaw)
    return text


ForwardTo = Annotated[
    str, typer.Option("--forward-to", metavar="URL", parser=local_url, help="Post there: http://localhost:3000/hook.")
]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="whsec_…",
        envvar="TRACKER_LISTEN_SECRET",
        show_envvar=True,
        parser=signing_secret,
        help="Sign with this; else a new secret is made and printed.",
    ),
]


def listen(  # noqa: PLR0913 - a parameter for each option
    *,
    forward_to: ForwardTo,
    event: Types = None,
    job: OfJobs = None,
    provider: OfProvider = None,
    kind: OfKind = None,
    tag: OfTags = None,
    payload: Annotated[PayloadForm, typer.Option(help="The whole job, or ids and a status.")] = PayloadForm.FULL,
    secret: Secret = None,
    after: After = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Send events to a local server as signed webhooks, and print what it answers, until Ctrl-C.

    Headers, signature and body are those that a subscription gets; all events come unless --event names some. It begins
    now, or behind --after. Events go one by one, in order. An answer counts whatever it says: one that is not 2xx is
    shown, and the next event comes. While the server gives no answer, an event is tried again after 1, 2 and 4 s, then
    shown as passed over. When the connection to Tracker breaks, it goes on where it was: no event is skipped.
    """
    wanted = filters(event, job, provider, kind, tag)
    made = secret or new_secret(secrets.token_bytes(NEW_SECRET_BYTES))
    with connect(url) as service:
        note(f"Signing secret: {'the one that you gave' if secret else made}")
        forward = _forward(service, forward_to, made, wanted, after, payload, as_json=as_json)
        run(forward)


async def _forward(
    service: Connection,
    forward_to: str,
    secret: str,
    wanted: Mapping[str, Sequence[str]],
    after: str | None,
    form: PayloadForm,
    *,
    as_json: bool,
) -> None:
    verify = forward_to.startswith("https:")  # plain HTTP has no use for certificates, which take long to read
    async with (
        httpx.AsyncClient(trust_env=False, verify=verify, timeout=ATTEMPT_SECONDS) as http,
        open_news(service, wanted, after) as stream,
    ):
        show = show_as_json if as_json else show_as_line
        forwarder = Forwarder(http, forward_to, secret, show, form=form, jobs_url=service.jobs_url)
        connection, is_ready = Break(), False
        async for news in stream:
            connection.take(news)
            if isinstance(news, Told):
                await forwarder.forward(news)
            elif isinstance(news, Opened) and not is_ready:
                is_ready = True
                note(f"Ready: events go to {forward_to}. Ctrl-C ends it.")
