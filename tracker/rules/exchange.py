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
ErrorClass = Literal[
    "name_not_found",
    "name_lookup_failed",
    "refused",
    "unreachable",
    "exhausted",
    "reset",
    "closed",
    "protocol",
    "certificate",
    "handshake",
    "timeout_dns",
    "timeout_connect",
    "timeout_tls",
    "timeout_answer",
    "blocked",
    "too_large",
    "invalid_url",
]


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
class Trace:
    """The course of an exchange: the address that was dialled (with its port), and the milliseconds of each phase.

    A phase that did not take place is None: a kept connection needs none of the first three. One that was cut off
    counts as far as it came. `first_byte` is from the moment that the connection stands to the first byte of the
    answer. `is_private`: only because the operator opened it could the address be dialled.
    """

    address: str | None = None
    is_private: bool = False
    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0

    @property
    def phases(self) -> dict[str, float]:
        """The phases that took place, by their names."""
        phases = {name: getattr(self, name) for name in ("dns", "connect", "tls", "first_byte", "total")}
        return {name: milliseconds for name, milliseconds in phases.items() if milliseconds is not None}


NO_TRACE = Trace()


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer that came in whole, or as much of it as was asked for. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    trace: Trace = field(default=NO_TRACE, compare=False)


@dataclass(frozen=True, slots=True)
class ExchangeFailure:
    """Why no answer came.

    `is_hung_up`: the connection was closed without a word, as a kept one may be at any time. `error_class` is finer
    than `code`, and as stable. `is_ours`: the fault is our own side's (its resolver, its network, its limits), so
    whoever was asked is not to blame.
    """

    code: FailureCode
    message: str
    is_hung_up: bool = False
    error_class: ErrorClass | None = None
    is_ours: bool = False
    trace: Trace = field(default=NO_TRACE, compare=False)


ExchangeResult: TypeAlias = HttpAnswer | ExchangeFailure


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that an answer asks to wait; None: it does not ask.

    `retry-after-ms` goes before `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3).
    """
    exact = milliseconds_in(headers, "retry-after-ms")
    if exact is not None:
        return exact
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
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
