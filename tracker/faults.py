"""What went wrong in an exchange, and on whose side. What an answer said is never repeated."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp
import httpx

from tracker.rules.exchange import ErrorClass, ExchangeFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.phases import Phase, Phases, Place

_OF_SYSTEM: dict[int, ErrorClass] = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    # Our own limits: open files, buffers, memory, local ports.
    errno.EMFILE: "exhausted",
    errno.ENFILE: "exhausted",
    errno.ENOBUFS: "exhausted",
    errno.ENOMEM: "exhausted",
    errno.EADDRNOTAVAIL: "exhausted",
}
_NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)
_OUR_LOOK_UP = (socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM)
_OF_TIME: dict[Phase, tuple[ErrorClass, str]] = {
    "dns": ("timeout_dns", "the name was looked up"),
    "connect": ("timeout_connect", "it was being connected"),
    "tls": ("timeout_tls", "the TLS handshake was going on"),
    "answer": ("timeout_answer", "the answer was awaited"),
}


def timed_out(seconds: float, phases: Phases) -> ExchangeFailure:
    """The time is up. A look-up that hangs is our resolver's, as is one that fails for now."""
    error_class, doing = _OF_TIME[phases.current]
    message = f"No complete answer within {seconds:g} s, after which {doing}."
    is_ours = phases.current == "dns"
    return ExchangeFailure("timeout", message, error_class=error_class, is_ours=is_ours, trace=phases.trace())


def blocked(reason: str, phases: Phases) -> ExchangeFailure:
    """It must not go where it leads."""
    return ExchangeFailure("blocked", reason, error_class="blocked", trace=phases.trace())


def failed(error: Exception, phases: Phases) -> ExchangeFailure:
    """An error, by what is at the root of it and by how far the exchange had come."""
    if phases.refusal is not None:
        return blocked(phases.refusal, phases)
    if isinstance(error, (httpx.InvalidURL, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        message = f"The URL cannot be used: {error}"
        return ExchangeFailure("invalid", message, error_class="invalid_url", trace=phases.trace())
    causes = _causes(error)
    # Look-ups are shared where nothing is guarded: whoever waits for another's has no such phase.
    if phases.current == "dns" or isinstance(causes[-1], socket.gaierror):
        return _look_up_failed(causes[-1], phases)
    if phases.current == "tls" or any(isinstance(each, ssl.SSLError) for each in causes):
        return _tls_failed(causes[-1], phases)
    return _connection_failed(causes, phases)


def _look_up_failed(cause: BaseException, phases: Phases) -> ExchangeFailure:
    number = cause.errno if isinstance(cause, OSError) else None
    error_class: ErrorClass = "name_not_found" if number in _NO_SUCH_NAME else "name_lookup_failed"
    message = f"The name cannot be resolved: {_said(cause)}"
    is_ours = number in _OUR_LOOK_UP
    return ExchangeFailure("dns", message, error_class=error_class, is_ours=is_ours, trace=phases.trace())


def _tls_failed(cause: BaseException, phases: Phases) -> ExchangeFailure:
    is_untrusted = isinstance(cause, ssl.SSLCertVerificationError)
    error_class: ErrorClass = "certificate" if is_untrusted else "handshake"
    return ExchangeFailure("tls", f"TLS failed: {_said(cause)}", error_class=error_class, trace=phases.trace())


def _connection_failed(causes: Sequence[BaseException], phases: Phases) -> ExchangeFailure:
    error_class, reason = _class_of(causes)
    has_no_route = error_class == "unreachable" and not any(map(_has_route, phases.places))
    return ExchangeFailure(
        "connection",
        f"The connection failed: {reason}",
        any(map(_is_hung_up, causes)),
        error_class,
        is_ours=error_class == "exhausted" or has_no_route,
        trace=phases.trace(),
    )


def _class_of(causes: Sequence[BaseException]) -> tuple[ErrorClass, str]:
    if any(isinstance(each, (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)) for each in causes):
        return "closed", "It was closed before the answer had come whole."
    root = causes[-1]
    if isinstance(root, OSError):
        return _OF_SYSTEM.get(root.errno or 0, "unreachable"), _said(root)
    return "protocol", f"The answer is not sound HTTP ({type(root).__name__})."


def _has_route(place: Place) -> bool:
    """Whether our network leads there at all. Nothing is sent: a datagram socket that is connected only looks."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((place.host, place.port))
    except OSError:
        return False
    return True


def _is_hung_up(error: BaseException) -> bool:
    """Whether a connection that stood was closed or reset."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    return isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError))


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := _cause(causes[-1])) is not None and cause not in causes:
        causes.append(cause)
    return causes


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ if error.__suppress_context__ else error.__context__


def _said(error: BaseException) -> str:
    """What the system or TLS says; of anything else just its kind, since it may quote the answer."""
    if isinstance(error, (ssl.SSLError, socket.gaierror)):
        return f"{error.strerror or error}."
    if isinstance(error, OSError):
        return f"{os.strerror(error.errno) if error.errno else error}."
    return f"{type(error).__name__}."
