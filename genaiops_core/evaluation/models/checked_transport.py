"""An HTTP transport that resolves a host, checks its addresses, and connects to a checked address.

A name that resolves differently a moment later (DNS rebinding) does not bypass the check, and neither does a redirect.
"""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from urllib.parse import urlsplit

import httpx

from genaiops_core.access.host_patterns import Host
from genaiops_core.access.outbound import OutboundRule
from genaiops_core.evaluation.models.protocol import CallFailed, Refused

LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=256)
"""The maximum concurrency of an evaluation."""

NO_PRIVATE_HOSTS = OutboundRule()


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to addresses that the rule allows; TLS and the Host header use the name. One for each target or judge."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport | None = None, *, rule: OutboundRule = NO_PRIVATE_HOSTS
    ) -> None:
        self._inner = inner or httpx.AsyncHTTPTransport(limits=LIMITS)
        self._rule = rule
        self._first_host = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the first address that accepts a connection.

        Raises:
            CallFailed: the name cannot be resolved at present.
            Refused: an address is not allowed.
        """
        host = request.url.raw_host.decode("ascii")
        # The host that was named sends the first request; another one is where it redirects to.
        self._first_host = self._first_host or host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        failure: httpx.ConnectError | None = None
        # Every address was checked; the next one is tried only if the connection fails, never after a response.
        for address in await self._resolve(host, port):
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

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            address_infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise CallFailed(f"The host {host} cannot be resolved: {error}.") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in address_infos))
        for address in addresses:
            reason = self._rule.find_refusal(
                address, Host(host.strip("[]").lower(), port), is_redirected=host != self._first_host
            )
            if reason:
                raise Refused(f"The host {host} resolves to {address}, {reason}.")
        return addresses


def is_proxied(url: str) -> bool:
    """Whether a proxy of the environment makes the calls to a URL; then the proxy resolves the name, not this process."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    has_proxy = bool(proxies.get(parts.scheme) or proxies.get("all"))
    return has_proxy and not urllib.request.proxy_bypass(parts.hostname or "")
