"""What a form for a subscription says, as the API takes it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tracker.dashboard.filters import as_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tracker.dashboard.asking import Flaw
    from tracker.dashboard.forms import Form

WHICH_JOBS = ("providers", "kinds", "tags")
HOW_SENT = ("payload", "order", "max_in_flight", "headers", "v1a", "secret")
FIELDS = frozenset(("callback_url", "description", "events", *WHICH_JOBS, *HOW_SENT))
"""The fields of the form, and those of its folded parts."""

REPLAY_FIELDS = frozenset(("since", "until", "events", "rate"))
"""The same of the form for a replay."""

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_EMPTY: tuple[object, ...] = (None, "", [], {})
_UNSAID = ("", "full", "none")
ORDERS = {
    "none": "as fast as possible",
    "per_job": "a job's events one at a time, in order",
    "latest": "in order, and what is overtaken is left out",
}
"""How the deliveries of one job may stand to each other, and what that means."""

_WITH_V1A = ["v1", "v1a"]
_SENT_BEFORE = "This form was sent before, and said something else. Look what came of that, or send it again."


def subscription_in(form: Form) -> dict[str, Any]:
    """The body of a new subscription; what was left empty is left to the API. Raises WrongHeaderError."""
    given: dict[str, Any] = {name: form.text(name) for name in ("description", "payload", "order", "secret")}
    given |= {name: form.texts(name) for name in ("events", "providers", "kinds")}
    given["tags"] = list(lines(form.text("tags")))
    given["headers"] = headers_in(form.text("headers"))
    given["max_in_flight"] = number(form.text("max_in_flight"))
    given["signatures"] = _WITH_V1A if form.text("v1a") else None
    return {"callback_url": form.text("callback_url")} | _without_empty(given)


def replay_in(form: Form) -> dict[str, Any]:
    """The body of a replay, in the same way."""
    asked: dict[str, Any] = {name: as_time(form.text(name)) for name in ("since", "until")}
    asked |= {"events": form.texts("events"), "rate": number(form.text("rate"))}
    return _without_empty(asked) | {"only_failed": bool(form.text("only_failed"))}


def headers_in(text: str) -> dict[str, str]:
    """Headers, one a line. Raises WrongHeaderError."""
    headers: dict[str, str] = {}
    for line in lines(text):
        name, colon, value = line.partition(":")
        if not colon:
            raise WrongHeaderError(f"{line!r} has no colon; write a header as Name: value.")
        if name.strip() in headers:
            raise WrongHeaderError(f"{name.strip()!r} is there twice; a header has one value.")
        headers[name.strip()] = value.strip()
    return headers


class WrongHeaderError(ValueError):
    """A line that is no header."""


def number(typed: str) -> int | float | str:
    """A number that was typed; what is none stays as it is, for the API to say so."""
    if not _NUMBER.fullmatch(typed):
        return typed
    return float(typed) if "." in typed else int(typed)


def lines(text: str) -> Iterable[str]:
    """What stands on each line, without empty ones."""
    return filter(None, map(str.strip, text.splitlines()))


def says_something(form: Form, names: Iterable[str]) -> bool:
    """Whether any of these fields is not as a new form has it."""
    return any(form.text(name) not in _UNSAID for name in names)


def by_field(flaws: Iterable[Flaw], fields: Collection[str]) -> dict[str, list[str]]:
    """What is wrong with each field; under the empty name what is wrong with none of them."""
    told: dict[str, list[str]] = {}
    for flaw in flaws:
        name = flaw.place.partition("/")[0]
        detail = _SENT_BEFORE if name == "Idempotency-Key" else flaw.detail if name in fields else str(flaw)
        told.setdefault(name if name in fields else "", []).append(detail)
    return told


def _without_empty(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in _EMPTY}
