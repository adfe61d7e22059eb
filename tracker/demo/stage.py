"""The whole world on loopback: simulated providers, a receiver, and Tracker between them."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from tracker.demo import receiver
from tracker.demo.receiver import Inbox
from tracker.demo.server import serve
from tracker.demo.simulators import World, decart, photogpt, scenario, wondercat
from tracker.rules.signing import new_secret
from tracker.service import Service
from tracker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tracker.providers.description import Description
    from tracker.surroundings import Surroundings

SUBSCRIPTION_PATH = "/subscription"
"""What comes here is signed with `Stage.subscription_secret`, the rest with the callback secret."""

CREDENTIALS = {
    "SCENARIO_SDK_API_KEY": "simulated-key",
    "SCENARIO_SDK_API_SECRET": "simulated-secret",
    "WONDERCAT_API_KEY": "simulated-wondercat",
    "DECART_API_KEY": "simulated-decart",
    "PHOTOGPT_API_KEY": "simulated-photogpt",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs. `client` talks to the service with an admin key; `callbacks` is the receiver's base URL."""

    world: World
    inbox: Inbox
    service: Service
    url: str
    callbacks: str
    client: httpx.AsyncClient
    subscription_secret: str


@asynccontextmanager
async def set_up(
    surroundings: Surroundings,
    descriptions: Sequence[Description] | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    is_ticking: bool = True,
    is_learning: bool = True,
) -> AsyncIterator[Stage]:
    """Runs everything on free loopback ports and a temporary database; at the end nothing is left of it.

    Callbacks to loopback are allowed by the same setting that an operator has: TRACKER_ALLOWED_NETWORKS.
    """
    world = World(surroundings.now)
    callback_secret, subscription_secret = (new_secret(secrets.token_bytes(33)) for _ in range(2))
    inbox = Inbox(surroundings.now, callback_secret, {SUBSCRIPTION_PATH: subscription_secret})
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tracker-"))
        callbacks = await stack.enter_async_context(serve(receiver.app(inbox)))
        environ = await stack.enter_async_context(serve_simulators(world)) | {
            "TRACKER_DATABASE_URL": f"sqlite:///{Path(folder) / 'tracker.db'}",
            "TRACKER_API_KEY": secrets.token_urlsafe(24),
            "TRACKER_CALLBACK_SECRET": callback_secret,
            "TRACKER_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        settings = Settings.from_environment({**environ, **(overrides or {})})
        service = Service(settings, surroundings, descriptions, is_ticking=is_ticking, is_learning=is_learning)
        await stack.enter_async_context(service)
        url = await stack.enter_async_context(serve(service.site))
        client = httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {settings.api_key}"}, trust_env=False, timeout=30
        )
        await stack.enter_async_context(client)
        yield Stage(world, inbox, service, url, callbacks, client, subscription_secret)


@asynccontextmanager
async def serve_simulators(world: World) -> AsyncIterator[dict[str, str]]:
    """Serves every simulated provider; yields the environment that leads Tracker to them."""
    apps = {
        "scenario": (scenario.app(world, "simulated-key", "simulated-secret"), scenario.BASE_PATH),
        "wondercat": (wondercat.app(world, "simulated-wondercat"), wondercat.BASE_PATH),
        "decart": (decart.app(world, "simulated-decart"), decart.BASE_PATH),
        "photogpt": (photogpt.app(world, "simulated-photogpt"), photogpt.BASE_PATH),
    }
    mounts = [Mount(f"/{name}", app) for name, (app, _) in apps.items()]
    async with serve(Starlette(routes=mounts)) as url:
        base_urls = {f"TRACKER_{name.upper()}_BASE_URL": f"{url}/{name}{path}" for name, (_, path) in apps.items()}
        yield {**CREDENTIALS, **base_urls}
