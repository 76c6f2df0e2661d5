"""Which machines targets may be on: what the operator allows, and never the metadata service of a cloud.

A name is resolved here and the call goes to the very address that was checked, so a name that resolves differently a
moment later leads nowhere else.
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
"""AWS, ECS, Alibaba, Azure, AWS over IPv6."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def parse_allowed_hosts(setting: str) -> tuple[str, ...]:
    """The hosts of `GENAIOPS_TARGET_HOSTS`: `host`, `host:port` or `*.domain`, parted by commas; none allows any.

    Raises:
        Misconfigured: one of them is none of these.
    """
    entries = tuple(part.strip().lower().rstrip(".") for part in setting.split(",") if part.strip())
    for entry in entries:
        try:
            is_host = bool(urlsplit(f"//{entry}").hostname) and urlsplit(f"//{entry}").port != 0
        except ValueError:
            is_host = False
        if not is_host or "/" in entry:
            raise Misconfigured(
                f"GENAIOPS_TARGET_HOSTS: '{entry}' is no host; write host, host:port or *.domain."
            )
    return entries


def validate_url(url: str, field: str) -> str:
    """`url`, fit to be called and to be kept.

    Raises:
        BadInput: it is no http(s) address, or it holds a secret.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(f"{field}: '{text}' is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(
            f"{field}: '{text}' must be an http or https address, for example https://my.app/answer."
        )
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            f"{field}: an address must not hold a password; use headers with a ${{GENAIOPS_TARGET_...}} reference."
        )
    if any(_is_secret_name(pair.partition("=")[0]) for pair in parts.query.split("&")):
        raise BadInput(
            f"{field}: the address holds a key in its query, which would be kept with the run; "
            "send it as a header with a ${GENAIOPS_TARGET_...} reference."
        )
    return text


def require_allowed(url: str, allowed: Sequence[str], field: str) -> None:
    """Refuse a host that the operator did not allow.

    Raises:
        BadInput: it is not on the list.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if allowed and not any(_matches(host, port, entry) for entry in allowed):
        raise BadInput(
            f"{field}: {host}:{port} is not among the hosts that GENAIOPS_TARGET_HOSTS allows ({', '.join(allowed)})."
        )


def is_refused(address: str) -> bool:
    """Whether nobody's target is there: link-local, metadata, multicast and unspecified addresses."""
    parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = _extract_ipv4(parsed)
    return (
        parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed in _METADATA_ADDRESSES
    )


def _extract_ipv4(address: ipaddress.IPv6Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does (mapped, 6to4, NAT64)."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def resolve_host(host: str, port: int) -> list[str]:
    """The addresses of a host, all of them checked.

    Raises:
        CallFailed: the name is not known, now.
        Refused: it leads to an address that is always refused.
    """
    try:
        address_infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallFailed(f"The host {host} is not known: {error}.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in address_infos))
    if refused := next((address for address in addresses if is_refused(address)), None):
        raise Refused(
            f"The host {host} leads to {refused}, a link-local or metadata address; targets there are refused."
        )
    return addresses


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to the addresses that `resolve` found fit, with the name kept for TLS and the Host header."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or httpx.AsyncHTTPTransport(limits=LIMITS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` to the first address that takes a connection."""
        host = request.url.raw_host.decode("ascii")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        failure: httpx.ConnectError | None = None
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
        """Let go of connections."""
        await self._inner.aclose()


LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256)
"""As many as a run may have calls under way."""


def _matches(host: str, port: int, entry: str) -> bool:
    allowed = urlsplit(f"//{entry}")
    if allowed.port not in (None, port):
        return False
    name = allowed.hostname or ""
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


_SECRET_NAMES = ("key", "token", "secret", "password", "signature", "sig", "credential")


def _is_secret_name(name: str) -> bool:
    words = name.lower().replace("-", "_").split("_")
    return any(word.endswith(secret) for word in words for secret in _SECRET_NAMES)
