"""A call: a request, and how to read what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

from tracker.client.flows.steps import Request
from tracker.client.models.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

Values: TypeAlias = Mapping[str, Any]
Several: TypeAlias = str | Sequence[str]
Moment: TypeAlias = datetime | str


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """`read` makes the result out of the answer's JSON, or of None where there is none. It raises ValueError."""

    request: Request
    read: Callable[[Any], T]

    def with_query(self, name: str, value: str) -> Call[T]:
        """The same call with this value for a query parameter."""
        kept = tuple(pair for pair in self.request.query if pair[0] != name)
        return replace(self, request=replace(self.request, query=(*kept, (name, value))))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list."""

    rows: tuple[T, ...]
    next_cursor: str | None = None


def get(kind: type[T], *segments: str, query: Values | None = None) -> Call[T]:
    """One thing."""
    return Call(request("GET", *segments, query=query), lambda document: read(kind, document))


def get_list(kind: type[T], *segments: str, query: Values | None = None) -> Call[Page[T]]:
    """A page of things."""
    return Call(request("GET", *segments, query=query), lambda document: page_of(kind, document))


def get_rows(kind: type[T], *segments: str) -> Call[list[T]]:
    """A short list, which has one page."""
    return Call(request("GET", *segments), lambda document: list(page_of(kind, document).rows))


def post(kind: type[T], *segments: str, body: Values | None = None) -> Call[T]:
    """Make or do something."""
    return Call(request("POST", *segments, body=body), lambda document: read(kind, document))


def patch(kind: type[T], *segments: str, body: Values) -> Call[T]:
    """Change something; None is a value here."""
    content = json.dumps(_plain(dict(body)), allow_nan=False).encode()
    return Call(replace(request("PATCH", *segments), content=content, headers=_JSON), lambda found: read(kind, found))


def delete(*segments: str) -> Call[None]:
    """Remove something."""
    return Call(request("DELETE", *segments), lambda _document: None)


_JSON = {"content-type": "application/json"}


def request(method: str, *segments: str, query: Values | None = None, body: Values | None = None) -> Request:
    """A request; what has no value stays out of the query and of the body. Raises ValueError."""
    path = "/".join(("/v1", *map(_segment, segments)))
    pairs = tuple((name, _text(value)) for name, given in (query or {}).items() for value in values_of(given))
    if body is None:
        return Request(method, path, pairs)
    content = json.dumps(_plain({name: value for name, value in body.items() if value is not None}), allow_nan=False)
    return Request(method, path, pairs, content.encode(), _JSON)


def page_of(kind: type[T], document: object) -> Page[T]:
    """A list as the service tells it. Raises ValueError."""
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        message = "it is no list"
        raise ValueError(message)  # noqa: TRY004 - what comes off the wire is wrong in value
    return Page(tuple(read(kind, row) for row in document["data"]), document.get("next_cursor"))


def values_of(given: object) -> list[object]:
    """What was given, be it none, one or several."""
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple | set | frozenset) else [given]


def _segment(text: str) -> str:
    if text in ("", ".", ".."):
        message = f"{text!r} is no id."
        raise ValueError(message)
    return quote(text, safe="")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def rfc3339(at: datetime) -> str:
    """The time in UTC. Raises ValueError for one without a zone."""
    if at.tzinfo is None:
        message = f"{at!r} has no time zone; give it one, as in datetime.now(UTC)."
        raise ValueError(message)
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value with times as texts and sequences as lists."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple | set | frozenset) else value
