"""The route table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from tracker.api import deliveries, docs, events, jobs, providers, replays, rotation, service, subscriptions
from tracker.api.auth import Authentication
from tracker.api.problems import ApiError, answer_fault, answer_http_exception, answer_problem

if TYPE_CHECKING:
    from tracker.api.context import Context

ROUTES = [
    Route("/v1/jobs", jobs.create, methods=["POST"]),
    Route("/v1/jobs", jobs.index, methods=["GET"]),
    Route("/v1/jobs/{id}", jobs.show, methods=["GET"]),
    Route("/v1/jobs/{id}", jobs.forget, methods=["DELETE"]),
    Route("/v1/jobs/{id}/history", jobs.history, methods=["GET"]),
    Route("/v1/jobs/{id}/events", jobs.events, methods=["GET"]),
    Route("/v1/jobs/{id}/deliveries", jobs.deliveries, methods=["GET"]),
    Route("/v1/jobs/{id}/wait", jobs.wait, methods=["GET"]),
    Route("/v1/jobs/{id}/poll", jobs.poll, methods=["POST"]),
    Route("/v1/jobs/{id}/cancel", jobs.cancel, methods=["POST"]),
    Route("/v1/events", events.index, methods=["GET"]),
    Route("/v1/events/stream", events.stream, methods=["GET"]),
    Route("/v1/subscriptions", subscriptions.create, methods=["POST"]),
    Route("/v1/subscriptions", subscriptions.index, methods=["GET"]),
    Route("/v1/subscriptions/{id}", subscriptions.show, methods=["GET"]),
    Route("/v1/subscriptions/{id}", subscriptions.change, methods=["PATCH"]),
    Route("/v1/subscriptions/{id}", subscriptions.remove, methods=["DELETE"]),
    Route("/v1/subscriptions/{id}/test", subscriptions.test, methods=["POST"]),
    Route("/v1/subscriptions/{id}/rotate-secret", rotation.rotate_secret, methods=["POST"]),
    Route("/v1/subscriptions/{id}/replay", replays.create, methods=["POST"]),
    Route("/v1/subscriptions/{id}/replays", replays.index, methods=["GET"]),
    Route("/v1/subscriptions/{id}/replays/{replay_id}", replays.show, methods=["GET"]),
    Route("/v1/deliveries", deliveries.index, methods=["GET"]),
    Route("/v1/deliveries/{id}", deliveries.show, methods=["GET"]),
    Route("/v1/deliveries/{id}/retry", deliveries.retry, methods=["POST"]),
    Route("/v1/providers", providers.index, methods=["GET"]),
    Route("/v1/providers/{name}", providers.show, methods=["GET"]),
    Route("/v1/callback-secret", service.callback_secret, methods=["GET"]),
    Route("/.well-known/tracker-webhook-keys", service.webhook_keys, methods=["GET"]),
    Route("/.well-known/tracker-provider-schema.json", docs.provider_schema, methods=["GET"]),
    Route("/docs/providers", docs.provider_format, methods=["GET"]),
    Route("/healthz", service.healthz, methods=["GET"]),
    Route("/readyz", service.readyz, methods=["GET"]),
]


def build_app(context: Context) -> Starlette:
    """The ASGI application over a running service."""
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Authentication)],
        exception_handlers={
            ApiError: answer_problem,
            HTTPException: answer_http_exception,
            Exception: answer_fault,
        },
    )
    # Its redirects would lead to whatever the Host header says, and to plain http behind a proxy.
    app.router.redirect_slashes = False
    app.state.context = context
    return app
