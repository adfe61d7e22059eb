"""The way to the service: its REST API, with every bad answer turned into one line and an exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import quote
from uuid import uuid4

import httpx

from tracker.cli.output import Document, ExitCode, stop
from tracker.client import AsyncTracker
from tracker.key_file import ExposedKeyError, find_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tracker.client.flows.terms import Surroundings

Values = Mapping[str, Any]

LARGEST_PAGE = 200
"""Rows that the service gives at a time."""

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0


class Answer(NamedTuple):
    """What came back from a POST: 201 or 200 can tell what is new from what was there."""

    http_status: int
    document: Document


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """Open a connection to the service at `url`, with the key in TRACKER_API_KEY, or the one that lies ready for it."""
    address = _checked(url)
    # The environment's proxies are for strangers; the service is named outright. Reading the certificates takes
    # longer than the rest of a command, and plain HTTP has no use for them.
    verify = address.scheme == "https"
    key, origin = _key_for(url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=address, headers=headers, trust_env=False, verify=verify) as client:
        yield Connection(str(address), key, client, origin)


class Connection:
    """Calls of the REST API. A call either answers as the contract says or ends the command."""

    def __init__(self, url: str, key: str, client: httpx.Client, key_file: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._client = client
        self._key_file = key_file

    @property
    def jobs_url(self) -> str:
        """Where the service's jobs can be asked for."""
        return f"{self._url}/v1/jobs"

    def client(self, surroundings: Surroundings | None = None) -> AsyncTracker:
        """The Python client for the same service and key, for what goes on for longer than a call; close it."""
        return AsyncTracker(self._url, self._key, max_retries=0, surroundings=surroundings)

    def get(self, *segments: str, params: Values | None = None, patience: float = 0, key: str = "id") -> Document:
        """One thing, which has this key. `patience` is how many seconds the service may take on purpose."""
        response = self._send("GET", segments, params=params, patience=patience)
        return self._thing(self._accepted(response, segments), key)

    def find(self, *segments: str) -> Document | None:
        """One thing, or None where the service says that there is none."""
        response = self._send("GET", segments)
        if response.status_code == 404 and _problem_in(response) is not None:
            return None
        return self._thing(self._accepted(response, segments))

    def page(self, *segments: str, params: Values | None = None) -> Document:
        """One page of a list: `{"data": […], "next_cursor": …}`."""
        response = self._accepted(self._send("GET", segments, params=params), segments)
        document = _object_in(response)
        if document is None or not isinstance(document.get("data"), list):
            self._stop_at_stranger(response)
        return document

    def rows(self, collection: str, params: Values, most: float | None) -> Document:
        """The first rows of a list, in the form of one page: `most` of them (infinite: all), or what is usual."""
        if most is None or most <= LARGEST_PAGE:
            return self.page(collection, params={**params, "limit": most})
        rows: list[Document] = []
        asked = dict(params)
        while True:
            page = self.page(collection, params=asked | {"limit": int(min(most - len(rows), LARGEST_PAGE))})
            rows += page["data"]
            asked["cursor"] = page.get("next_cursor")
            if not asked["cursor"] or not page["data"] or len(rows) >= most:
                return page | {"data": rows}

    def all_rows(self, *segments: str) -> list[Document]:
        """Every row of a list that has no pages of a chosen size."""
        rows: list[Document] = []
        cursor: str | None = None
        while True:
            page = self.page(*segments, params={"cursor": cursor})
            rows += page["data"]
            cursor = page.get("next_cursor")
            if not cursor or not page["data"]:
                return rows

    def post(self, *segments: str, body: Values | None = None) -> Answer:
        """Make or do something; what has no value stays out of the body, and each call has a key of its own."""
        response = self._accepted(self._send("POST", segments, body=body), segments)
        return Answer(response.status_code, self._thing(response))

    def patch(self, *segments: str, body: Values) -> Document:
        """Change something."""
        return self._thing(self._accepted(self._send("PATCH", segments, body=body), segments))

    def delete(self, *segments: str) -> None:
        """Remove something."""
        self._accepted(self._send("DELETE", segments), segments)

    def _send(
        self,
        method: str,
        segments: Sequence[str],
        *,
        params: Values | None = None,
        body: Values | None = None,
        patience: float = 0,
    ) -> httpx.Response:
        try:
            return self._client.request(
                method,
                "/".join(("v1", *(quote(segment, safe="") for segment in segments))),
                params=_given(params or {}),
                json=None if body is None else _given(body),
                headers={"Idempotency-Key": str(uuid4())} if method == "POST" else None,
                timeout=httpx.Timeout(_ANSWER_SECONDS + patience, connect=_CONNECT_SECONDS),
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            way_out = "start the service with `tracker up`, or set TRACKER_URL to where it runs"
            stop(f"Cannot reach Tracker at {self._url} ({error}): {way_out}.", ExitCode.UNREACHABLE)
        except httpx.RequestError as error:
            reason = str(error) or type(error).__name__
            stop(f"Tracker at {self._url} did not answer: {reason}.", ExitCode.UNREACHABLE)
        except UnicodeEncodeError:
            stop("An argument is not valid UTF-8.", ExitCode.USAGE)

    def _accepted(self, response: httpx.Response, segments: Sequence[str]) -> httpx.Response:
        if not response.is_success:
            self._stop_because(response, segments)
        return response

    def _stop_because(self, response: httpx.Response, segments: Sequence[str]) -> NoReturn:
        status, problem = response.status_code, _problem_in(response)
        explanation = _explain(problem or {"title": f"{status} {response.reason_phrase}"})
        if status in (401, 403):
            found = f" (its key was found in {self._key_file})" if self._key_file else ""
            stop(f"{explanation}{found}; set TRACKER_API_KEY to a key that may do this.", ExitCode.USAGE)
        if status == 502 and problem is not None:
            # The service was reached; it is the provider that it tells of.
            stop(f"{explanation}.", ExitCode.ENDED_BADLY)
        if status >= 500:
            stop(f"Tracker at {self._url} answered {status}: {explanation}.", ExitCode.UNREACHABLE)
        if problem is None:
            self._stop_at_stranger(response)
        name = segments[min(1, len(segments) - 1)]
        if status == 404 and name not in explanation:
            explanation = f"{name} was not found: {explanation}"
        stop(f"{explanation}.", ExitCode.ENDED_BADLY if status in (404, 409) else ExitCode.USAGE)

    def _thing(self, response: httpx.Response, key: str = "id") -> Document:
        document = _object_in(response)
        if document is None or not isinstance(document.get(key), str):
            self._stop_at_stranger(response)
        return document

    def _stop_at_stranger(self, response: httpx.Response) -> NoReturn:
        what = f"answered {response.status_code} in a form that is not Tracker's"
        stop(f"{self._url} {what}: check --url or TRACKER_URL.", ExitCode.UNREACHABLE)


def _given(values: Values) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def _checked(url: str) -> httpx.URL:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        stop(f"TRACKER_URL (or --url) is not a URL: {error}.", ExitCode.USAGE)
    if address.userinfo:  # would be shown in errors, and replace the key
        stop("TRACKER_URL (or --url) must not hold user info; the key goes into TRACKER_API_KEY.", ExitCode.USAGE)
    if address.scheme not in ("http", "https") or not address.host:
        stop(f"TRACKER_URL (or --url) must look like http://127.0.0.1:8000, not {url!r}.", ExitCode.USAGE)
    return address


def _key_for(url: str) -> tuple[str, Path | None]:
    """The key to send, and the file that it was found in, if it was."""
    key = os.environ.get("TRACKER_API_KEY", "").strip()
    if key:
        if not key.isascii() or not key.isprintable() or " " in key:
            stop("TRACKER_API_KEY holds characters that no key has.", ExitCode.USAGE)
        return key, None
    try:
        return find_key(url) or ("", None)
    except ExposedKeyError as error:
        stop(f"{error}; or set TRACKER_API_KEY.", ExitCode.USAGE)


def _object_in(response: httpx.Response) -> Document | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _problem_in(response: httpx.Response) -> Document | None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return _object_in(response) if media_type == "application/problem+json" else None


def _explain(problem: Document) -> str:
    said = _sentence(problem.get("detail") or problem.get("title") or "The service gave no reason")
    listed = problem.get("errors")
    errors = [error for error in listed if isinstance(error, dict)] if isinstance(listed, list) else []
    places = "; ".join(_point_at(error) for error in errors)
    if any(_sentence(error.get("detail")) == said for error in errors):
        return places  # the one thing that is wrong, said twice
    return f"{said}: {places}" if places else said


def _point_at(error: Document) -> str:
    place = error.get("pointer") or error.get("parameter")
    said = _sentence(error.get("detail") or "is wrong")
    return f"{place}: {said}" if place else said


def _sentence(text: object) -> str:
    return str(text).rstrip(". ")
