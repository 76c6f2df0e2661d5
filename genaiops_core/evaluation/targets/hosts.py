"""Checks the hosts of targets: they must be allowed by the operator, and never be the metadata service of a cloud.

A name is resolved here and the request goes to the checked address, so that a name that resolves differently a moment
later (DNS rebinding) does not bypass the check.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from genaiops_core.errors import BadInput, Misconfigured
from genaiops_core.evaluation.models.protocol import CallFailed, Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
"""Metadata services of AWS, ECS, Alibaba, Azure, and AWS over IPv6."""

# IPv4 addresses are reachable through this prefix, so it must not bypass the check.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def parse_allowed_hosts(setting: str) -> tuple[str, ...]:
    """Parse `GENAIOPS_TARGET_HOSTS`: comma-separated `host`, `host:port` or `*.domain`; empty allows any host.

    Raises:
        Misconfigured: an entry is invalid.
    """
    entries = tuple(part.strip().lower().rstrip(".") for part in setting.split(",") if part.strip())
    for entry in entries:
        try:
            is_host = bool(urlsplit(f"//{entry}").hostname) and urlsplit(f"//{entry}").port != 0
        except ValueError:
            is_host = False
        if not is_host or "/" in entry:
            raise Misconfigured(
                f"GENAIOPS_TARGET_HOSTS: '{entry}' is not a host; write host, host:port or *.domain."
            )
    return entries


def validate_url(url: str, field: str) -> str:
    """Validate a URL that is called and stored.

    Raises:
        BadInput: the URL is not an http(s) address, or contains a secret.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(f"{field}: '{text}' is not a valid address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(
            f"{field}: '{text}' must be an http or https address, for example https://my.app/answer."
        )
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            f"{field}: an address must not contain a password; use headers with a ${{GENAIOPS_TARGET_...}} reference."
        )
    if any(_is_secret_name(pair.partition("=")[0]) for pair in parts.query.split("&")):
        raise BadInput(
            f"{field}: the address contains a key in its query, which would be stored with the evaluation; "
            "send it as a header with a ${GENAIOPS_TARGET_...} reference."
        )
    return text


def require_allowed(url: str, allowed: Sequence[str], field: str) -> None:
    """Require that the operator allows the host of a URL.

    Raises:
        BadInput: the host is not in the list.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if allowed and not any(_matches(host, port, entry) for entry in allowed):
        raise BadInput(
            f"{field}: {host}:{port} is not among the hosts that GENAIOPS_TARGET_HOSTS allows ({', '.join(allowed)})."
        )


def is_refused(address: str) -> bool:
    """Whether an address is always refused: link-local, metadata, multicast and unspecified addresses."""
    # Without the zone of an IPv6 address, as in fe80::1%eth0.
    parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = _extract_ipv4(parsed)
    return (
        # Loopback and private addresses are allowed: models and applications run there.
        parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed in _METADATA_ADDRESSES
    )


def _extract_ipv4(address: ipaddress.IPv6Address) -> Address:
    """Extract the IPv4 address within an IPv6 address (mapped, 6to4, NAT64), or return the address itself."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def resolve_host(host: str, port: int) -> list[str]:
    """Resolve a host to its addresses and check all of them.

    Raises:
        CallFailed: the name cannot be resolved at present.
        Refused: an address is always refused.
    """
    try:
        address_infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallFailed(f"The host {host} cannot be resolved: {error}.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in address_infos))
    if refused := next((address for address in addresses if is_refused(address)), None):
        raise Refused(
            f"The host {host} resolves to {refused}, a link-local or metadata address, which targets must not use."
        )
    return addresses


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to the addresses that `resolve_host` checks; TLS and the Host header use the name."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or httpx.AsyncHTTPTransport(limits=LIMITS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address that accepts a connection."""
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        failure: httpx.ConnectError | None = None
        # Every address was checked; the next one is tried only if the connection fails, never after a response.
        for address in await resolve_host(host, port):
            addressed_request = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await self._inner.handle_async_request(addressed_request)
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError(f"{host} has no address")

    async def aclose(self) -> None:
        """Close connections."""
        await self._inner.aclose()


LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256)
"""The maximum concurrency of an evaluation."""


def _matches(host: str, port: int, entry: str) -> bool:
    allowed = urlsplit(f"//{entry}")
    if allowed.port not in (None, port):
        return False
    name = allowed.hostname or ""
    # `*.domain` matches subdomains only, not the domain itself.
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


_SECRET_NAMES = ("key", "token", "secret", "password", "signature", "sig", "credential")


def _is_secret_name(name: str) -> bool:
    words = name.lower().replace("-", "_").split("_")
    return any(word.endswith(secret) for word in words for secret in _SECRET_NAMES)
