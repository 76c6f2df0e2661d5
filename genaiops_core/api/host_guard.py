"""Refuses requests for another host, and changes that a page of another site makes through a user's browser.

A web page can let its own name resolve to 127.0.0.1 (DNS rebinding). The browser then treats this server as part of the
page, but still sends the page's name in Host. So only names of this machine and of `GENAIOPS_ALLOWED_HOSTS` are served.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from genaiops_core.access.host_patterns import Host, is_loopback, matches_any, parse_host
from genaiops_core.logs import get_logger

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_MAX_LOGGED = 100

_log = get_logger(__name__)


class HostGuard:
    """Plain ASGI; applies to every route and websocket of the application that it wraps."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] = ()) -> None:
        """Serve loopback names and `allowed_hosts`, as `host_patterns.parse_patterns` returns them."""
        self.app = app
        self._allowed_hosts = tuple(allowed_hosts)
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (problem := self.find_problem(scope)):
            self._log_once(problem)
            if scope["type"] == "websocket":
                # Closing before the handshake is accepted answers 403.
                await send({"type": "websocket.close", "code": 1008, "reason": ""})
            else:
                await _send_refusal(send, problem)
            return
        await self.app(scope, receive, send)

    def find_problem(self, scope: Scope) -> str:
        """Why a request is refused, in a sentence; '' when it is served."""
        hosts = _read_header(scope, b"host")
        host = parse_host(hosts[0].lower()) if len(hosts) == 1 else None
        if host is None or not (is_loopback(host.name) or matches_any(host, self._allowed_hosts)):
            return (
                f"The host {_quote(hosts)} is not served; use localhost or 127.0.0.1, or add the host to "
                "GENAIOPS_ALLOWED_HOSTS."
            )
        origins = _read_header(scope, b"origin")
        is_change = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        # Browsers send Origin with every change and every websocket; programs send none.
        if is_change and origins and not (len(origins) == 1 and self._is_own_origin(origins[0], host)):
            return (
                f"Pages of {_quote(origins)} may not operate this console; send the request from a program, or add the "
                "host of the page to GENAIOPS_ALLOWED_HOSTS."
            )
        return ""

    def _is_own_origin(self, origin: str, host: Host) -> bool:
        scheme, separator, rest = origin.lower().partition("://")
        page = parse_host(rest)
        if not separator or page is None or scheme not in _DEFAULT_PORTS:
            return False
        # A proxy may have ended TLS, so the scheme of this request says nothing about the default port of the page.
        default_ports = (_DEFAULT_PORTS[scheme], None)
        is_same_port = page.port == host.port or (page.port in default_ports and host.port in default_ports)
        return (page.name == host.name and is_same_port) or matches_any(page, self._allowed_hosts)

    def _log_once(self, problem: str) -> None:
        # Bounded: the caller chooses the host.
        if problem not in self._logged and len(self._logged) < _MAX_LOGGED:
            self._logged.add(problem)
            _log.warning("a request was refused", problem=problem)


def _read_header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def _quote(values: Sequence[str]) -> str:
    text = ", ".join(values)[:100]
    return f"'{text}'" if text.isprintable() else "with control characters"


async def _send_refusal(send: Send, problem: str) -> None:
    body = orjson.dumps({"error": problem})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    # The body of the request is not read, so the connection cannot be used again.
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
