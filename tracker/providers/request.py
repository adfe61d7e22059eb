"""The request that polls a job, as its description has it."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import orjson

from tracker.providers.description import BasicAuth, BearerAuth, HeaderAuth, NoAuth
from tracker.rules.exchange import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.records import Job
    from tracker.providers.description import Auth, CancelRequest, Description, Kind

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_USUAL = {
    "accept": "application/json",
    # Compressed answers would let a few bytes become many.
    "accept-encoding": "identity",
    "user-agent": "tracker",
}


class MissingParameterError(Exception):
    """A path needs a parameter that the job does not have; the argument is its name."""


class UnusableValueError(Exception):
    """A value cannot stand in a path; the arguments are the placeholder's name and the value."""


def poll_request(
    description: Description, kind: Kind, base_url: str, credentials: Mapping[str, str], job: Job
) -> HttpRequest:
    """The GET that asks for a job. Raises MissingParameterError, UnusableValueError."""
    for path in kind.paths():
        # Told now, when the job can still be refused, and not once it succeeded or is to be canceled.
        filled(path, job)
    url = base_url + filled(kind.path, job) + _query(kind, job)
    return HttpRequest("GET", url, _headers(description, credentials))


def cancel_request(
    description: Description, cancel: CancelRequest, base_url: str, credentials: Mapping[str, str], job: Job
) -> HttpRequest:
    """The request that asks the provider to cancel a job."""
    headers = _headers(description, credentials)
    if cancel.body is None:
        return HttpRequest(cancel.method, base_url + filled(cancel.path, job), headers)
    headers |= {"content-type": "application/json"}
    return HttpRequest(cancel.method, base_url + filled(cancel.path, job), headers, orjson.dumps(cancel.body))


def _headers(description: Description, credentials: Mapping[str, str]) -> dict[str, str]:
    own = {**description.headers, **auth_headers(description.auth, credentials)}
    names = {name.lower() for name in own}
    return {name: value for name, value in _USUAL.items() if name not in names} | own


def filled(template: str, job: Job) -> str:
    """A path template with its placeholders replaced by escaped values. Raises MissingParameterError."""

    def value(match: re.Match[str]) -> str:
        text = _value(match.group(1), job)
        if text in ("", ".", ".."):
            # Escaping leaves dots alone, and a URL parser would take these for a step up or for nothing.
            raise UnusableValueError(match.group(1), text)
        return quote(text, safe="")

    return _PLACEHOLDER.sub(value, template)


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


def _query(kind: Kind, job: Job) -> str:
    """The query string; an entry whose parameter the job does not have is left out."""
    entries: dict[str, str] = {}
    for name, template in kind.query.items():
        try:
            entries[name] = _PLACEHOLDER.sub(lambda match: _value(match.group(1), job), template)
        except MissingParameterError:
            continue
    return "?" + urlencode(entries) if entries else ""


def _value(placeholder: str, job: Job) -> str:
    if placeholder == "id":
        return job.remote_id
    if placeholder == "kind":
        return job.kind
    name = placeholder.removeprefix("param.")
    if job.params.get(name) is None:
        raise MissingParameterError(name)
    return str(job.params[name])
