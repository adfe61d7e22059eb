"""Where the service is, and the key that it wants: as given, or out of the environment."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import httpx

from tracker.client.errors import TrackerError
from tracker.client.flows.terms import Surroundings, Terms

DEFAULT_URL = "http://127.0.0.1:8000"


def terms_of(
    url: str | None, api_key: str | None, timeout: float, max_retries: int, surroundings: Surroundings | None
) -> Terms:
    """The terms on which a client asks. Raises TrackerError for what cannot be used."""
    if not timeout > 0:
        raise TrackerError(f"timeout is {timeout!r}; give seconds, more than 0.")
    if max_retries < 0:
        raise TrackerError(f"max_retries is {max_retries!r}; give 0 (each call is sent once) or more.")
    return Terms(_url_of(url), _headers_of(api_key), timeout, max_retries, surroundings or Surroundings())


def http_options(terms: Terms) -> dict[str, Any]:
    """How both clients set up httpx.

    The environment's proxies are for strangers: the service is named outright. Reading certificates takes longer than
    all else, so it is left out where nothing needs them. Any number of jobs may be waited for at once.
    """
    return {
        "trust_env": False,
        "verify": terms.url.startswith("https:"),
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
    }


def _url_of(url: str | None) -> str:
    """`url`, else TRACKER_URL, else this machine; an empty one counts as none."""
    text = url or os.environ.get("TRACKER_URL", "").strip() or DEFAULT_URL
    try:
        address = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise TrackerError(f"TRACKER_URL (or url=) is not a URL: {error}.") from None
    if address.userinfo:
        raise TrackerError(
            "TRACKER_URL (or url=) must not hold user info: the key goes into TRACKER_API_KEY (or api_key=)."
        )
    if address.scheme not in ("http", "https") or not address.host or address.query or address.fragment:
        raise TrackerError(f"TRACKER_URL (or url=) must look like {DEFAULT_URL}, not {text!r}.")
    return str(address).rstrip("/")


def _headers_of(api_key: str | None) -> dict[str, str]:
    """What every request carries; the key is `api_key`, else TRACKER_API_KEY."""
    key = (api_key or os.environ.get("TRACKER_API_KEY", "")).strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise TrackerError("TRACKER_API_KEY (or api_key=) holds characters that no key has: copy it once more.")
    common = {"accept": "application/json", "user-agent": f"tracker-client/{version('tracker')}"}
    return common | ({"authorization": f"Bearer {key}"} if key else {})
