"""Which URLs a callback may have: how they are spelled, and where they lead as far as that shows before a look-up."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracker.rules.addresses import Allowed, address_flaw, is_host_name, is_opened, literal_address

_START = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?]*)")
_HOST_AND_PORT = re.compile(r"(?:\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?")
_PORT = re.compile(r"0|[1-9][0-9]{0,5}")
_LOCAL_NAMES = (
    *("localhost", "localhost4", "localhost6", "localdomain", "localdomain4", "localdomain6", "loopback"),
    *("ip6-localhost", "ip6-loopback", "local", "internal", "home.arpa"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a callback URL, as the HTTP client's own parser has them. `host` is lower case and ASCII."""

    scheme: str
    host: str
    port: int


def spelling_flaw(url: str) -> str | None:
    """Why a URL is refused as it is written, whatever a parser may make of it (None: it is not).

    Parsers forgive what is refused here, each in its own way: that is how one host is judged and another is asked.
    """
    if " " in url or not url.isprintable():
        return "The URL must not hold spaces or control characters."
    if "\\" in url:
        return "The URL must not hold a backslash: write %5C."
    if "#" in url:
        return "The URL must not have a fragment (#…)."
    start = _START.match(url)
    if start is None:
        return "This is not a URL like https://host/path."
    return _authority_flaw(start[1])


def target_flaw(target: Target, allowed: Allowed) -> str | None:
    """Why a callback URL is refused before any name is looked up (None: it is not)."""
    if target.scheme not in ("http", "https"):
        return f"The scheme must be https, not {target.scheme or 'empty'!r}."
    return port_flaw(target.port) or _host_flaw(target, allowed)


def port_flaw(port: int) -> str | None:
    """Why this port must not be dialled (None: it may)."""
    if port in (80, 443) or 1024 <= port <= 65535:
        return None
    return f"Port {port} is not allowed: use 80, 443 or 1024 to 65535."


def is_allowed_host(host: str, allowed: Allowed) -> bool:
    """Whether the operator opened this host by its name."""
    return host.removesuffix(".").lower() in allowed.hosts


def _authority_flaw(authority: str) -> str | None:
    if "@" in authority:
        return "The URL must not hold a user name or password."
    if "%" in authority:
        return "The host must be written without %."
    parts = _HOST_AND_PORT.fullmatch(authority)
    if parts is None:
        return f"{authority!r} is not a host, or a host and a port."
    port: str | None = parts[1]
    if port is None:
        return None
    return port_flaw(int(port)) if _PORT.fullmatch(port) else f"The port must be a plain number, not {port!r}."


def _host_flaw(target: Target, allowed: Allowed) -> str | None:
    if is_allowed_host(target.host, allowed):
        return None
    address = literal_address(target.host)
    if address is not None:
        flaw = address_flaw(address, allowed)
        return flaw or _plain_http_flaw(target, allowed, is_host_opened=is_opened(address, allowed))
    name = target.host.removesuffix(".")
    if not is_host_name(name):
        return f"{target.host!r} is not a host name."
    if any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES):
        return f"{target.host!r} is a local name; the operator can open it with TRACKER_ALLOWED_NETWORKS."
    return _plain_http_flaw(target, allowed, is_host_opened=False)


def _plain_http_flaw(target: Target, allowed: Allowed, *, is_host_opened: bool) -> str | None:
    if target.scheme == "https" or allowed.http or is_host_opened:
        return None
    return "Plain http is not allowed: use https (or the operator sets TRACKER_ALLOW_HTTP=1)."
