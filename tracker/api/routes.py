"""The route table, and the application that serves it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from store.errors import DatabaseAwayError
from store.records import Scope
from tracker.api import (
    deliveries,
    docs,
    events,
    job_lists,
    jobs,
    keys,
    providers,
    registration,
    replays,
    rotation,
    service,
    subscriptions,
)
from tracker.api import parameters as take
from tracker.api import shapes as of
from tracker.api.auth import Authentication
from tracker.api.bodies import (
    BatchBody,
    JobBody,
    KeyBody,
    ReplayBody,
    RotationBody,
    SubscriptionBody,
    SubscriptionChanges,
)
from tracker.api.calls import EVENT_STREAM, JSON, Call
from tracker.api.gate import gated
from tracker.api.openapi import Published, published
from tracker.api.problems import (
    ApiError,
    answer_away,
    answer_fault,
    answer_http_exception,
    answer_hung_up,
    answer_problem,
)

if TYPE_CHECKING:
    from tracker.api.context import Context

READ, WRITE, ADMIN, ALL = Scope.READ, Scope.WRITE, Scope.ADMIN, None

# A row is a line or two, so that the table can be read as one.
# fmt: off
CALLS = (
    Call("track_job", "POST", "/v1/jobs", WRITE, registration.create, "Track a job.",
         {201: of.Job, 200: of.Job}, JobBody, tells_location=True),
    Call("track_jobs", "POST", "/v1/jobs/batch", WRITE, registration.create_many, "Track up to 1000 jobs.",
         {200: of.Batch}, BatchBody),
    Call("list_jobs", "GET", "/v1/jobs", READ, job_lists.index, "List jobs, the newest first.",
         {200: of.Page[of.Job]}, query=(*take.JOB_FILTERS, *take.PAGING)),
    Call("get_job", "GET", "/v1/jobs/{id}", READ, jobs.show, "Show a job, at once or when it has ended.",
         {200: of.ExpandedJob, 304: None},
         query=(take.EXPAND,), headers=(take.PREFER, take.IF_NONE_MATCH), problems=(404,)),
    Call("forget_job", "DELETE", "/v1/jobs/{id}", WRITE, jobs.forget, "Stop tracking a job.",
         {204: None}, problems=(404,)),
    Call("list_job_transitions", "GET", "/v1/jobs/{id}/history", READ, job_lists.history,
         "List the transitions of a job, the oldest first.",
         {200: of.Page[of.Transition]}, problems=(404,)),
    Call("list_job_events", "GET", "/v1/jobs/{id}/events", READ, job_lists.events,
         "List the events of a job, the newest first.",
         {200: of.Page[of.Event], 204: None}, query=take.PAGING, headers=(take.LAST_EVENT_ID,), problems=(404,),
         media_types=(JSON, EVENT_STREAM)),
    Call("list_job_deliveries", "GET", "/v1/jobs/{id}/deliveries", READ, job_lists.deliveries,
         "List the deliveries of a job's events.",
         {200: of.Page[of.Delivery]}, query=take.PAGING, problems=(404,)),
    Call("wait_for_job", "GET", "/v1/jobs/{id}/wait", READ, jobs.wait,
         "Show a job when it has ended, or as it is at the time-out.",
         {200: of.Job}, query=(take.TIMEOUT,), problems=(404,)),
    Call("poll_job", "POST", "/v1/jobs/{id}/poll", WRITE, jobs.poll, "Poll a job now.",
         {202: of.Job}, problems=(404,)),
    Call("cancel_job", "POST", "/v1/jobs/{id}/cancel", WRITE, jobs.cancel, "Ask a job's provider to cancel it.",
         {202: of.Job}, problems=(404, 409, 502)),

    Call("list_events", "GET", "/v1/events", READ, events.index,
         "List all events, the oldest first, and where to go on.",
         {200: of.FeedPage}, query=(*take.EVENT_FILTERS, take.AFTER, take.LIMIT)),
    Call("stream_events", "GET", "/v1/events/stream", READ, events.stream, "Stream events as they happen.",
         {200: str}, query=(*take.EVENT_FILTERS, take.AFTER), headers=(take.LAST_EVENT_ID,),
         media_types=(EVENT_STREAM,)),

    Call("create_subscription", "POST", "/v1/subscriptions", WRITE, subscriptions.create, "Subscribe a URL to events.",
         {201: of.NewSubscription}, SubscriptionBody, shows_secret=True, tells_location=True),
    Call("list_subscriptions", "GET", "/v1/subscriptions", READ, subscriptions.index,
         "List subscriptions, the newest first.",
         {200: of.Page[of.Subscription]}, query=take.PAGING),
    Call("get_subscription", "GET", "/v1/subscriptions/{id}", READ, subscriptions.show, "Show a subscription.",
         {200: of.Subscription}, problems=(404,)),
    Call("change_subscription", "PATCH", "/v1/subscriptions/{id}", WRITE, subscriptions.change,
         "Change a subscription.",
         {200: of.Subscription}, SubscriptionChanges, problems=(404,)),
    Call("delete_subscription", "DELETE", "/v1/subscriptions/{id}", WRITE, subscriptions.remove,
         "Remove a subscription.",
         {204: None}, problems=(404,)),
    Call("test_subscription", "POST", "/v1/subscriptions/{id}/test", WRITE, subscriptions.test,
         "Send a subscription a test event.",
         {202: of.Delivery}, problems=(404,)),

    Call("rotate_subscription_secret", "POST", "/v1/subscriptions/{id}/rotate-secret", ADMIN, rotation.rotate_secret,
         "Give it a new secret.",
         {200: of.RotatedSubscription}, RotationBody, problems=(404, 409), shows_secret=True),
    Call("replay_events", "POST", "/v1/subscriptions/{id}/replay", WRITE, replays.create,
         "Send again what happened in a span of time.",
         {202: of.Replay}, ReplayBody, problems=(404,), tells_location=True),
    Call("list_replays", "GET", "/v1/subscriptions/{id}/replays", READ, replays.index,
         "List the replays of a subscription.",
         {200: of.Page[of.Replay]}, query=take.PAGING, problems=(404,)),
    Call("get_replay", "GET", "/v1/subscriptions/{id}/replays/{replay_id}", READ, replays.show,
         "Show how far a replay is.",
         {200: of.Replay}, problems=(404,)),

    Call("list_deliveries", "GET", "/v1/deliveries", READ, deliveries.index, "List deliveries, the newest first.",
         {200: of.Page[of.Delivery]}, query=(*take.DELIVERY_FILTERS, *take.PAGING)),
    Call("get_delivery", "GET", "/v1/deliveries/{id}", READ, deliveries.show, "Show a delivery with its attempts.",
         {200: of.Delivery}, problems=(404,)),
    Call("retry_delivery", "POST", "/v1/deliveries/{id}/retry", WRITE, deliveries.retry, "Send a delivery once more.",
         {202: of.Delivery}, problems=(404, 409)),

    Call("list_providers", "GET", "/v1/providers", READ, providers.index, "List providers by name.",
         {200: of.Page[of.Provider]}),
    Call("get_provider", "GET", "/v1/providers/{name}", READ, providers.show,
         "Show a provider, and what is learned of its jobs.",
         {200: of.LearnedProvider}, problems=(404,)),

    Call("create_key", "POST", "/v1/keys", ADMIN, keys.create, "Make an API key.",
         {201: of.NewKey}, KeyBody, shows_secret=True, tells_location=True),
    Call("list_keys", "GET", "/v1/keys", ADMIN, keys.index, "List API keys, the newest first.",
         {200: of.Page[of.Key]}, query=take.PAGING),
    Call("get_key", "GET", "/v1/keys/{id}", ADMIN, keys.show, "Show an API key.",
         {200: of.Key}, problems=(404,)),
    Call("revoke_key", "DELETE", "/v1/keys/{id}", ADMIN, keys.revoke, "Revoke an API key.",
         {204: None}, problems=(404, 409)),
    Call("get_callback_secret", "GET", "/v1/callback-secret", ADMIN, service.callback_secret,
         "Show what signs the callbacks of jobs.",
         {200: of.CallbackSecret}, shows_secret=True),

    Call("get_webhook_keys", "GET", "/.well-known/tracker-webhook-keys", ALL, service.webhook_keys,
         "What v1a signatures verify with.",
         {200: of.WebhookKeys}),
    Call("get_provider_schema", "GET", "/.well-known/tracker-provider-schema.json", ALL, docs.provider_schema,
         "What checks a description.",
         {200: dict}, media_types=("application/schema+json",)),
    Call("get_document", "GET", "/openapi.json", ALL, docs.document, "What programs read about the API.",
         {200: dict, 304: None}, headers=(take.IF_NONE_MATCH,)),
    Call("read_document", "GET", "/docs", ALL, docs.reference, "The same, for people to read.",
         {200: str, 304: None}, headers=(take.IF_NONE_MATCH,), media_types=("text/html",)),
    Call("read_provider_format", "GET", "/docs/providers", ALL, docs.provider_format, "How to describe a job API.",
         {200: str}, media_types=("text/html",)),
    Call("check_health", "GET", "/healthz", ALL, service.healthz, "Whether the service is alive.",
         {200: of.Health}),
    Call("check_readiness", "GET", "/readyz", ALL, service.readyz, "Whether the service is ready, and why not.",
         {200: of.Health, 503: of.Health}),
    Call("get_metrics", "GET", "/metrics", READ, service.metrics, "How the service fares, for Prometheus.",
         {200: str}, media_types=("text/plain", "application/openmetrics-text")),
)
# fmt: on
"""Every call there is."""

ROUTES = [Route(call.path, gated(call), methods=[call.method]) for call in CALLS]


@cache
def document() -> Published:
    """The document of all calls, made when it is first asked for."""
    return published(CALLS)


def build_app(context: Context) -> Starlette:
    """The ASGI application over a running service."""
    open_routes = [route for route, call in zip(ROUTES, CALLS, strict=True) if call.scope is None]
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Authentication, open_routes=open_routes)],
        exception_handlers={
            ApiError: answer_problem,
            DatabaseAwayError: answer_away,
            HTTPException: answer_http_exception,
            ClientDisconnect: answer_hung_up,
            Exception: answer_fault,
        },
    )
    # Its redirects would lead to whatever the Host header says, and to plain http behind a proxy.
    app.router.redirect_slashes = False
    app.state.context = context
    app.state.document = document
    return app
