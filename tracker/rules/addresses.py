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
_ENDS_IN_IPV4 = tuple(
    map(
        IPv6Network,
        (
            "::/96",  # compatible
            "::ffff:0:0/96",  # mapped
            "::ffff:0:0:0/96",  # translated
            "64:ff9b::/96",  # NAT64
            "64:ff9b:1::/48",  # NAT64 of a local network
        ),
    )
)
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator opens: networks, host names (which match exactly), and plain http."""

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()
    http: bool = False


def allowed_from(entries: tuple[str, ...], *, http: bool) -> Allowed:
    """Sorts CIDRs and single addresses from host names. Raises ValueError for an entry that is neither."""
    networks: list[Network] = []
    hosts: list[str] = []
    for entry in entries:
        try:
            networks.append(ip_network(entry))
        except ValueError as error:
            name = entry.lower().removesuffix(".")
            if not is_host_name(name):
                message = f"{entry!r} is neither a network like 10.0.0.0/8 nor a host name"
                raise ValueError(message) from error
            hosts.append(name)
    return Allowed(tuple(networks), tuple(hosts), http)


def is_host_name(text: str) -> bool:
    """Whether this is a name to look up: lower case, without a dot at its end, and no spelling of an address.

    What ends in a number is an address to `inet_aton`, which knows decimal, octal, hexadecimal and short ones.
    """
    last = text.rpartition(".")[2]
    return len(text) <= 253 and bool(_HOST_NAME.fullmatch(text)) and not _NUMERIC_LABEL.fullmatch(last)


def address_flaw(address: Address, allowed: Allowed) -> str | None:
    """Why this address must not be dialled (None: it may)."""
    if is_opened(address, allowed) or is_public(address):
        return None
    return f"{address} is not a public address; the operator can open it with TRACKER_ALLOWED_NETWORKS."


def literal_address(host: str) -> Address | None:
    """The address that a host is, if it is one rather than a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_opened(address: Address, allowed: Allowed) -> bool:
    """Whether the operator opened this address: itself, not one that it embeds."""
    return any(address in network for network in allowed.networks if network.version == address.version)


def is_public(address: Address) -> bool:
    """Whether anybody may reach this address, and each that it embeds."""
    if any(address in network for network in _NEVER_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, IPv4Address):
        return address.is_global
    return address in _PUBLIC_IPV6 and address.is_global and all(map(is_public, embedded(address)))


def embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address embeds: a packet to it may end at any of them."""
    number = int(address)
    last = number & 0xFFFFFFFF
    if address in _6TO4:
        return (IPv4Address(number >> 80 & 0xFFFFFFFF),)
    if address in _TEREDO:
        # The server, and the client with all its bits turned over (RFC 4380, 4).
        return IPv4Address(number >> 64 & 0xFFFFFFFF), IPv4Address(last ^ 0xFFFFFFFF)
    # ISATAP: 00-00-5E-FE before the address; two bits of it tell the scope and are free (RFC 5214, 6.1).
    is_isatap = number >> 32 & 0xFCFFFFFF == 0x5EFE
    return (IPv4Address(last),) if is_isatap or any(address in network for network in _ENDS_IN_IPV4) else ()
