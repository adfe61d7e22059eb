"""Which addresses a callback may reach. The service posts to strangers' URLs, so nothing private may be reached.

Source: the IANA special-purpose address registries, as `ipaddress.is_global` has them, with the exceptions below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # IETF protocol assignments, some of which count as global
            "192.88.99.0/24",  # 6to4 relay anycast, deprecated
            "168.63.129.16/32",  # a cloud's host agent
            "224.0.0.0/4",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",  # 6to4 embeds an IPv4 address
            "3fff::/20",
        ),
    )
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?")
_NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "localdomain")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator opens: networks, host names (which match exactly), and plain http."""

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()
    http: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a callback URL, as the HTTP client's own parser has them. `host` is lower case and ASCII."""

    scheme: str
    host: str
    port: int
    has_user_info: bool = False
    has_fragment: bool = False


def allowed_from(entries: tuple[str, ...], *, http: bool) -> Allowed:
    """Sorts CIDRs and single addresses from host names. Raises ValueError for an entry that is neither."""
    networks: list[Network] = []
    hosts: list[str] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry))
        except ValueError as error:
            name = entry.lower().rstrip(".")
            if not _HOST.fullmatch(name) or _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
                message = f"{entry!r} is neither a network like 10.0.0.0/8 nor a host name"
                raise ValueError(message) from error
            hosts.append(name)
    return Allowed(tuple(networks), tuple(hosts), http)


def target_flaw(target: Target, allowed: Allowed) -> str | None:
    """Why a callback URL is refused before any name is looked up (None: it is not)."""
    if target.scheme not in ("http", "https"):
        return f"The scheme must be https, not {target.scheme or 'empty'!r}."
    if target.has_user_info:
        return "The URL must not hold a user name or password."
    if target.has_fragment:
        return "The URL must not have a fragment (#…)."
    if target.port not in (80, 443) and not 1024 <= target.port <= 65535:
        return f"Port {target.port} is not allowed: use 80, 443 or 1024 to 65535."
    return _host_flaw(target, allowed)


def address_flaw(address: Address, allowed: Allowed) -> str | None:
    """Why this address must not be dialled (None: it may)."""
    if _is_opened(address, allowed) or _is_public(address):
        return None
    return f"{address} is not a public address; the operator can open it with TRACKER_ALLOWED_NETWORKS."


def literal_address(host: str) -> Address | None:
    """The address that a host is, if it is one rather than a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _host_flaw(target: Target, allowed: Allowed) -> str | None:
    host = target.host.rstrip(".")
    if host in allowed.hosts:
        return None
    address = literal_address(host)
    if address is not None:
        is_opened = _is_opened(address, allowed)
        return address_flaw(address, allowed) or _plain_http_flaw(target, allowed, is_opened=is_opened)
    if not _HOST.fullmatch(host) or _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        return f"{target.host!r} is not a host name."
    if any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        return f"{target.host!r} is a local name; the operator can open it with TRACKER_ALLOWED_NETWORKS."
    return _plain_http_flaw(target, allowed, is_opened=False)


def _plain_http_flaw(target: Target, allowed: Allowed, *, is_opened: bool) -> str | None:
    if target.scheme == "https" or allowed.http or is_opened:
        return None
    return "Plain http is not allowed: use https (or the operator sets TRACKER_ALLOW_HTTP=1)."


def _is_opened(address: Address, allowed: Allowed) -> bool:
    return any(address in network for network in allowed.networks if network.version == address.version)


def _is_public(address: Address) -> bool:
    if any(address in network for network in _NEVER_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, IPv6Address):
        return address in _PUBLIC_IPV6 and address.is_global
    return address.is_global
