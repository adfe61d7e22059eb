"""The requests to a provider, as its description has them: to poll a job, and to cancel it."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from tracker.providers.sections import BasicAuth, BearerAuth, HeaderAuth, NoAuth
from tracker.providers.templates import (
    UnusableValueError,
    filled_body,
    filled_path,
    filled_query,
    filled_text,
    url_parameter,
    value_of,
)
from tracker.rules.exchange import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from store.records import Job
    from tracker.providers.description import Description, Kind
    from tracker.providers.sections import Auth, CancelRequest

_USUAL = {
    "accept": "application/json",
    # Compressed answers would let a few bytes become many.
    "accept-encoding": "identity",
    "user-agent": "tracker",
}
_URL = re.compile(r"(?P<origin>https?://(?P<host>[A-Za-z0-9.-]+)(?P<port>:[0-9]{1,5})?)(?P<path>/[!-\[\]^-~]*)?")
"""A plain URL: no user info, no backslash, nothing that one parser could take for another host than the next does."""


def poll_request(
    description: Description, kind: Kind, base_url: str, credentials: Mapping[str, str], job: Job
) -> HttpRequest:
    """The request that asks for a job. Raises MissingParameterError, UnusableValueError."""
    for path in kind.paths():
        # Told now, when the job can still be refused, and not once it succeeded or is to be canceled.
        url_of(path, base_url, description.hosts, job)
    url = url_of(kind.path, base_url, description.hosts, job)
    query = filled_query(kind.query, lambda template: filled_text(template, job))
    body = None if kind.body is None else filled_body(kind.body, job)
    own = {"if-none-match": job.etag} if job.etag and _is_conditional(kind, job) else {}
    return request_of(
        description, credentials, kind.method, with_query(url, query), body, own, wants_body=not kind.ignore_body
    )


def cancel_request(
    description: Description, cancel: CancelRequest, base_url: str, credentials: Mapping[str, str], job: Job
) -> HttpRequest:
    """The request that asks the provider to cancel a job. Raises MissingParameterError, UnusableValueError."""
    body = None if cancel.body is None else filled_body(cancel.body, job)
    url = url_of(cancel.path, base_url, description.hosts, job)
    return request_of(description, credentials, cancel.method, url, body)


def request_of(
    description: Description,
    credentials: Mapping[str, str],
    method: str,
    url: str,
    body: Any = None,  # noqa: ANN401 - JSON
    own: Mapping[str, str] | None = None,
    *,
    wants_body: bool = True,
) -> HttpRequest:
    """A request with the provider's headers and credentials; a body is sent as JSON."""
    headers = {**description.headers, **auth_headers(description.auth, credentials), **(own or {})}
    if body is not None:
        headers |= {"content-type": "application/json"}
    names = {name.lower() for name in headers}
    headers = {name: value for name, value in _USUAL.items() if name not in names} | headers
    return HttpRequest(method, url, headers, b"" if body is None else orjson.dumps(body), wants_body)


def url_of(template: str, base_url: str, hosts: Sequence[str], job: Job) -> str:
    """The URL that a path template makes: behind the base URL, or the one that the job brings, if it may lead there.

    Raises MissingParameterError, UnusableValueError.
    """
    name = url_parameter(template)
    if name is None:
        return base_url + filled_path(template, job)
    placeholder = f"param.{name}"
    url = value_of(placeholder, job)
    if not leads_to(url, base_url, hosts):
        raise UnusableValueError(placeholder, url)
    return url


def leads_to(url: str, base_url: str, hosts: Sequence[str]) -> bool:
    """Whether a URL leads to one of the hosts by https, or to the base URL's own origin."""
    match, base = _URL.fullmatch(url), _URL.match(base_url)
    if match is None:
        return False
    if base is not None and match["origin"].lower() == base["origin"].lower():
        return True
    is_plain = match["origin"].lower().startswith("https:") and match["port"] in (None, ":443")
    host = match["host"].lower()
    excepted = [pattern[1:] for pattern in hosts if pattern.startswith("!")]
    is_one = any(_is_host(host, pattern) for pattern in hosts)
    return is_plain and is_one and not any(_is_host(host, pattern) for pattern in excepted)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """A URL with a query behind it, where there is one."""
    return f"{url}?{urlencode(query)}" if query else url


def auth_headers(auth: Auth, credentials: Mapping[str, str]) -> dict[str, str]:
    """The headers that carry the credentials."""
    match auth:
        case BasicAuth():
            pair = f"{credentials['username']}:{credentials['password']}".encode()
            return {"authorization": "Basic " + base64.b64encode(pair).decode()}
        case BearerAuth():
            return {"authorization": f"Bearer {credentials['token']}"}
        case HeaderAuth():
            return {auth.header: auth.prefix + credentials["token"]}
        case NoAuth():
            return {}


def _is_host(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _is_conditional(kind: Kind, job: Job) -> bool:
    # While a poll has a problem, such as a word that is unknown, the whole answer is wanted: it may be read now.
    return kind.conditional and job.poll_problem is None
