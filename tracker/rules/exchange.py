"""HTTP as values: what is asked, what came back, and how it can fail to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

FailureCode = Literal["timeout", "connection", "tls", "dns", "blocked", "too_large", "invalid"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to send; the headers hold credentials and stay out of every text form.

    Without `wants_body` the answer's body is left unread.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    wants_body: bool = True


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer that came in whole, or as much of it as was asked for. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ExchangeFailure:
    """Why no answer came. `is_hung_up`: the connection was closed without a word, as a kept one may be at any time."""

    code: FailureCode
    message: str
    is_hung_up: bool = False


ExchangeResult: TypeAlias = HttpAnswer | ExchangeFailure


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that an answer asks to wait; None: it does not ask.

    `retry-after-ms` goes before `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3).
    """
    exact = milliseconds_in(headers, "retry-after-ms")
    if exact is not None:
        return exact
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        # Bounded so that a number of any length stays a number of seconds.
        return float(value[:12])
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=now.tzinfo)
    return max((date - now).total_seconds(), 0.0)


def milliseconds_in(headers: Mapping[str, str], name: str) -> float | None:
    """The seconds that a header says in milliseconds; None where it says none."""
    value = headers.get(name.lower(), "").strip()
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", value):
        return None
    return float(value) / 1000
