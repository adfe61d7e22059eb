"""Templates: every text from outside is escaped, whatever it says, and every page says what it may load."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from tracker.dashboard import spelling
from tracker.dashboard.files import address_of
from tracker.rules.events import EVENT_TYPES

if TYPE_CHECKING:
    from starlette.responses import Response

    from tracker.dashboard.visits import Visit

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'{elsewhere}; "
    "media-src 'self'{elsewhere}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def render(
    template: str,
    status: int = 200,
    *,
    visit: Visit | None = None,
    shows_media: bool = False,
    **values: Any,  # noqa: ANN401 - whatever a template shows
) -> Response:
    """A page, for who is signed in or for nobody; if it `shows_media`, it may load images and videos from elsewhere."""
    text = _environment().get_template(template).render(values, visit=visit)
    policy = _POLICY.format(elsewhere=" http: https:" if shows_media else "")
    return HTMLResponse(text, status, {**_HEADERS, "content-security-policy": policy})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tracker.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": address_of, "event_types": EVENT_TYPES}
    environment.filters |= spelling.FILTERS
    environment.tests |= spelling.TESTS
    return environment
