"""Serves the framework's scripts and styles compressed: a first visit loads 3 MB in place of 10.

The framework leaves the compression of its static files to a proxy. Here each file is compressed once, the first time a
browser requests it, and kept in memory. Websockets, ranges, uploads and every other path pass through unchanged.
"""

from __future__ import annotations

import asyncio
import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEDIA_TYPES = frozenset({"application/javascript", "text/javascript", "text/css"})
"""What is compressed; fonts and images are compressed already."""

MIN_BYTES = 1000
"""Smaller files gain nothing."""

MAX_FILES = 500
"""More than the framework has; a bound for paths that name one file in many ways."""

_FOLDER = "/static/"
_LEVEL = 6


class StaticGzip:
    """ASGI middleware around the console."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed: dict[tuple[str, str], asyncio.Task[bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_for_static_file(scope):
            await self._app(scope, receive, send)
            return
        responder = _Responder(self, scope["path"], send, accepts_gzip=_accepts_gzip(Headers(scope=scope)))
        await self._app(scope, receive, responder.send)

    async def compress(self, path: str, etag: str, body: bytes) -> bytes | None:
        """The compressed file, from memory after its first request; None when there are too many files."""
        key = (path, etag)
        if key not in self._compressed:
            if len(self._compressed) >= MAX_FILES:
                return None
            # A task, so that visitors who arrive together compress a file once; a thread, so that nobody else waits.
            self._compressed[key] = asyncio.create_task(asyncio.to_thread(gzip.compress, body, _LEVEL))
        # A visitor who leaves must not cancel it for the others.
        return await asyncio.shield(self._compressed[key])


class _Responder:
    """Replaces the body of one response."""

    def __init__(self, middleware: StaticGzip, path: str, send: Send, *, accepts_gzip: bool) -> None:
        self._middleware = middleware
        self._path = path
        self._send = send
        self._accepts_gzip = accepts_gzip
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Hold back a response that is to be compressed until its body is complete; pass on every other."""
        if message["type"] == "http.response.start" and _is_compressible(message):
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Accept-Encoding")
            if self._accepts_gzip:
                self._start = message
                return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        await self._finish(self._start, bytes(self._body))

    async def _finish(self, start: Message, body: bytes) -> None:
        headers = MutableHeaders(scope=start)
        compressed = await self._middleware.compress(self._path, headers.get("etag", ""), body)
        if compressed is not None:
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(compressed))
            # Ranges would count bytes of the other representation.
            headers["Accept-Ranges"] = "none"
            if (etag := headers.get("etag", "")) and not etag.startswith("W/"):
                headers["ETag"] = f"W/{etag}"
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body if compressed is None else compressed})


def _is_for_static_file(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    return scope["method"] == "GET" and path.startswith(_FOLDER) and "range" not in headers


def _is_compressible(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return (
        start["status"] == 200
        and headers.get("content-type", "").split(";")[0] in MEDIA_TYPES
        and "content-encoding" not in headers
        and int(headers.get("content-length", MIN_BYTES)) >= MIN_BYTES
    )


def _accepts_gzip(headers: Headers) -> bool:
    for coding in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = coding.replace(" ", "").partition(";q=")
        if name in ("gzip", "*"):
            return quality.strip("0.") != "" if quality else True
    return False
