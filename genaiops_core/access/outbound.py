"""Addresses that calls to hosts of a user's choice may reach: judges, targets, webhooks. Pure; the caller resolves names.

A public address is always allowed. This machine is allowed for the host that was named, but not after a redirect to
another host. Private networks are allowed where the operator names the host or the network. Link-local addresses and the
metadata services of clouds are never allowed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from genaiops_core.access.host_patterns import Host, matches_any, parse_host, split_entries
from genaiops_core.errors import Misconfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
"""Metadata services of AWS, ECS, Alibaba, Azure, and AWS over IPv6."""

# IPv4 addresses are reachable through this prefix, so it must not bypass the check.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, kw_only=True)
class OutboundRule:
    """What an operator allows besides public addresses and this machine."""

    hosts: tuple[str, ...] = ()
    """Patterns of hosts that may resolve to private addresses."""
    networks: tuple[Network, ...] = ()

    def find_refusal(self, address: str, host: Host, *, is_redirected: bool) -> str:
        """Why an address of a host must not be called, as the end of a sentence; '' when it may."""
        parsed = _parse_address(address)
        if is_refused(address):
            return "a link-local or metadata address, which targets must not use"
        if parsed.is_global or matches_any(host, self.hosts):
            return ""
        if any(parsed in network for network in self.networks if network.version == parsed.version):
            return ""
        if parsed.is_loopback:
            return (
                "this machine, after a redirect; name the host in GENAIOPS_PRIVATE_HOSTS to allow it"
                if is_redirected
                else ""
            )
        return "an address of a private network; name the host or the network in GENAIOPS_PRIVATE_HOSTS to allow it"


def parse_outbound_rule(setting: str, named_hosts: Sequence[str] = ()) -> OutboundRule:
    """Parse `GENAIOPS_PRIVATE_HOSTS`: comma-separated `host`, `host:port`, `*.domain` or networks such as 10.0.0.0/8.

    Args:
        setting: the value.
        named_hosts: hosts that another setting names for the same calls.

    Raises:
        Misconfigured: an entry is invalid.
    """
    hosts: list[str] = list(named_hosts)
    networks: list[Network] = []
    for entry in split_entries(setting):
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError as error:
            if parse_host(entry) is None:
                raise Misconfigured(
                    f"GENAIOPS_PRIVATE_HOSTS: '{entry}' is neither a host nor a network ({error}); write host, "
                    "host:port, *.domain or a network such as 10.0.0.0/8."
                ) from error
            hosts.append(entry)
    return OutboundRule(hosts=tuple(hosts), networks=tuple(networks))


def is_refused(address: str) -> bool:
    """Whether an address is always refused: link-local, metadata, multicast and unspecified addresses."""
    parsed = _parse_address(address)
    return (
        parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed in _METADATA_ADDRESSES
    )


def _parse_address(text: str) -> Address:
    # Without the zone of an IPv6 address, as in fe80::1%eth0.
    return _extract_ipv4(ipaddress.ip_address(text.partition("%")[0]))


def _extract_ipv4(address: Address) -> Address:
    """Extract the IPv4 address within an IPv6 address (mapped, 6to4, NAT64), or return the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
