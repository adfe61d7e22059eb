"""The table of pages."""

from __future__ import annotations

from starlette.routing import Route

from tracker.dashboard import deliveries, files, job, jobs, live, login, overview, providers, subscriptions
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
    ("GET", "/deliveries", deliveries.index),
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
