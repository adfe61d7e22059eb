"""The table of pages."""

from __future__ import annotations

from starlette.routing import Route

from tracker.dashboard import (
    deliveries,
    delivery,
    files,
    job,
    jobs,
    live,
    login,
    overview,
    providers,
    subscription,
    subscriptions,
)
from tracker.dashboard.visits import signed_in

# fmt: off
PAGES = (
    ("GET", "/", overview.show),
    ("GET", "/jobs", jobs.index),
    ("GET", "/jobs/{id}", job.show),
    ("POST", "/jobs/{id}/poll", job.poll),
    ("POST", "/jobs/{id}/cancel", job.cancel),
    ("POST", "/jobs/{id}/forget", job.forget),
    ("GET", "/subscriptions", subscriptions.index),
    ("POST", "/subscriptions", subscriptions.create),
    ("GET", "/subscriptions/new", subscriptions.new),
    ("GET", "/subscriptions/{id}", subscription.show),
    ("POST", "/subscriptions/{id}/test", subscription.test),
    ("POST", "/subscriptions/{id}/status", subscription.change_status),
    ("POST", "/subscriptions/{id}/rotate-secret", subscription.rotate_secret),
    ("POST", "/subscriptions/{id}/replay", subscription.replay),
    ("GET", "/subscriptions/{id}/remove", subscription.confirm_removal),
    ("POST", "/subscriptions/{id}/remove", subscription.remove),
    ("GET", "/deliveries", deliveries.index),
    ("GET", "/deliveries/{id}", delivery.show),
    ("POST", "/deliveries/{id}/retry", delivery.retry),
    ("GET", "/providers", providers.index),
    ("GET", "/providers/{name}", providers.show),
    ("GET", "/live", live.stream),
    ("POST", "/logout", login.leave),
)
"""What needs a session; what is sent by POST, a form of that session too."""

OPEN = (
    ("GET", "/login", login.show),
    ("POST", "/login", login.enter),
    ("GET", "/static/{version}/{name}", files.serve),
)
"""What everybody may see."""
# fmt: on

ROUTES = [
    *(Route(path, signed_in(handle), methods=[method]) for method, path, handle in PAGES),
    *(Route(path, handle, methods=[method]) for method, path, handle in OPEN),
]
